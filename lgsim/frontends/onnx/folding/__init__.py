"""Constant folding with NumPy; importing the package registers all evaluators."""

from lgsim.frontends.onnx.folding import arithmetic, layout
from lgsim.frontends.onnx.folding.registry import fold

__all__ = ["arithmetic", "fold", "layout"]
