"""Evaluation of arithmetic on elements: two operands, or one and a constant."""

from __future__ import annotations

import numpy as np

from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function, relu_if

_COMPARE = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}


def _div(_: ops.Div, x: Array, y: Array) -> Array:
    """Quotient; integers are rounded towards zero, as in ONNX."""
    if np.issubdtype(np.result_type(x, y), np.integer):
        return np.asarray((x - np.fmod(x, y)) // y)
    return np.asarray(x / y)


def _compare_const(attrs: ops.CompareConst, x: Array) -> Array:
    pair = (attrs.value, x) if attrs.reverse else (x, attrs.value)
    return np.asarray(_COMPARE[attrs.mode](*pair))


def _sub_const(attrs: ops.SubConst, x: Array) -> Array:
    return relu_if(attrs.relu, attrs.value - x if attrs.reverse else x - attrs.value)


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.Add: lambda attrs, x, y: relu_if(attrs.relu, x + y),
    ops.Sub: lambda attrs, x, y: relu_if(attrs.relu, x - y),
    ops.Mul: lambda attrs, x, y: relu_if(attrs.relu, x * y),
    ops.Div: _div,
    ops.Min: lambda _, x, y: np.minimum(x, y),
    ops.Max: lambda _, x, y: np.maximum(x, y),
    ops.Pow: lambda _, x, y: np.power(x, y),
    ops.Mod: lambda _, x, y: np.mod(x, y),
    ops.Compare: lambda attrs, x, y: _COMPARE[attrs.mode](x, y),
    ops.Where: lambda _, condition, x, y: np.where(condition, x, y),
    ops.AddConst: lambda attrs, x: relu_if(attrs.relu, x + attrs.value),
    ops.SubConst: _sub_const,
    ops.MulConst: lambda attrs, x: relu_if(attrs.relu, x * attrs.value),
    ops.DivConst: lambda attrs, x: attrs.value / x,
    ops.MinConst: lambda attrs, x: np.minimum(x, attrs.value),
    ops.MaxConst: lambda attrs, x: np.maximum(x, attrs.value),
    ops.PowConst: lambda attrs, x: np.power(x, attrs.exponent),
    ops.CompareConst: _compare_const,
}
