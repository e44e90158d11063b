"""Pads that the convolution or pool behind them can do itself."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from lgsim.frontends.onnx.fusions.match import inner, made_by, replace_pattern
from lgsim.graph.ops import Active, Conv, Pad, Pool, Relu

if TYPE_CHECKING:
    from lgsim.graph.core import Graph, Op, Shape

# Activations whose result is never negative: among them a zero is as good as −∞ to a maximum.
_NOT_NEGATIVE = ("sigmoid", "exp", "softplus", "hard_sigmoid", "square", "abs", "sqrt")


def _spatial_pads(graph: Graph, op: Op) -> tuple[str, Shape, float] | None:
    """(source, pads before and after each spatial dimension, value) of a constant Pad before."""
    found = inner(graph, op.inputs[0], Pad)
    if found is None or found[1].mode != "constant":
        return None
    pads = found[1].pads
    rank = len(pads) // 2
    if any(pads[i] for i in (0, 1, rank, rank + 1)):
        return None
    return found[0].inputs[0], (*pads[2:rank], *pads[rank + 2 :]), found[1].value


def _sum(x: Shape, y: Shape) -> Shape:
    return tuple(a + b for a, b in zip(x, y, strict=True))


def fuse_conv_pad(graph: Graph, op: Op) -> bool:
    """A Pad with zeros before a Conv."""
    found = _spatial_pads(graph, op)
    if found is None or found[2] != 0.0 or not isinstance(op.attrs, Conv):
        return False
    attrs = replace(op.attrs, pads=_sum(op.attrs.pads, found[1]))
    replace_pattern(graph, op, attrs, (found[0], *op.inputs[1:]))
    return True


def fuse_pool_pad(graph: Graph, op: Op) -> bool:
    """A Pad before a Pool, where its value does not change what the windows give.

    An average counts the padded zeros from then on, so it must not have padding it does not
    count; a maximum needs −∞, or zeros among numbers that are not negative.
    """
    found = _spatial_pads(graph, op)
    if found is None or not isinstance(op.attrs, Pool):
        return False
    source, pads, value = found
    attrs = op.attrs
    if attrs.mode == "max":
        legal = value == -inf or value < -1e30 or (value == 0.0 and _not_negative(graph, source))
        # a window that lies in the padding alone would have no maximum
        legal = legal and all(
            p < k for p, k in zip(_sum(attrs.pads, pads), attrs.kernel * 2, strict=True)
        )
        include = False
    else:
        legal = value == 0.0 and (attrs.count_include_pad or not any(attrs.pads))
        include = attrs.mode == "avg"
    if not legal:
        return False
    fused = replace(attrs, pads=_sum(attrs.pads, pads), count_include_pad=include)
    replace_pattern(graph, op, fused, (source,))
    return True


def _not_negative(graph: Graph, tensor: str) -> bool:
    active = made_by(graph, tensor, Active)
    return made_by(graph, tensor, Relu) is not None or bool(
        active and active[1].mode in _NOT_NEGATIVE
    )
