"""What a network is: `Graph`, `Op`, `Tensor`, element types, and the op catalogue in `ops`."""

from lgsim.graph.core import Graph, Op, Tensor, TensorType
from lgsim.graph.dtypes import DType

__all__ = ["DType", "Graph", "Op", "Tensor", "TensorType"]
