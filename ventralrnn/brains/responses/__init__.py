"""Responses of brains, wherever they come from: their one shape, their RDMs, and what a user should see of them."""
