"""LSTM, GRU and RNN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.rebatch import widen
from lgsim.frontends.onnx.registry import handles
from lgsim.graph.core import Shape, TensorType
from lgsim.graph.ops import GRU, LSTM, RNN, Permute

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node

_DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}


@handles("LSTM", "GRU", "RNN")
def recurrent(ctx: ImportContext, node: Node) -> None:
    """A recurrent layer; peepholes and sequence lengths do not change its cost and are dropped."""
    direction = node.get("direction", "forward")
    if direction not in _DIRECTIONS:
        raise LgsimError(f"direction '{direction}' is not known")
    directions = _DIRECTIONS[direction]
    hidden = int(node.get("hidden_size", ctx.shape(node.inputs[2])[2]))
    reverse = direction == "reverse"
    attrs: LSTM | GRU | RNN
    if node.key == "LSTM":
        attrs = LSTM(hidden, directions, reverse)
    elif node.key == "RNN":
        attrs = RNN(hidden, directions, reverse, _is_relu(node))
    else:
        attrs = GRU(hidden, directions, reverse, bool(node.get("linear_before_reset", 0)))
    batch_first = bool(node.get("layout", 0))
    inputs = _inputs(ctx, node, attrs, batch_first)
    types = attrs.infer([ctx.type_of(name) for name in inputs])
    outputs = ctx.outputs_of(node, types)
    if not batch_first:
        ctx.emit(attrs, inputs, outputs, node.name)
        return
    inner = tuple(f"{name}/time_first" for name in outputs)
    ctx.emit(attrs, inputs, inner, f"{node.name}/time_first")
    # y (S, D, B, H) to (B, S, D, H), states (D, B, H) to (B, D, H)
    orders: list[Shape] = [(2, 0, 1, 3)] + [(1, 0, 2)] * attrs.states
    for i, order in enumerate(orders):
        if node.uses_output(i):
            ctx.emit(Permute(order), (inner[i],), (outputs[i],), outputs[i])


def _is_relu(node: Node) -> bool:
    """Whether an RNN ends in a ReLU; other functions than tanh are taken for one."""
    return any(name != "Tanh" for name in node.get("activations", ()))


def _inputs(
    ctx: ImportContext, node: Node, attrs: LSTM | GRU | RNN, batch_first: bool
) -> tuple[str, ...]:
    """Inputs in the catalogue's order; a bias that is left out but followed by states is zeros."""
    states = [node.optional(5 + i) for i in range(attrs.states)]
    states = states[: next((i for i, name in enumerate(states) if not name), len(states))]
    x, weights = node.inputs[0], node.inputs[1:3]
    swap = Permute((1, 0, 2))
    if batch_first:
        x = ctx.step(node, "x", swap, (x,))
        states = [ctx.step(node, f"state_{i}", swap, (name,)) for i, name in enumerate(states)]
    states = [widen(ctx, name, 1, ctx.shape(x)[1]) for name in states]
    if node.has(3):
        return (x, *weights, node.inputs[3], *states)
    if not states:
        return (x, *weights)
    rows = 2 * attrs.gates * attrs.hidden
    dtype = ctx.type_of(weights[0]).dtype
    bias = ctx.weight(node, "bias", TensorType((attrs.directions, rows), dtype))
    return (x, *weights, bias, *states)
