"""Ops that only move elements: layouts, slices, rolls, padding, look-ups, resizing."""
