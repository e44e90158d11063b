"""Builders of commands, what all kernels are written with: each unit's law is applied here."""
