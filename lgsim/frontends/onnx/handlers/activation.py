"""Functions of one element."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from lgsim.frontends.onnx.registry import handles
from lgsim.frontends.onnx.tensors import onnx_dtype
from lgsim.graph.ops import Active, Cast, Clip, DivConst, LeakyRelu, PRelu, Relu

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.dtypes import DType

# ONNX op type -> mode of `Active`
_PLAIN = {
    "Abs": "abs", "Acos": "acos", "Acosh": "acosh", "Asin": "asin", "Asinh": "asinh",
    "Atan": "atan", "Atanh": "atanh", "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh",
    "Erf": "erf", "Exp": "exp", "Floor": "floor", "HardSwish": "hard_swish",
    "IsInf": "is_inf", "IsNaN": "is_nan", "Log": "log", "Mish": "mish", "Neg": "neg",
    "Not": "not", "Round": "round", "Selu": "selu", "Sigmoid": "sigmoid", "Sign": "sign",
    "Sin": "sin", "Sinh": "sinh", "Softplus": "softplus", "Softsign": "softsign",
    "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh",
}  # fmt: skip

# ONNX op type -> mode of `Active` and ONNX's default of the attribute ``alpha``
_WITH_ALPHA = {
    "Celu": ("celu", 1.0),
    "Elu": ("elu", 1.0),
    "ThresholdedRelu": ("thresholded_relu", 1.0),
}


@handles(*_PLAIN)
def plain(ctx: ImportContext, node: Node) -> None:
    """A function without parameters."""
    ctx.unary(node, Active(_PLAIN[node.key]))


@handles(*_WITH_ALPHA)
def with_alpha(ctx: ImportContext, node: Node) -> None:
    """A function with the parameter alpha."""
    mode, default = _WITH_ALPHA[node.key]
    ctx.unary(node, Active(mode, alpha=node.get("alpha", default)))


@handles("HardSigmoid")
def hard_sigmoid(ctx: ImportContext, node: Node) -> None:
    """max(0, min(1, alpha·x + beta))."""
    attrs = Active("hard_sigmoid", alpha=node.get("alpha", 0.2), beta=node.get("beta", 0.5))
    ctx.unary(node, attrs)


@handles("Gelu", "com.microsoft:Gelu")
def gelu(ctx: ImportContext, node: Node) -> None:
    """GELU, exact or by tanh."""
    ctx.unary(node, Active("tanh_gelu" if node.get("approximate", "none") == "tanh" else "gelu"))


@handles("Swish", "com.microsoft:QuickGelu")
def swish(ctx: ImportContext, node: Node) -> None:
    """x·sigmoid(alpha·x): SiLU for alpha 1, QuickGELU near 1.702."""
    default = 1.702 if node.key.endswith("QuickGelu") else 1.0
    ctx.unary(node, Active("silu" if node.get("alpha", default) == 1.0 else "quick_gelu"))


@handles("Relu")
def relu(ctx: ImportContext, node: Node) -> None:
    """max(x, 0)."""
    ctx.unary(node, Relu())


@handles("LeakyRelu")
def leaky_relu(ctx: ImportContext, node: Node) -> None:
    """x, or alpha·x below zero."""
    ctx.unary(node, LeakyRelu(node.get("alpha", 0.01)))


@handles("PRelu")
def prelu(ctx: ImportContext, node: Node) -> None:
    """x, or slope·x below zero; a slope that is one known number makes a LeakyRelu."""
    slope = ctx.scalar(node.inputs[1])
    if slope is not None:
        ctx.unary(node, LeakyRelu(slope))
    else:
        ctx.final(node, PRelu(), node.inputs[:2])


@handles("Clip")
def clip(ctx: ImportContext, node: Node) -> None:
    """Clip, with bounds as attributes or inputs; from 0 it is a ReLU."""
    low, high = (_bound(ctx, node, i, name) for i, name in ((1, "min"), (2, "max")))
    if low == -inf and high == inf:
        ctx.alias(node.outputs[0], node.inputs[0])
    elif low == 0 and high > 0:
        ctx.unary(node, Relu(high if high < inf else -1.0))
    else:
        ctx.unary(node, Clip(low, high))


# Exporters write "no bound" as the largest number of the element type.
_OPEN = 3.0e38


def _bound(ctx: ImportContext, node: Node, index: int, name: str) -> float:
    default = -inf if name == "min" else inf
    if node.has(index):
        bound = float(ctx.require(node.inputs[index], f"the bound '{name}'").reshape(-1)[0])
    else:
        bound = float(node.get(name, default))
    return default if abs(bound) > _OPEN else bound


@handles("Reciprocal")
def reciprocal(ctx: ImportContext, node: Node) -> None:
    """1 / x."""
    ctx.unary(node, DivConst(1.0))


@handles("Cast", "CastLike")
def cast(ctx: ImportContext, node: Node) -> None:
    """A change of element type; among floats it is none, since lowering chooses the precision."""
    source = ctx.type_of(node.inputs[0]).dtype
    target = _cast_target(ctx, node)
    if source is target:
        ctx.alias(node.outputs[0], node.inputs[0])
    else:
        ctx.unary(node, Cast(target))


def _cast_target(ctx: ImportContext, node: Node) -> DType:
    if node.key == "CastLike":
        return ctx.type_of(node.inputs[1]).dtype
    return onnx_dtype(node.attrs["to"], "attribute 'to'")
