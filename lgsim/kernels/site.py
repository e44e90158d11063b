"""`OpSite`: everything a kernel may know of an operator; equal sites are scheduled once."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph.core import Graph, Op, TensorType
from lgsim.graph.ops.base import OpKind


@dataclass(frozen=True, slots=True)
class Operand:
    """An input of an op: its type, and whether it is a constant."""

    type: TensorType
    weight: bool


@dataclass(frozen=True, slots=True)
class OpSite:
    """An op without its name: attributes, operands and results. Hashable, so it is a cache key."""

    attrs: OpKind
    inputs: tuple[Operand, ...]
    outputs: tuple[TensorType, ...]

    @property
    def kind(self) -> str:
        """Name of the op kind."""
        return self.attrs.kind


def site_of(graph: Graph, op: Op) -> OpSite:
    """The site of `op` in `graph`."""
    tensors = [graph.tensor(name) for name in op.inputs]
    return OpSite(
        op.attrs,
        tuple(Operand(tensor.type, tensor.weight) for tensor in tensors),
        graph.output_types(op),
    )
