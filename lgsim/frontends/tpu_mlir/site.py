"""What a handler sees of a vendor operation: typed access to attributes, operands, results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from lgsim.errors import LgsimError
from lgsim.frontends.tpu_mlir.syntax import Attribute
from lgsim.graph.core import Shape, TensorType


@dataclass(frozen=True, slots=True)
class VendorSite:
    """A vendor operation without its absent operands.

    Attributes
    ----------
    attributes : mapping
        As written in the file.
    inputs, outputs : tuple of TensorType
        Types as written in the file.
    where : str
        File, line and column.
    present : tuple of bool
        Per operand of the file, whether it is there (not ``none``).
    """

    attributes: Mapping[str, Attribute]
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    where: str
    present: tuple[bool, ...]

    @property
    def shape(self) -> Shape:
        """Shape of the first operand."""
        return self.inputs[0].shape

    @property
    def rank(self) -> int:
        """Rank of the first operand."""
        return len(self.inputs[0].shape)

    def flag(self, name: str) -> bool:
        """A truth value; false if absent."""
        return self.attributes.get(name, False) is True

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        value = self.attributes.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self._missing(name, "a whole number")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """A number."""
        value = self.attributes.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._missing(name, "a number")
        return float(value)

    def word(self, name: str, default: str | None = None) -> str:
        """A word: a string or the name of an enum value, in lower case."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            self._missing(name, "a word")
        return value.lower()

    def integers(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """A list of whole numbers."""
        value = self.attributes.get(name, None if default is None else list(default))
        if not isinstance(value, list):
            self._missing(name, "a list of whole numbers")
        numbers = [item for item in value if isinstance(item, int)]
        if len(numbers) != len(value):
            self._missing(name, "a list of whole numbers")
        return tuple(numbers)

    def axis(self, name: str = "axis", default: int | None = None) -> int:
        """An axis, counted from the front."""
        axis = self.integer(name, default)
        return axis + self.rank if axis < 0 else axis

    def axes(self, name: str = "axes") -> tuple[int, ...]:
        """Axes, counted from the front and sorted."""
        return tuple(sorted(axis % self.rank for axis in self.integers(name)))

    def relu(self) -> bool:
        """Whether an unlimited ReLU is fused."""
        return self.flag("do_relu")

    def _missing(self, name: str, wanted: str) -> NoReturn:
        found = self.attributes.get(name)
        what = f"attribute '{name}' is missing" if found is None else f"'{name}' is {found!r}"
        raise LgsimError(what, where=self.where, limit=f"{wanted} is needed")
