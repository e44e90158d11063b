"""`TensorType`: the shape and element type of a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lgsim.graph.dtypes import DType

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape and element type; what shape rules and kernels work on."""

    shape: Shape
    dtype: DType

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes the packed tensor takes."""
        return self.dtype.nbytes(self.elements)
