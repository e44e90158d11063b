"""Matrix products: `MatMul` with batches, transposes and a bias, and the general `Einsum`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lgsim.graph.ops.base import OpKind, op_kind, refuse
from lgsim.graph.ops.rules import broadcast, check_operands, check_shape, result, shape_text
from lgsim.graph.tensor_type import Shape, TensorType


@op_kind
class MatMul(OpKind):
    """Product of `left` (…, M, K) and `right` (…, K, N), plus a bias (N,) if given as third input.

    Leading dimensions broadcast as in NumPy; a 1-D operand is a row on the left and a column on
    the right, and its unit dimension is dropped from the result.

    Attributes
    ----------
    left_transpose, right_transpose : bool
        The operand lies in memory with its two matrix dimensions exchanged: `left` is
        (…, K, M), `right` is (…, N, K).
    hdim_is_batch : bool
        The heads are an inner batch dimension: left (B, M, H, K) × right (B, K, H, N), or
        (B, N, H, K) with `right_transpose`, gives (B, M, H, N).
    relu : bool
        Whether a ReLU is fused.
    """

    left_transpose: bool = False
    right_transpose: bool = False
    hdim_is_batch: bool = False
    relu: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """(*batch, M, N), or (B, M, H, N) when the heads are an inner batch."""
        check_operands(inputs, 2, 3)
        batch_left, m, k = self._split(inputs[0].shape, self.left_transpose)
        batch_right, n, k_right = self._split(inputs[1].shape, not self.right_transpose)
        if k != k_right:
            raise refuse(
                f"left {shape_text(inputs[0].shape)} and right {shape_text(inputs[1].shape)}"
                f" do not multiply: K is {k} and {k_right}"
            )
        if len(inputs) == 3:
            check_shape("the bias", inputs[2], (n,))
        batch = broadcast((batch_left, batch_right))
        if self.hdim_is_batch:
            return result((batch[0], m, batch[1], n), inputs[0].dtype)
        rows = (m,) if len(inputs[0].shape) > 1 else ()
        columns = (n,) if len(inputs[1].shape) > 1 else ()
        return result((*batch, *rows, *columns), inputs[0].dtype)

    def _split(self, shape: Shape, contracted_first: bool) -> tuple[Shape, int, int]:
        """Batch dimensions, free dimension and K of one operand."""
        if self.hdim_is_batch:
            if len(shape) != 4:
                raise refuse(f"operand {shape_text(shape)} has no inner batch", limit="rank 4")
            batch: Shape = (shape[0], shape[2])
            outer, inner = shape[1], shape[3]
        elif len(shape) == 1:
            return (), 1, shape[0]
        elif len(shape) >= 2:
            batch, outer, inner = shape[:-2], shape[-2], shape[-1]
        else:
            raise refuse("a scalar has no matrix dimensions")
        return (batch, inner, outer) if contracted_first else (batch, outer, inner)

    def sizes(self, inputs: Sequence[TensorType]) -> tuple[Shape, int, int, int]:
        """Batch shape (broadcast; (B, H) when the heads are an inner batch) and M, K, N."""
        batch_left, m, k = self._split(inputs[0].shape, self.left_transpose)
        batch_right, n, _ = self._split(inputs[1].shape, not self.right_transpose)
        return broadcast((batch_left, batch_right)), m, k, n

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Output elements × K."""
        return outputs[0].elements * self.sizes(inputs)[2]


@op_kind
class Einsum(OpKind):
    """Sum of products over named indices, for what is no matrix product.

    Attributes
    ----------
    equation : str
        Explicit and lower or upper case letters only, for example ``bchq,bkc->bhk``; an index
        may stand once per operand, and ellipses are not known.
    """

    equation: str

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """One dimension per index right of the arrow."""
        sizes = self._index_sizes(inputs)
        target = self.equation.replace(" ", "").partition("->")[2]
        unknown = [index for index in target if index not in sizes]
        if unknown or len(set(target)) != len(target):
            raise refuse(f"equation '{self.equation}' has no such result")
        return result(tuple(sizes[index] for index in target), inputs[0].dtype)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Product of all index sizes for each operand after the first."""
        return prod(self._index_sizes(inputs).values()) * (len(inputs) - 1)

    def _index_sizes(self, inputs: Sequence[TensorType]) -> dict[str, int]:
        left, arrow, target = self.equation.replace(" ", "").partition("->")
        terms = left.split(",")
        if not arrow or not all(term.isalpha() for term in terms) or not (target + "a").isalpha():
            raise refuse(f"equation '{self.equation}' is not of the form 'ij,jk->ik'")
        check_operands(inputs, len(terms))
        sizes: dict[str, int] = {}
        for term, operand in zip(terms, inputs, strict=True):
            if len(term) != len(operand.shape) or len(set(term)) != len(term):
                raise refuse(f"term '{term}' does not fit operand {shape_text(operand.shape)}")
            for index, size in zip(term, operand.shape, strict=True):
                if sizes.setdefault(index, size) != size:
                    raise refuse(f"index '{index}' is {sizes[index]} and {size}")
        return sizes
