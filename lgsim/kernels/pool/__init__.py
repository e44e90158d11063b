"""Pooling: in local memory, and alone."""
