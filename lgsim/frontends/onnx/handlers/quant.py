"""Quantised graphs: seen through, since lowering decides the precision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lgsim.frontends.onnx.handlers.conv import conv
from lgsim.frontends.onnx.handlers.matmul import matmul
from lgsim.frontends.onnx.registry import handles
from lgsim.frontends.onnx.tensors import Constant
from lgsim.graph.core import TensorType
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import Cast

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node


@handles("QuantizeLinear", "DequantizeLinear")
def quantisation(ctx: ImportContext, node: Node) -> None:
    """The operand itself; weights stored as integers become the floats they stand for."""
    ctx.dropped_quantisation += 1
    source = ctx.type_of(node.inputs[0])
    if ctx.constant(node.inputs[0]) is not None:
        ctx.add_constant(node.outputs[0], Constant(TensorType(source.shape, DType.F32)))
    elif source.dtype.is_float:
        ctx.alias(node.outputs[0], node.inputs[0])
    else:
        ctx.unary(node, Cast(DType.F32))  # an input of the network that is itself quantised


@handles("QLinearConv", "QLinearMatMul")
def quantised_product(ctx: ImportContext, node: Node) -> None:
    """The Conv or MatMul among the scales and zero points."""
    ctx.dropped_quantisation += 1
    operands = [_dequantised(ctx, node.inputs[i]) for i in (0, 3)]
    if node.has(8):
        operands.append(_dequantised(ctx, node.inputs[8]))
    inputs = tuple(operands)
    if node.key == "QLinearConv":
        conv(ctx, replace(node, inputs=inputs))
    else:
        matmul(ctx, replace(node, inputs=inputs))


def _dequantised(ctx: ImportContext, name: str) -> str:
    constant = ctx.constant(name)
    if constant is None or constant.type.dtype.is_float:
        return name
    type_ = TensorType(constant.type.shape, DType.F32)
    return ctx.add_constant(f"{name}/float", Constant(type_))


def warn_of_quantisation(ctx: ImportContext) -> None:
    """Add one warning to the graph if anything was seen through."""
    if ctx.dropped_quantisation:
        ctx.graph.warnings.append(
            f"the quantisation of {ctx.dropped_quantisation} node(s) is ignored: "
            "choose the precision with --precision"
        )
