"""Comparing RDMs: every state of a model with every state of a brain, in one call."""
