"""TODO first line."""
