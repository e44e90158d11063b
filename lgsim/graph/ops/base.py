"""`OpKind`: what the catalogue knows of one kind of operator, and the registry of all kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from lgsim.errors import LgsimError

if TYPE_CHECKING:
    from lgsim.graph.core import TensorType


class OpKind:
    """Base of all op kinds. A subclass is a frozen dataclass whose fields are the attributes.

    A new op is one subclass with a `kind`, an `infer` rule and, if it multiplies, `macs`.
    Attributes are in normal form: axes count from the front, shapes and bounds are explicit.
    """

    __slots__ = ()

    kinds: ClassVar[dict[str, type[OpKind]]] = {}

    @property
    def kind(self) -> str:
        """Name on screen and in JSON; the class name unless the attributes decide."""
        return type(self).__name__

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        if not abstract:
            OpKind.kinds[cls.__name__] = cls

    def infer(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """Types of the outputs for these input types; LgsimError if they do not fit."""
        raise NotImplementedError

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Multiply-accumulates; zero for ops that only move, compare or activate."""
        return 0


def refuse(what: str, limit: str = "", hint: str = "") -> LgsimError:
    """An error of a shape rule; the graph adds which op it was."""
    return LgsimError(what, limit=limit, hint=hint)
