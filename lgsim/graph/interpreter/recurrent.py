"""Evaluation of recurrent layers, step by step, by ONNX's formulas with its default functions."""

from __future__ import annotations

import numpy as np

from lgsim.graph import ops
from lgsim.graph.interpreter.arrays import Array, Function, sigmoid

_States = tuple[Array, ...]


def _recurrent(attrs: ops.LSTM | ops.GRU | ops.RNN, *operands: Array) -> tuple[Array, ...]:
    """Run every direction; y (S, D, B, H), then the final states (D, B, H)."""
    x, weights = operands[0], operands[1:3]
    steps, batch, _ = x.shape
    bias = (
        operands[3]
        if len(operands) > 3
        else np.zeros((attrs.directions, 2 * attrs.gates * attrs.hidden))
    )
    results = []
    for direction in range(attrs.directions):
        states = [np.zeros((batch, attrs.hidden)) for _ in range(attrs.states)]
        for i, initial in enumerate(operands[4:]):
            states[i] = initial[direction]
        backwards = attrs.reverse or direction == 1
        order = range(steps)[::-1] if backwards else range(steps)
        parameters = (weights[0][direction], weights[1][direction], bias[direction])
        results.append(_run(attrs, x, order, parameters, tuple(states)))
    return tuple(
        np.stack(parts, 1 if i == 0 else 0) for i, parts in enumerate(zip(*results, strict=True))
    )


def _run(
    attrs: ops.LSTM | ops.GRU | ops.RNN,
    x: Array,
    order: range,
    parameters: _States,
    states: _States,
) -> tuple[Array, ...]:
    """One direction: hidden states (S, B, H) in the order of the input, and the final states."""
    y = np.zeros((len(order), *states[0].shape))
    for step in order:
        if isinstance(attrs, ops.LSTM):
            states = _lstm_step(x[step], parameters, states)
        elif isinstance(attrs, ops.RNN):
            states = (_rnn_step(attrs.relu, x[step], parameters, states[0]),)
        else:
            states = (_gru_step(attrs.linear_before_reset, x[step], parameters, states[0]),)
        y[step] = states[0]
    return (y, *states)


def _lstm_step(x: Array, parameters: _States, states: _States) -> _States:
    """Gates are ordered input, output, forget, cell."""
    w, r, bias = parameters
    hidden, cell = states
    wb, rb = np.split(bias, 2)
    i, o, f, c = np.split(x @ w.T + hidden @ r.T + wb + rb, 4, axis=-1)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
    return sigmoid(o) * np.tanh(cell), cell


def _gru_step(linear_before_reset: bool, x: Array, parameters: _States, hidden: Array) -> Array:
    """Gates are ordered update, reset, hidden."""
    (wz, wr, wh), (rz, rr, rh) = (np.split(p, 3) for p in parameters[:2])
    bias = np.split(parameters[2], 6)
    z = sigmoid(x @ wz.T + hidden @ rz.T + bias[0] + bias[3])
    r = sigmoid(x @ wr.T + hidden @ rr.T + bias[1] + bias[4])
    if linear_before_reset:
        recurrent = r * (hidden @ rh.T + bias[5])
    else:
        recurrent = (r * hidden) @ rh.T + bias[5]
    return np.asarray((1 - z) * np.tanh(x @ wh.T + recurrent + bias[2]) + z * hidden)


def _rnn_step(relu: bool, x: Array, parameters: _States, hidden: Array) -> Array:
    w, r, bias = parameters
    y = x @ w.T + hidden @ r.T + sum(np.split(bias, 2))
    return np.asarray(np.maximum(y, 0) if relu else np.tanh(y))


FUNCTIONS: dict[type[ops.OpKind], Function] = {
    ops.GRU: _recurrent,
    ops.LSTM: _recurrent,
    ops.RNN: _recurrent,
}
