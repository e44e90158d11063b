"""Fused attention: projections, scores, softmax and output projection of some heads as one op."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.ops.base import OpKind, op_kind
from lgsim.graph.ops.rules import check_operands, check_rank, result
from lgsim.graph.tensor_type import TensorType


@op_kind
class Attention(OpKind):
    """softmax(scale · (x·Wq)(k·Wk)ᵀ + mask) · (v·Wv) · Wo of (B, M, C) queries.

    Inputs: x, [keys, [values]] (absent ones are x), then Wq (C, heads·dim), Wk, Wv and
    Wo (heads·dim, C), each followed by its bias if it has one, then the mask if `masked`, then
    possibly the table of exponentials of the quantized softmax. The weights may hold fewer heads
    than the network has: the results of several such ops are then added, and only one of them
    has the bias of the output projection.

    Attributes
    ----------
    heads, dim : int
        Number of heads of this op and their width.
    scale : float
        Factor of the scores.
    biases : tuple of bool
        Whether the projections of queries, keys, values and of the output have a bias.
    masked : bool
        Whether a mask is added to the scores.
    operands_qkv : int
        How many of x, keys and values are given.
    """

    heads: int
    dim: int
    scale: float
    biases: tuple[bool, bool, bool, bool] = (True, True, True, True)
    masked: bool = False
    operands_qkv: int = 1

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The type of x, with the output projection's columns as channels."""
        least = self.operands_qkv + 4 + sum(self.biases) + self.masked
        check_operands(inputs, least, least + 1)
        check_rank(inputs[0], 3, 3)
        x = inputs[0].shape
        columns = inputs[self._weight_index(3)].shape[-1]
        return result((x[0], x[1], columns), inputs[0].dtype)

    def _weight_index(self, projection: int) -> int:
        return self.operands_qkv + projection + sum(self.biases[:projection])

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Projections of queries, keys and values, both attention products, output projection."""
        batch, m, _ = inputs[0].shape
        keys = inputs[min(1, self.operands_qkv - 1)].shape[1]
        rows = (m, keys, keys, m)
        projections = sum(
            batch * rows[i] * inputs[self._weight_index(i)].elements for i in range(4)
        )
        return projections + 2 * batch * m * keys * self.heads * self.dim
