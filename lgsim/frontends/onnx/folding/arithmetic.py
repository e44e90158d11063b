"""Constant folding of arithmetic, logic and reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lgsim.frontends.onnx.folding.registry import (
    EVALUATORS,
    Evaluator,
    Inputs,
    TooLargeError,
    folds,
)
from lgsim.frontends.onnx.tensors import VALUE_LIMIT_ELEMENTS, Array

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lgsim.frontends.onnx.node import Node


def _divide(x: Array, y: Array) -> Array:
    if x.dtype.kind == "f":
        return np.asarray(x / y)
    return np.asarray(np.trunc(x / y).astype(x.dtype))  # integers divide towards zero


def _variadic(function: Callable[[Any, Any], Any]) -> Evaluator:
    def evaluate(_node: Node, inputs: Inputs) -> Sequence[Any]:
        total: Any = inputs[0]
        for operand in inputs[1:]:
            total = function(total, operand)
        return (total,)

    return evaluate


def _keeps_type(function: Callable[..., Any]) -> Evaluator:
    """An evaluator whose result has the first operand's element type, as ONNX demands."""

    def evaluate(_node: Node, inputs: Inputs) -> Sequence[Any]:
        assert inputs[0] is not None
        _check_size(inputs)
        return (np.asarray(function(*inputs)).astype(inputs[0].dtype),)

    return evaluate


def _logic(function: Callable[..., Any]) -> Evaluator:
    def evaluate(_node: Node, inputs: Inputs) -> Sequence[Any]:
        _check_size(inputs)
        return (function(*inputs),)

    return evaluate


def _check_size(inputs: Inputs) -> None:
    if np.broadcast(*(value for value in inputs if value is not None)).size > VALUE_LIMIT_ELEMENTS:
        raise TooLargeError


def _erf(x: Array) -> Array:
    from math import erf

    return np.vectorize(erf, otypes=[x.dtype])(x) if x.size else x


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "Abs": np.abs,
    "Add": np.add,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Div": _divide,
    "Erf": _erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "Log": np.log,
    "Mul": np.multiply,
    "Neg": np.negative,
    "Pow": np.power,
    "Reciprocal": np.reciprocal,
    "Relu": lambda x: np.maximum(x, 0),
    "Round": np.round,
    "Sigmoid": _sigmoid,
    "Sign": np.sign,
    "Sin": np.sin,
    "Softplus": lambda x: np.logaddexp(x, 0),
    "Sqrt": np.sqrt,
    "Sub": np.subtract,
    "Tan": np.tan,
    "Tanh": np.tanh,
}
_LOGIC: dict[str, Callable[..., Any]] = {
    "And": np.logical_and,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "IsInf": np.isinf,
    "IsNaN": np.isnan,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Where": np.where,
    "Xor": np.logical_xor,
}
EVALUATORS.update({name: _keeps_type(function) for name, function in _ARITHMETIC.items()})
EVALUATORS.update({name: _logic(function) for name, function in _LOGIC.items()})
EVALUATORS["Max"] = _variadic(np.maximum)
EVALUATORS["Min"] = _variadic(np.minimum)
EVALUATORS["Sum"] = _variadic(np.add)


@folds("Mod")
def _mod(node: Node, inputs: Inputs) -> Sequence[Any]:
    x, y = inputs
    assert x is not None
    assert y is not None
    return ((np.fmod if node.get("fmod", 0) else np.mod)(x, y),)


@folds("Clip")
def _clip(node: Node, inputs: Inputs) -> Sequence[Any]:
    x, low, high = [*inputs, None, None][:3]
    assert x is not None
    low = node.get("min", low)
    high = node.get("max", high)
    if low is not None:
        x = np.maximum(x, low)
    return (x if high is None else np.minimum(x, high),)


@folds("CumSum")
def _cumsum(node: Node, inputs: Inputs) -> Sequence[Any]:
    x, axis = inputs
    assert x is not None
    assert axis is not None
    along = int(axis.reshape(-1)[0])
    flipped = np.flip(x, along) if node.get("reverse", 0) else x
    total = np.cumsum(flipped, along, dtype=x.dtype)
    if node.get("exclusive", 0):
        total = total - flipped
    return (np.flip(total, along) if node.get("reverse", 0) else total,)


@folds("Trilu")
def _trilu(node: Node, inputs: Inputs) -> Sequence[Any]:
    x = inputs[0]
    diagonal = inputs[1] if len(inputs) > 1 else None
    assert x is not None
    k = 0 if diagonal is None else int(diagonal.reshape(-1)[0])
    return ((np.triu if node.get("upper", 1) else np.tril)(x, k),)


def _reduction(function: Callable[..., Any]) -> Evaluator:
    def evaluate(node: Node, inputs: Inputs) -> Sequence[Any]:
        x, given = [*inputs, None][:2]
        assert x is not None
        axes = node.get("axes", None if given is None else tuple(given.reshape(-1).tolist()))
        if not axes and node.get("noop_with_empty_axes", 0):
            return (x,)
        result = function(x, axis=axes or None, keepdims=bool(node.get("keepdims", 1)))
        return (np.asarray(result).astype(x.dtype),)

    return evaluate


EVALUATORS.update(
    ReduceMax=_reduction(np.max),
    ReduceMean=_reduction(np.mean),
    ReduceMin=_reduction(np.min),
    ReduceProd=_reduction(np.prod),
    ReduceSum=_reduction(np.sum),
)
