"""`Rewrite`: one transformation of a graph that leaves its results unchanged; and its helpers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from lgsim.graph.core import Graph, Op, Shape, Tensor, TensorType

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

PRECISIONS = ("f32", "f16", "bf16", "int8")


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A place where a rewrite all but applies, and the condition that fails."""

    op: str
    condition: str


class Rewrite(ABC):
    """A transformation that `apply_rewrites` runs; subclasses live in one file each.

    Attributes
    ----------
    name : str
        What ``--disable`` takes.
    summary : str
        One line for ``lgsim features``.
    precisions : tuple of str
        Precisions it applies to; results never depend on it, but profit does.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]] = PRECISIONS

    def __init__(self, precision: str = "f32") -> None:
        self.precision = precision

    @abstractmethod
    def apply(self, graph: Graph) -> int:
        """Edit the graph in place, wherever the pattern matches; returns how often it did."""

    def obstacle(self, graph: Graph, op: Op) -> str | None:
        """The condition that fails where most of the pattern is found at `op`, else None."""
        del graph, op
        return None

    def near_misses(self, graph: Graph) -> Iterator[NearMiss]:
        """All places where the rewrite nearly applies; only asked for when it is explained."""
        for op in graph:
            condition = self.obstacle(graph, op)
            if condition is not None:
                yield NearMiss(op.name, condition)


def live_ops(graph: Graph) -> Iterator[Op]:
    """The ops of a graph that is being edited, in order; removed ones are left out."""
    for name in [op.name for op in graph]:
        if graph.has_op(name):
            yield graph.op(name)


def sole_consumer(graph: Graph, tensor: str) -> Op | None:
    """The op that alone reads `tensor`, if there is just one and it is no graph output."""
    readers = graph.consumers(tensor)
    return readers[0] if len(readers) == 1 and tensor not in graph.outputs else None


def may_bypass(graph: Graph, op: Op, source: str) -> bool:
    """Whether readers of an op may read `source` instead: every output needs an op of its own."""
    if op.outputs[0] not in graph.outputs:
        return True
    return graph.producer(source) is not None and source not in graph.outputs


def bypass(graph: Graph, op: Op) -> None:
    """Remove an op of one result whose readers can read its first input instead."""
    graph.replace_uses(op.outputs[0], op.inputs[0])
    graph.remove_op(op.name)


def replace_result(graph: Graph, old: Op, tensor: str) -> None:
    """Make everybody read `tensor` instead of the result of `old`, and drop what is then dead."""
    graph.replace_uses(old.outputs[0], tensor)
    drop_dead(graph, old)


def drop_dead(graph: Graph, op: Op) -> None:
    """Remove an op nobody reads, and then its producers as far as they are dead too."""
    stack = [op.name]
    while stack:
        name = stack.pop()
        if not graph.has_op(name):
            continue
        current = graph.op(name)
        if any(graph.consumers(t) or t in graph.outputs for t in current.outputs):
            continue
        producers = [graph.producer(tensor) for tensor in current.inputs]
        graph.remove_op(name)
        stack.extend(producer.name for producer in producers if producer is not None)


def derived_weight(
    graph: Graph,
    stem: str,
    shape: Shape,
    sources: Sequence[str],
    compute: Callable[..., Array],
) -> str:
    """Add a weight computed offline from other weights; returns its name.

    Trained weights have no values; those that have (small constants, tests) are computed.

    Parameters
    ----------
    graph : Graph
        Graph to add to.
    stem : str
        Name, made unique.
    shape : tuple of int
        Shape of the new weight.
    sources : sequence of str
        Weights it is computed from; it takes the element type of the first.
    compute : callable
        NumPy function of the sources' values.
    """
    tensors = [graph.tensor(name) for name in sources]
    values = [tensor.data for tensor in tensors]
    known = [value for value in values if value is not None]
    data = None
    if len(known) == len(values):
        data = compute(*known).reshape(shape)
    name = graph.unique_name(stem)
    graph.add_tensor(Tensor(name, TensorType(tuple(shape), tensors[0].dtype), True, data))
    return name


def append(graph: Graph, attrs: Any, inputs: Sequence[str], stem: str) -> str:
    """Append an op of one result under a unique name; returns the tensor."""
    name = graph.unique_name(stem)
    graph.add_op(attrs, inputs, [name])
    return name


def is_weight(graph: Graph, tensor: str) -> bool:
    """Whether a tensor is a constant."""
    return graph.tensor(tensor).weight
