"""Lowering: the precision of a network becomes element types, casts and quantized ops."""

from lgsim.lowering.lower import lower
from lgsim.lowering.rules import FLOAT_OF

PRECISIONS = tuple(FLOAT_OF)

__all__ = ["PRECISIONS", "lower"]
