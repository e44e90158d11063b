"""What the reader of MLIR text produces: modules, functions, operations and their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lgsim.graph.core import TensorType

# An attribute: a number, string, truth value, list or dictionary of these. An enum attribute of
# a dialect (`#tpu<pool_mode Max>`) is its last word; a type is written out as text.
Attribute = int | float | str | bool | list["Attribute"] | dict[str, "Attribute"]


@dataclass(frozen=True, slots=True)
class Location:
    """Where an operation comes from: names, or an alias that is defined elsewhere in the file."""

    names: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation in generic form.

    `operand_types` and `result_types` hold None where the type is ``none``.
    """

    name: str
    results: tuple[str, ...]
    operands: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    operand_types: tuple[TensorType | None, ...]
    result_types: tuple[TensorType | None, ...]
    location: Location
    offset: int


@dataclass(slots=True)
class Function:
    """A function: arguments by name, operations in file order, and the returned values."""

    name: str
    arguments: dict[str, TensorType | None]
    operations: list[Operation] = field(default_factory=list)
    returned: tuple[str, ...] = ()
    offset: int = 0


@dataclass(slots=True)
class Module:
    """A module: its name, attributes and functions; nested modules are merged into one."""

    name: str = ""
    attributes: dict[str, Attribute] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    locations: dict[str, Location] = field(default_factory=dict)

    def location_names(self, location: Location) -> tuple[str, ...]:
        """The names a location stands for, aliases followed; empty for an unknown location."""
        names = list(location.names)
        for alias in location.aliases:
            names.extend(self.location_names(self.locations.get(alias, Location())))
        return tuple(names)
