"""Convolutions, 1-D to 3-D, and transposed ones: in local memory, and alone."""
