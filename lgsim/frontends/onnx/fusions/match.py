"""What pattern fusions share: walking to producers, products, replacing."""

from __future__ import annotations

from dataclasses import replace
from math import isclose
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lgsim.graph.core import Graph, Op, Shape, Tensor, TensorType
from lgsim.graph.ops import Active, AddConst, Mul, MulConst
from lgsim.graph.ops.base import OpKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Array = np.ndarray[Any, Any]

Kind = TypeVar("Kind", bound=OpKind)

# Constants are exported with as few as three digits, and half precision keeps about three.
_TOLERANCE = 2e-3


def close(value: float, wanted: float) -> bool:
    """Whether an exported constant means `wanted`."""
    return isclose(value, wanted, rel_tol=_TOLERANCE)


def is_single_use(graph: Graph, tensor: str) -> bool:
    """Whether exactly one op reads the tensor, and it is no output of the graph."""
    return len(graph.consumers(tensor)) == 1 and tensor not in graph.outputs


def made_by(graph: Graph, tensor: str, kind: type[Kind]) -> tuple[Op, Kind] | None:
    """The op of that kind that writes the tensor, and its attributes."""
    op = graph.producer(tensor)
    return (op, op.attrs) if op is not None and isinstance(op.attrs, kind) else None


def inner(graph: Graph, tensor: str, kind: type[Kind]) -> tuple[Op, Kind] | None:
    """Like `made_by`, for a tensor that nothing outside of the pattern may read."""
    return made_by(graph, tensor, kind) if is_single_use(graph, tensor) else None


def active_operand(graph: Graph, tensor: str, mode: str) -> str | None:
    """Operand of the `Active` of that mode that writes the tensor for a single reader."""
    found = inner(graph, tensor, Active)
    return found[0].inputs[0] if found and found[1].mode == mode else None


def plus_one(graph: Graph, tensor: str) -> str | None:
    """Find x of the tensor x + 1, which must have a single reader."""
    found = inner(graph, tensor, AddConst)
    return found[0].inputs[0] if found and close(found[1].value, 1.0) else None


def product(graph: Graph, op: Op) -> tuple[float, list[str]]:
    """The factors of a product that may be spelled in several multiplications.

    Returns the product of its constant numbers, and the tensors that are multiplied; a factor
    that is itself a product with no other reader is taken apart.
    """
    constant, factors = 1.0, []
    pending = [op]
    while pending:
        current = pending.pop()
        if isinstance(current.attrs, MulConst):
            constant *= current.attrs.value
        for tensor in current.inputs:
            producer = graph.producer(tensor)
            is_product = producer is not None and isinstance(producer.attrs, Mul | MulConst)
            if producer is not None and is_product and is_single_use(graph, tensor):
                pending.append(producer)
                if len(current.inputs) == 2 and current.inputs[0] == current.inputs[1]:
                    pending.append(producer)  # a square has the factors twice
                    break
            else:
                factors.append(tensor)
    return constant, factors


def factors_of(graph: Graph, tensor: str) -> tuple[float, list[str]]:
    """Like `product`, of a tensor; one that is no product is its own only factor."""
    producer = graph.producer(tensor)
    if producer is None or not isinstance(producer.attrs, Mul | MulConst):
        return 1.0, [tensor]
    return product(graph, producer) if is_single_use(graph, tensor) else (1.0, [tensor])


def replace_pattern(graph: Graph, last: Op, attrs: OpKind, inputs: Sequence[str]) -> None:
    """Put one op in the place of a pattern's last one, and drop what nobody reads any more."""
    graph.replace_op(last.name, attrs, inputs)
    pending = list(last.inputs)
    while pending:
        tensor = pending.pop()
        op = graph.producer(tensor)
        if op is None or any(graph.consumers(t) or t in graph.outputs for t in op.outputs):
            continue
        graph.remove_op(op.name)
        pending.extend(op.inputs)


def reshaped_weight(graph: Graph, name: str, shape: Shape) -> str:
    """A weight in another shape of as many elements: itself, or a new weight like it."""
    weight = graph.tensor(name)
    if weight.shape == shape:
        return name
    data = None if weight.data is None else weight.data.reshape(shape)
    type_ = TensorType(shape, weight.dtype)
    new = graph.unique_name(f"{name}/{'x'.join(map(str, shape))}")
    return graph.add_tensor(replace(Tensor(new, type_, weight=True), data=data)).name


def folded_weight(
    graph: Graph, op: Op, name: str, sources: Sequence[str], compute: Callable[..., Array]
) -> str:
    """A weight of `op` with other weights folded into it offline; returns its name.

    It is the same weight with other values, or a new one where other ops read the old one too.
    Unless the values of all are known, those of the result are not.

    Parameters
    ----------
    graph : Graph
        Graph that is edited.
    op : Op
        The op that reads the weight, and stands for it after the fusion.
    name : str
        The weight; the result has its shape.
    sources : sequence of str
        Weights that go into it.
    compute : callable
        NumPy function of the values of the weight and of the sources.
    """
    weight = graph.tensor(name)
    values = [graph.tensor(tensor).data for tensor in (name, *sources)]
    data = None
    if all(value is not None for value in values):
        with np.errstate(all="ignore"):  # what overflows does so in the network as well
            data = compute(*values)
    private = all(reader.name == op.name for reader in graph.consumers(name))
    if private and data is not None:
        graph.set_data(name, data)
        return name
    if private and weight.data is None:
        return name
    new = graph.unique_name(f"{name}/folded")
    return graph.add_tensor(Tensor(new, weight.type, weight=True, data=data)).name


def channel_weight(graph: Graph, name: str, rank: int, axis: int, size: int) -> bool:
    """Whether a tensor is a weight with `size` elements along one axis of a rank, 1 elsewhere."""
    tensor = graph.tensor(name)
    if not tensor.weight or len(tensor.shape) > rank:
        return False
    padded = (1,) * (rank - len(tensor.shape)) + tensor.shape
    return padded == tuple(size if i == axis else 1 for i in range(rank))


def trailing_axis(axes: Shape, rank: int) -> int | None:
    """First of `axes` if they are the last dimensions of a rank, else None."""
    first = rank - len(axes)
    return first if axes == tuple(range(first, rank)) else None
