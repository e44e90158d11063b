"""Activations spelled in elementary ops: GELU, SiLU, Mish, HardSwish, HardSigmoid."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

from lgsim.frontends.onnx.fusions.match import (
    active_operand,
    close,
    factors_of,
    inner,
    plus_one,
    product,
    replace_pattern,
)
from lgsim.graph.ops import Active, Add, AddConst, Clip, PowConst, Relu

if TYPE_CHECKING:
    from lgsim.graph.core import Graph, Op


def _pair(graph: Graph, op: Op, constant: float) -> list[tuple[str, str]]:
    """Both orders (x, gate) of a product constant·x·gate; empty if `op` is none."""
    value, factors = product(graph, op)
    if len(factors) != 2 or not close(value, constant):
        return []
    return [(factors[0], factors[1]), (factors[1], factors[0])]


def _fused(graph: Graph, op: Op, attrs: Active, x: str) -> bool:
    replace_pattern(graph, op, attrs, (x,))
    return True


def fuse_gelu(graph: Graph, op: Op) -> bool:
    """0.5·x·(1 + erf(x/√2)) in any order."""
    for x, gate in _pair(graph, op, 0.5):
        inside = plus_one(graph, gate)
        operand = active_operand(graph, inside, "erf") if inside else None
        if operand is None:
            continue
        scale, factors = factors_of(graph, operand)
        if factors == [x] and close(scale, 1 / sqrt(2)):
            return _fused(graph, op, Active("gelu"), x)
    return False


# √(2/π) and the cubic term of the tanh approximation (Hendrycks and Gimpel, 2016)
_TANH_SCALE = sqrt(2 / pi)
_CUBIC = 0.044715


def fuse_tanh_gelu(graph: Graph, op: Op) -> bool:
    """0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) in any order."""
    for x, gate in _pair(graph, op, 0.5):
        inside = plus_one(graph, gate)
        operand = active_operand(graph, inside, "tanh") if inside else None
        if operand is None:
            continue
        scale, factors = factors_of(graph, operand)
        if close(scale, _TANH_SCALE) and _is_cubic(graph, factors, x):
            return _fused(graph, op, Active("tanh_gelu"), x)
    return False


def _is_cubic(graph: Graph, factors: list[str], x: str) -> bool:
    """Whether the factors are x + 0.044715·x³, or x·(1 + 0.044715·x²)."""
    if len(factors) == 2 and x in factors:
        square = plus_one(graph, factors[1 - factors.index(x)])
        if square is None:
            return False
        scale, parts = factors_of(graph, square)
        return close(scale, _CUBIC) and parts == [x, x]
    found = inner(graph, factors[0], Add) if len(factors) == 1 else None
    if found is None or x not in found[0].inputs:
        return False
    left, right = found[0].inputs
    scale, parts = factors_of(graph, right if left == x else left)
    if len(parts) == 1 and (power := inner(graph, parts[0], PowConst)):
        parts = [power[0].inputs[0]] * 3 if power[1].exponent == 3.0 else []
    return close(scale, _CUBIC) and parts == [x, x, x]


def fuse_silu(graph: Graph, op: Op) -> bool:
    """x·sigmoid(x), or QuickGELU x·sigmoid(1.702·x)."""
    for x, gate in _pair(graph, op, 1.0):
        operand = active_operand(graph, gate, "sigmoid")
        if operand is None:
            continue
        if operand == x:
            return _fused(graph, op, Active("silu"), x)
        scale, factors = factors_of(graph, operand)
        if factors == [x] and close(scale, 1.702):
            return _fused(graph, op, Active("quick_gelu"), x)
    return False


def fuse_mish(graph: Graph, op: Op) -> bool:
    """x·tanh(softplus(x)), also with softplus as log(1 + exp(x))."""
    for x, gate in _pair(graph, op, 1.0):
        operand = active_operand(graph, gate, "tanh")
        if operand is None:
            continue
        source = active_operand(graph, operand, "softplus")
        if source is None and (logarithm := active_operand(graph, operand, "log")):
            raised = plus_one(graph, logarithm)
            source = active_operand(graph, raised, "exp") if raised else None
        if source == x:
            return _fused(graph, op, Active("mish"), x)
    return False


def fuse_hard_swish(graph: Graph, op: Op) -> bool:
    """x·hard_sigmoid(x) with slope 1/6, or x·relu6(x + 3)/6."""
    for x, gate in _pair(graph, op, 1.0):
        found = inner(graph, gate, Active)
        if found is None or found[0].inputs[0] != x or found[1].mode != "hard_sigmoid":
            continue
        if close(found[1].alpha, 1 / 6) and close(found[1].beta, 0.5):
            return _fused(graph, op, Active("hard_swish"), x)
    for x, gate in _pair(graph, op, 1 / 6):
        if _ramp_operand(graph, gate) == x:
            return _fused(graph, op, Active("hard_swish"), x)
    return False


def fuse_hard_sigmoid(graph: Graph, op: Op) -> bool:
    """relu6(x + 3)/6."""
    constant, factors = product(graph, op)
    x = _ramp_operand(graph, factors[0]) if len(factors) == 1 else None
    if x is None or not close(constant, 1 / 6):
        return False
    return _fused(graph, op, Active("hard_sigmoid", alpha=1 / 6, beta=0.5), x)


def _ramp_operand(graph: Graph, tensor: str) -> str | None:
    """Find x of min(max(x + 3, 0), 6)."""
    relu, clip = inner(graph, tensor, Relu), inner(graph, tensor, Clip)
    if relu is not None and relu[1].limit == 6.0:
        shifted = relu[0].inputs[0]
    elif clip is not None and (clip[1].low, clip[1].high) == (0.0, 6.0):
        shifted = clip[0].inputs[0]
    else:
        return None
    found = inner(graph, shifted, AddConst)
    return found[0].inputs[0] if found and close(found[1].value, 3.0) else None
