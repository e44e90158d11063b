"""`OpSite`: everything a kernel may know of an operator; equal sites are scheduled once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakKeyDictionary

from lgsim.graph.core import Graph, Op, TensorType
from lgsim.graph.ops.base import OpKind


@dataclass(frozen=True, slots=True)
class Operand:
    """An input of an op: its type, and whether it is a constant."""

    type: TensorType
    weight: bool


@dataclass(frozen=True, slots=True)
class OpSite:
    """An op without its name: attributes, operands and results. Hashable, so it is a cache key.

    The hash is computed once: sites are keys of every cache of costs.
    """

    attrs: OpKind
    inputs: tuple[Operand, ...]
    outputs: tuple[TensorType, ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.attrs, self.inputs, self.outputs)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def kind(self) -> str:
        """Name of the op kind."""
        return self.attrs.kind


_KNOWN: WeakKeyDictionary[Graph, dict[str, OpSite]] = WeakKeyDictionary()
"""Sites by name of op, of graphs that nobody edits any more."""


def site_of(graph: Graph, op: Op) -> OpSite:
    """The site of `op` in `graph`; found once per op of a graph that is ready to be planned."""
    if not graph.prepared:
        return _site(graph, op)
    known = _KNOWN.get(graph)
    if known is None:
        known = _KNOWN[graph] = {}
    site = known.get(op.name)
    if site is None:
        site = known[op.name] = _site(graph, op)
    return site


def _site(graph: Graph, op: Op) -> OpSite:
    tensors = [graph.tensor(name) for name in op.inputs]
    return _interned(
        OpSite(
            op.attrs,
            tuple([Operand(tensor.type, tensor.weight) for tensor in tensors]),
            graph.output_types(op),
        )
    )


@lru_cache(maxsize=4096)
def _interned(site: OpSite) -> OpSite:
    """The first of equal sites: one and the same object is found fastest in caches."""
    return site
