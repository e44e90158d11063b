"""Builds the lowered graph: tensors by old name, conversions on demand and only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lgsim.graph import ops
from lgsim.graph.core import Graph, Tensor, TensorType
from lgsim.graph.dtypes import DType

BYTES = (DType.I8, DType.U8)


class Emitter:
    """The graph under construction and what is known of its tensors.

    Parameters
    ----------
    source : Graph
        The graph that is lowered.
    """

    def __init__(self, source: Graph) -> None:
        self.source = source
        self.graph = Graph(source.name)
        self.graph.warnings = list(source.warnings)
        self.non_negative: set[str] = set()  # new names
        self._current: dict[str, str] = {}  # old name -> new name
        self._weights: dict[tuple[str, DType], str] = {}
        self._converted: dict[tuple[str, DType], str] = {}

    # -- tensors ---------------------------------------------------------------------------

    def bind(self, old: str, new: str) -> None:
        """Say that tensor `new` stands for tensor `old` of the source."""
        self._current[old] = new

    def value(self, old: str) -> str:
        """The tensor that stands for an activation of the source."""
        return self._current[old]

    def dtype(self, new: str) -> DType:
        """Element type of a tensor of the lowered graph."""
        return self.graph.tensor(new).dtype

    def weight(self, old: str, dtype: DType) -> str:
        """A weight of the source with an element type; whole numbers stay whole numbers."""
        tensor = self.source.tensor(old)
        if not tensor.dtype.is_float:
            dtype = DType.I32 if tensor.dtype is DType.I64 else tensor.dtype
        key = (old, dtype)
        if key not in self._weights:
            name = old if not self.graph.has_tensor(old) else f"{old}_{dtype.value}"
            name = self.graph.unique_name(name)
            type_ = replace(tensor.type, dtype=dtype)
            self.graph.add_tensor(replace(tensor, name=name, type=type_))
            self._weights[key] = name
        return self._weights[key]

    def parameter(self, stem: str, shape: tuple[int, ...], dtype: DType) -> str:
        """A new weight without values: a table or scaling parameters."""
        name = self.graph.unique_name(stem)
        self.graph.add_tensor(Tensor(name, TensorType(shape, dtype), weight=True))
        return name

    # -- ops -------------------------------------------------------------------------------

    def emit(self, attrs: ops.OpKind, inputs: Sequence[str], name: str, dtype: DType) -> str:
        """Append an op of one result and give the result an element type."""
        name = self.graph.unique_name(name)
        self.graph.add_op(attrs, inputs, [name])
        self.graph.set_type(name, replace(self.graph.tensor(name).type, dtype=dtype))
        return name

    def convert(self, tensor: str, dtype: DType) -> str:
        """The tensor with an element type, through a cast or requantization if it has another.

        Asking for `DType.I8` means 8 bits: unsigned ones do as well, and values known not to be
        negative become unsigned.
        """
        have = self.dtype(tensor)
        if have is dtype or (dtype is DType.I8 and have in BYTES):
            return tensor
        if dtype is DType.I8 and tensor in self.non_negative:
            dtype = DType.U8
        key = (tensor, dtype)
        if key not in self._converted:
            self._converted[key] = self._conversion(tensor, dtype)
        return self._converted[key]

    def _conversion(self, tensor: str, dtype: DType) -> str:
        is_sum = self.dtype(tensor) is DType.I32 and not self._is_index(tensor)
        if is_sum and dtype in BYTES:
            result = self.emit(ops.RequantInt(dtype), [tensor], f"{tensor}_requant", dtype)
        else:
            if is_sum:
                tensor = self.convert(tensor, DType.I8)
            result = self.emit(ops.Cast(dtype), [tensor], f"{tensor}_{dtype.value}", dtype)
        if tensor in self.non_negative:
            self.non_negative.add(result)
        return result

    def _is_index(self, tensor: str) -> bool:
        """Whether whole numbers are data of the network, not sums of products."""
        producer = self.graph.producer(tensor)
        while producer is not None and isinstance(producer.attrs, ops.Add | ops.Reshape):
            producer = self.graph.producer(producer.inputs[0])
        accumulating = ops.Conv | ops.Deconv | ops.MatMul | ops.Attention
        return producer is None or not isinstance(producer.attrs, accumulating)
