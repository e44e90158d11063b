"""`Tensor` and `Op`: the immutable values a graph consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lgsim.graph.dtypes import DType
from lgsim.graph.tensor_type import Shape, TensorType

if TYPE_CHECKING:
    import numpy as np

    from lgsim.graph.ops.base import OpKind


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named value of a graph.

    `weight` marks constants (trained or folded). Only small constants whose values matter to
    the schedule (indices, scalars) carry `data`; trained weights have a shape and no values.
    """

    name: str
    type: TensorType
    weight: bool = False
    data: np.ndarray[Any, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def shape(self) -> Shape:
        """Static shape, outermost dimension first."""
        return self.type.shape

    @property
    def dtype(self) -> DType:
        """Element type."""
        return self.type.dtype

    @property
    def nbytes(self) -> int:
        """Bytes the packed tensor takes."""
        return self.type.nbytes


@dataclass(frozen=True, slots=True)
class Op:
    """One operator: a kind with its attributes, applied to named tensors.

    Only trailing optional inputs may be left out (a Conv without bias has two inputs).
    """

    name: str
    attrs: OpKind
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Name of the op kind, as tables and JSON show it, for example ``Conv2D``."""
        return self.attrs.kind
