"""Recurrent layers over whole sequences, in ONNX's layouts."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.ops.base import OpKind, op_base, op_kind, refuse
from lgsim.graph.ops.rules import check_operands, check_rank, check_shape, result
from lgsim.graph.tensor_type import TensorType


@op_base
class Recurrent(OpKind):
    """A recurrent layer: `gates` matrices per direction.

    Inputs, with S steps, batch B, D directions, G gates, hidden size H: x (S, B, I),
    w (D, G·H, I), r (D, G·H, H), [b (D, 2·G·H)], then the initial states (D, B, H).
    Outputs: y (S, D, B, H) and each final state (D, B, H).

    Attributes
    ----------
    gates, states : int
        Of the kind: number of gates, and of state vectors carried from step to step.
    hidden : int
        Size of the hidden state.
    directions : int
        1, or 2 for a bidirectional layer.
    reverse : bool
        A single direction that runs from the last step to the first.
    """

    gates = 0
    states = 0

    hidden: int
    directions: int = 1
    reverse: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """Sequence of hidden states, then the final states."""
        check_operands(inputs, 3, 4 + self.states)
        check_rank(inputs[0], 3, 3)
        if self.directions not in (1, 2):
            raise refuse(f"{self.directions} directions", limit="1 or 2")
        steps, batch, features = inputs[0].shape
        rows = self.gates * self.hidden
        state = (self.directions, batch, self.hidden)
        check_shape("the input weight", inputs[1], (self.directions, rows, features))
        check_shape("the recurrent weight", inputs[2], (self.directions, rows, self.hidden))
        if len(inputs) > 3:
            check_shape("the bias", inputs[3], (self.directions, 2 * rows))
        for initial in inputs[4:]:
            check_shape("the initial state", initial, state)
        dtype = inputs[0].dtype
        y = result((steps, self.directions, batch, self.hidden), dtype)
        return y + result(state, dtype) * self.states

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Steps × batch × elements of the input and recurrent weights."""
        steps, batch, _ = inputs[0].shape
        return steps * batch * (inputs[1].elements + inputs[2].elements)


@op_kind
class LSTM(Recurrent):
    """Long short-term memory: input, output, forget and cell gate; hidden and cell state."""

    gates = 4
    states = 2


@op_kind
class GRU(Recurrent):
    """Gated recurrent unit: update, reset and hidden gate; the hidden state.

    Attributes
    ----------
    linear_before_reset : bool
        The reset gate is applied after the recurrent product, as PyTorch does.
    """

    gates = 3
    states = 1

    linear_before_reset: bool = False


@op_kind
class RNN(Recurrent):
    """Plain recurrent layer: tanh or ReLU of two products; the hidden state.

    Attributes
    ----------
    relu : bool
        A ReLU instead of the tanh.
    """

    gates = 1
    states = 1

    relu: bool = False
