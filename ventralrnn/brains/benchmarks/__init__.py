"""Benchmarks of our own: how like a brain each area of a model is at each step, and when."""
