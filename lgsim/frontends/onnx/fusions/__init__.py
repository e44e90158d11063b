"""Pattern fusions on the imported graph: usual spellings in several ops become one op.

A fusion looks at one op as the last of its pattern, and replaces it in place if all before it
matches. Constants are compared with a tolerance, since exporters write them with few digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lgsim.frontends.onnx.fusions.activation import (
    fuse_gelu,
    fuse_hard_sigmoid,
    fuse_hard_swish,
    fuse_mish,
    fuse_silu,
    fuse_tanh_gelu,
)
from lgsim.frontends.onnx.fusions.affine import (
    fuse_add_bias,
    fuse_conv_channel_scale,
    fuse_norm_bias,
    fuse_norm_scale,
    fuse_scale,
)
from lgsim.frontends.onnx.fusions.expand import drop_expand
from lgsim.frontends.onnx.fusions.norm import fuse_group_norm, fuse_layer_norm, fuse_rms_norm
from lgsim.frontends.onnx.fusions.pad import fuse_conv_pad, fuse_pool_pad
from lgsim.graph.core import Graph, Op
from lgsim.graph.ops import Add, Conv, Div, Mul, MulConst, Pool, Reshape, Scale, Tile

if TYPE_CHECKING:
    from lgsim.graph.ops.base import OpKind

Fusion = Callable[[Graph, Op], bool]

# Last op of the pattern -> fusions to try, in this order.
FUSIONS: dict[type[OpKind], tuple[Fusion, ...]] = {
    Add: (fuse_norm_bias, fuse_add_bias),
    Conv: (fuse_conv_pad,),
    Div: (fuse_layer_norm, fuse_rms_norm),
    Mul: (
        fuse_layer_norm,
        fuse_rms_norm,
        fuse_norm_scale,
        fuse_conv_channel_scale,
        fuse_gelu,
        fuse_tanh_gelu,
        fuse_silu,
        fuse_mish,
        fuse_hard_swish,
    ),
    MulConst: (fuse_gelu, fuse_tanh_gelu, fuse_hard_swish, fuse_hard_sigmoid),
    Pool: (fuse_pool_pad,),
    Reshape: (fuse_group_norm,),
    Scale: (fuse_scale,),
    Tile: (drop_expand,),
}


def fuse(graph: Graph) -> int:
    """Apply all fusions in one walk over the graph; returns how many applied."""
    count = 0
    for name in [op.name for op in graph]:
        if not graph.has_op(name):
            continue  # an earlier fusion took it in
        op = graph.op(name)
        for fusion in FUSIONS.get(type(op.attrs), ()):
            if fusion(graph, op):
                count += 1
                break
    return count
