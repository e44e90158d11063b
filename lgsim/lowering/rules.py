"""Which element type each op kind computes in: one table per precision, for all networks.

Derived by comparing the vendor's lowered graphs with the networks they came from; the reason
stands beside each entry.
"""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph import ops
from lgsim.graph.core import Op
from lgsim.graph.dtypes import DType

# The 16-bit or 32-bit type in which an op computes where its inputs are floating point.
FLOAT_OF = {
    "f32": DType.F32,
    "f16": DType.F16,
    "bf16": DType.BF16,
    "int8": DType.F16,  # ops without an 8-bit form run in half precision
}

# Zero-cost renamings keep the type their operand has: a cast moves behind them, to the op that
# needs it.
RENAMING = (ops.Reshape, ops.Squeeze, ops.Unsqueeze)

# Ops that move or select elements: results have their operand's type and, in int8, its scale.
MOVING = (
    *RENAMING,
    ops.Permute,
    ops.Slice,
    ops.Tile,
    ops.Pad,
    ops.Depth2Space,
    ops.SwapDimInner,
    ops.ShuffleChannel,
    ops.Upsample,
)

# Ops with an 8-bit form.
INT8_KINDS = (
    *MOVING,
    ops.Conv,
    ops.Deconv,
    ops.MatMul,
    ops.Attention,
    ops.Add,
    ops.Sub,
    ops.Mul,
    ops.Min,
    ops.Max,
    ops.AddConst,
    ops.SubConst,
    ops.MulConst,
    ops.MinConst,
    ops.MaxConst,
    ops.Active,  # a table of 256 entries
    ops.Relu,
    ops.LeakyRelu,
    ops.PRelu,
    ops.Clip,
    ops.Pool,
    ops.Concat,
    ops.Scale,
    ops.Gather,
)

# Functions that a few exact instructions compute, in any type; the others are series.
EXACT_MODES = frozenset(
    {
        "hard_swish",
        "hard_sigmoid",
        "thresholded_relu",
        "square",
        "abs",
        "neg",
        "sign",
        "floor",
        "ceil",
        "round",
        "not",
        "is_nan",
        "is_inf",
    }
)

# Results of these functions are never negative, so that int8 stores them unsigned.
NON_NEGATIVE_MODES = frozenset(
    {"sigmoid", "hard_sigmoid", "exp", "square", "abs", "sqrt", "rsqrt", "softplus"}
)


@dataclass(frozen=True, slots=True)
class Placement:
    """How an op is lowered.

    Attributes
    ----------
    integer : bool
        Whether it computes on 8-bit integers.
    compute : DType
        Floating-point type it computes in otherwise.
    """

    integer: bool
    compute: DType


def placement(op: Op, precision: str, has_weight: bool) -> Placement:
    """Where an op computes in a network of a precision.

    Parameters
    ----------
    op : Op
        The op, before lowering.
    precision : str
        ``f32``, ``f16``, ``bf16`` or ``int8``.
    has_weight : bool
        Whether one of its operands is a constant.
    """
    half = FLOAT_OF[precision]
    if precision == "int8" and _has_int8_form(op, has_weight):
        return Placement(True, half)
    if isinstance(op.attrs, ops.Attention) and half is DType.F32:
        half = DType.F16  # the fused kernel multiplies on the cube, which knows no 32-bit floats
    return Placement(False, DType.F32 if _needs_f32(op) else half)


def _has_int8_form(op: Op, has_weight: bool) -> bool:
    # A constant that is concatenated (a class token) or looked up has no scale in common with
    # the activations, so these stay in half precision.
    if isinstance(op.attrs, ops.Concat | ops.Gather) and has_weight:
        return False
    if isinstance(op.attrs, ops.Reduce):
        return op.attrs.mode in ("mean", "max", "min")
    return isinstance(op.attrs, INT8_KINDS)


def _needs_f32(op: Op) -> bool:
    # Series expansions of the special-function unit and long sums lose too much in 16 bits: the
    # vendor casts around activations and average pooling (all of its half-precision networks).
    if isinstance(op.attrs, ops.Active):
        return op.attrs.mode not in EXACT_MODES
    if isinstance(op.attrs, ops.CumSum):
        return True
    if isinstance(op.attrs, ops.Pool):
        return op.attrs.mode != "max"
    return isinstance(op.attrs, ops.Reduce) and op.attrs.mode not in ("max", "min")
