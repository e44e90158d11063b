"""`OpSite`: everything a kernel may know of an operator; equal sites are scheduled once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakKeyDictionary

from lgsim.graph.core import Graph, Op, Tensor, TensorType
from lgsim.graph.ops import Cast, Conv
from lgsim.graph.ops.base import OpKind


@dataclass(frozen=True, slots=True)
class Operand:
    """An input of an op: its type, and whether it is a constant.

    `shared` says that others need it as well; only ops that may overwrite an operand are told.
    """

    type: TensorType
    weight: bool
    shared: bool = False


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
            tuple([Operand(x.type, x.weight, _is_shared(graph, op, x)) for x in tensors]),
            graph.output_types(op),
        )
    )


_OVERWRITING = (Cast, Conv)
"""Kinds whose kernels make intermediate values in the place of their operand."""


def _is_shared(graph: Graph, op: Op, tensor: Tensor) -> bool:
    if tensor.weight or not isinstance(op.attrs, _OVERWRITING):
        return False
    return len(graph.consumers(tensor.name)) > 1 or tensor.name in graph.outputs


@lru_cache(maxsize=4096)
def _interned(site: OpSite) -> OpSite:
    """The first of equal sites: one and the same object is found fastest in caches."""
    return site
