"""Similarities of states that need no RDM: centred kernel alignment, shape distances."""
