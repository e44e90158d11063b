"""The stand-in for operators the catalogue does not know."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.graph.ops.base import OpKind, op_kind
from lgsim.graph.ops.rules import result
from lgsim.graph.tensor_type import TensorType


@op_kind
class Unknown(OpKind):
    """An operator without a cost model: it reads its inputs and writes its outputs once.

    Attributes
    ----------
    op_type : str
        What the source called it.
    outputs : tuple of TensorType
        Types of its outputs, as the source declares them.
    """

    op_type: str
    outputs: tuple[TensorType, ...]

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The declared types."""
        return tuple(result(x.shape, x.dtype)[0] for x in self.outputs)
