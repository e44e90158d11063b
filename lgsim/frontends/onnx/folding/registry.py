"""Constant folding: nodes whose inputs are all known are computed with NumPy.

Evaluators are registered per ONNX op with `@folds`, in the modules of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.tensors import Array, Constant

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node

Inputs = list[Array | None]
Evaluator = Callable[["Node", Inputs], Sequence[Any]]

EVALUATORS: dict[str, Evaluator] = {}


def folds(*op_types: str) -> Callable[[Evaluator], Evaluator]:
    """Register the decorated function as the evaluator of these ONNX op types."""

    def register(function: Evaluator) -> Evaluator:
        for op_type in op_types:
            EVALUATORS[op_type] = function
        return function

    return register


class TooLargeError(Exception):
    """The result of a folding is not worth its memory; the op's shape rule will do."""


def fold(ctx: ImportContext, node: Node) -> bool:
    """Replace a node by constants if everything it reads is known; whether it was.

    Raises
    ------
    LgsimError
        If NumPy refuses the operands.
    """
    evaluator = EVALUATORS.get(node.key)
    if evaluator is None:
        return False
    inputs: Inputs = []
    for name in node.inputs:
        value = ctx.value(name) if name else None
        if name and value is None:
            return False
        inputs.append(value)
    try:
        with np.errstate(all="ignore"):
            results = evaluator(node, inputs)
    except TooLargeError:
        return False
    except (ValueError, IndexError, TypeError, OverflowError, MemoryError) as error:
        raise LgsimError(f"its constant operands do not fit: {error}") from error
    for name, result in zip(node.outputs, results, strict=False):
        if name:
            ctx.add_constant(name, Constant.of(np.asarray(result)))
    return True
