"""Ops that compute each element by itself, casts and requantisation among them."""
