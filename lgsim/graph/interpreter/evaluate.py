"""`evaluate`: run a graph on arrays, op by op."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lgsim.errors import LgsimError
from lgsim.graph.core import Graph, Op
from lgsim.graph.interpreter import (
    activation,
    conv,
    elementwise,
    index,
    layout,
    matmul,
    norm,
    recurrent,
    reduce,
    resize,
)
from lgsim.graph.interpreter.arrays import Array, Function, as_declared
from lgsim.graph.ops import Upsample
from lgsim.graph.ops.base import OpKind

_FUNCTIONS: dict[type[OpKind], Function] = {
    **activation.FUNCTIONS,
    **conv.FUNCTIONS,
    **elementwise.FUNCTIONS,
    **index.FUNCTIONS,
    **layout.FUNCTIONS,
    **matmul.FUNCTIONS,
    **norm.FUNCTIONS,
    **recurrent.FUNCTIONS,
    **reduce.FUNCTIONS,
    **resize.FUNCTIONS,
}

# How many operands matter to the result, where it is not all of them: the table of positions
# that a lowered Upsample reads repeats what its attributes say.
_READS: dict[type[OpKind], int] = {Upsample: 1}


def supported(attrs: OpKind) -> bool:
    """Whether the interpreter knows an op kind."""
    return type(attrs) in _FUNCTIONS


def evaluate(
    graph: Graph,
    inputs: Mapping[str, Array],
    weights: Mapping[str, Array] | None = None,
    dtype: Any = np.float64,
    *,
    keep_all: bool = False,
) -> dict[str, Array]:
    """Compute what a graph computes.

    Every floating-point type of the graph is computed in `dtype`, so that casts between them do
    nothing; integers are 64 bits wide. A graph lowered to int8 is refused: its results depend on
    the calibration.

    Parameters
    ----------
    graph : Graph
        As imported, rewritten, or lowered to a floating-point precision.
    inputs : mapping of str to ndarray
        One array per graph input.
    weights : mapping of str to ndarray, optional
        Values of weights, instead of those they carry. Every weight that is read needs values;
        `with_random_weights` makes some up.
    dtype : numpy dtype
        Type in which floating-point numbers are computed.
    keep_all : bool
        Return all tensors, weights included, instead of the graph outputs.

    Returns
    -------
    dict of str to ndarray
        The graph outputs, in order; or all tensors.

    Raises
    ------
    LgsimError
        If an input or the values of a weight are missing or have another shape, an op is not
        known, or a result has another shape than the graph says.
    """
    if graph.precision == "int8":
        raise LgsimError(
            "a graph lowered to int8 cannot be interpreted",
            where=graph.name,
            hint="interpret it before lowering",
        )
    values = _given(graph, inputs, weights or {}, dtype)
    last = {} if keep_all else _last_readers(graph)
    for op in graph:
        read = op.inputs[: _READS.get(type(op.attrs))]
        operands = [_operand(values, tensor, graph, op) for tensor in read]
        for tensor, result in zip(op.outputs, _run(graph, op, operands), strict=True):
            values[tensor] = as_declared(result, graph.tensor(tensor).dtype, dtype)
        for tensor in op.inputs:
            if last.get(tensor) == op.name:
                values.pop(tensor, None)
    return values if keep_all else {name: values[name] for name in graph.outputs}


def _given(
    graph: Graph, inputs: Mapping[str, Array], weights: Mapping[str, Array], dtype: Any
) -> dict[str, Array]:
    """Values of the inputs and of those weights that have some."""
    values: dict[str, Array] = {}
    for tensor in graph.tensors:
        value = None
        if tensor.name in graph.inputs:
            if tensor.name not in inputs:
                raise LgsimError(f"input '{tensor.name}' is missing", where=graph.name)
            value = np.asarray(inputs[tensor.name])
        elif tensor.weight:
            value = weights.get(tensor.name, tensor.data)
        if value is None:
            continue
        if value.shape != tensor.shape:
            raise LgsimError(
                f"'{tensor.name}' is {value.shape}, not {tensor.shape}", where=graph.name
            )
        values[tensor.name] = as_declared(np.asarray(value), tensor.dtype, dtype)
    return values


def _last_readers(graph: Graph) -> dict[str, str]:
    """The op after which a tensor is not needed any more; outputs always are."""
    last = {tensor: op.name for op in graph for tensor in op.inputs}
    return {tensor: op for tensor, op in last.items() if tensor not in graph.outputs}


def _operand(values: Mapping[str, Array], tensor: str, graph: Graph, op: Op) -> Array:
    if tensor not in values:
        raise LgsimError(
            f"weight '{tensor}' has no values",
            where=_place(graph, op),
            hint="give it some with with_random_weights, before the graph is rewritten",
        )
    return values[tensor]


def _run(graph: Graph, op: Op, operands: list[Array]) -> tuple[Array, ...]:
    """Results of an op, whose shapes are checked."""
    if not supported(op.attrs):
        raise LgsimError("the interpreter does not know this op", where=_place(graph, op))
    try:
        result = _FUNCTIONS[type(op.attrs)](op.attrs, *operands)
    except LgsimError as error:
        error.where = error.where or _place(graph, op)
        raise
    results = result if isinstance(result, tuple) else (np.asarray(result),)
    for tensor, value in zip(op.outputs, results, strict=True):
        expected = graph.tensor(tensor).shape
        if value.shape != expected:
            raise LgsimError(
                f"the result is {value.shape}, not {expected}", where=_place(graph, op)
            )
    return results


def _place(graph: Graph, op: Op) -> str:
    return f"{graph.name}: {op.kind} '{op.name}'"
