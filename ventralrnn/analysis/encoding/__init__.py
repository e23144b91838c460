"""Predicting neurons from a model's states: ridge, banded ridge, partial least squares."""
