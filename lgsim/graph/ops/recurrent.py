"""Recurrent layers over whole sequences, in ONNX's layouts."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import check_operands, check_rank, check_shape, result
from lgsim.graph.tensor_type import TensorType


class Recurrent(OpKind, abstract=True):
    """A recurrent layer: `gates` matrices per direction.

    Inputs, with S steps, batch B, D directions, G gates, hidden size H: x (S, B, I),
    w (D, G·H, I), r (D, G·H, H), [b (D, 2·G·H)], then the initial states (D, B, H).
    Outputs: y (S, D, B, H) and each final state (D, B, H).
    """

    __slots__ = ()

    hidden: int
    directions: int

    @property
    def gates(self) -> int:
        """Number of gates."""
        raise NotImplementedError

    @property
    def states(self) -> int:
        """Number of state vectors carried from step to step."""
        raise NotImplementedError

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
    """Long short-term memory; outputs y, final hidden state, final cell state.

    Attributes
    ----------
    hidden : int
        Size of the hidden state.
    directions : int
        1, or 2 for a bidirectional layer.
    reverse : bool
        A single direction that runs from the last step to the first.
    """

    hidden: int
    directions: int = 1
    reverse: bool = False

    @property
    def gates(self) -> int:
        """Input, output, forget and cell gate."""
        return 4

    @property
    def states(self) -> int:
        """Hidden and cell state."""
        return 2


@op_kind
class GRU(Recurrent):
    """Gated recurrent unit; outputs y and the final hidden state.

    Attributes
    ----------
    hidden : int
        Size of the hidden state.
    directions : int
        1, or 2 for a bidirectional layer.
    reverse : bool
        A single direction that runs from the last step to the first.
    linear_before_reset : bool
        The reset gate is applied after the recurrent product, as PyTorch does.
    """

    hidden: int
    directions: int = 1
    reverse: bool = False
    linear_before_reset: bool = False

    @property
    def gates(self) -> int:
        """Update, reset and hidden gate."""
        return 3

    @property
    def states(self) -> int:
        """The hidden state."""
        return 1


@op_kind
class RNN(Recurrent):
    """Plain recurrent layer, tanh or ReLU of two products; outputs y and the final hidden state.

    Attributes
    ----------
    hidden : int
        Size of the hidden state.
    directions : int
        1, or 2 for a bidirectional layer.
    reverse : bool
        A single direction that runs from the last step to the first.
    relu : bool
        A ReLU instead of the tanh.
    """

    hidden: int
    directions: int = 1
    reverse: bool = False
    relu: bool = False

    @property
    def gates(self) -> int:
        """The new state only."""
        return 1

    @property
    def states(self) -> int:
        """The hidden state."""
        return 1
