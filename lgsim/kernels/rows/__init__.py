"""Ops that see a tensor as rows: normalisations, softmax, reductions along an axis."""
