"""`OpKind`: what the catalogue knows of one kind of operator, and the registry of all kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar, dataclass_transform

from lgsim.errors import LgsimError

if TYPE_CHECKING:
    from lgsim.graph.tensor_type import TensorType


Kind = TypeVar("Kind", bound="OpKind")


@dataclass_transform(frozen_default=True)
def op_kind(cls: type[Kind]) -> type[Kind]:
    """Make a subclass of `OpKind` a kind of op: a frozen dataclass, in the registry of kinds."""
    made = op_base(cls)
    OpKind.kinds[made.__name__] = made
    return made


@dataclass_transform(frozen_default=True)
def op_base(cls: type[Kind]) -> type[Kind]:
    """Make a subclass of `OpKind` a base of kinds that share its attributes.

    All methods are those of `OpKind`: generating them for each of seventy kinds would take longer
    than to read a network.
    """
    return dataclass(init=False, repr=False, eq=False, slots=True)(cls)


class OpKind:
    """Base of all op kinds. A subclass is an `op_kind` whose fields are the attributes.

    A new op is one subclass with a `kind`, an `infer` rule and, if it multiplies, `macs`.
    Attributes are in normal form: axes count from the front, shapes and bounds are explicit.
    """

    __slots__ = ()

    kinds: ClassVar[dict[str, type[OpKind]]] = {}

    @property
    def kind(self) -> str:
        """Name on screen and in JSON; the class name unless the attributes decide."""
        return type(self).__name__

    def __init__(self, *values: object, **named: object) -> None:
        fields = self._fields()
        if len(values) > len(fields):
            raise TypeError(f"{type(self).__name__} has {len(fields)} attributes")
        named.update(zip(fields, values, strict=False))
        for name, field in fields.items():
            value = named.pop(name, field.default)
            if value is MISSING:
                raise TypeError(f"{type(self).__name__} needs attribute '{name}'")
            object.__setattr__(self, name, value)
        if named:
            raise TypeError(f"{type(self).__name__} has no attribute '{next(iter(named))}'")

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field '{name}'")

    def __reduce__(self) -> tuple[type[OpKind], tuple[object, ...]]:
        return type(self), self._values()

    @classmethod
    def _fields(cls) -> dict[str, Field[object]]:
        """Attributes by name, in order."""
        fields: dict[str, Field[object]] = getattr(cls, "__dataclass_fields__", {})
        return fields

    def _values(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self._fields()])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, OpKind)
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self._fields())
        return f"{type(self).__name__}({', '.join(shown)})"

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """Types of the outputs for these input types; LgsimError if they do not fit."""
        raise NotImplementedError

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Multiply-accumulates; zero for ops that only move, compare or activate."""
        return 0


def refuse(what: str, limit: str = "", hint: str = "") -> LgsimError:
    """An error of a shape rule; the graph adds which op it was."""
    return LgsimError(what, limit=limit, hint=hint)
