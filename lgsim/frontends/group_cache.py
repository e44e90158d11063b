"""Reads the vendor's layer-group cache: which ops its search put into groups, by location."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lgsim.errors import LgsimError

Secs: TypeAlias = tuple[int, int, int, int, int]

RETURN = "func.return"
"""The terminator of a function, which the vendor lists as its last global layer."""


@dataclass(frozen=True, slots=True)
class CachedSection:
    """A group, or an op that runs alone.

    Attributes
    ----------
    first : int
        Position of its first op in the function.
    ops : tuple of str
        Locations of its ops, in order.
    secs : tuple of int or None
        Slices along n, c, d, h and w; None for a global layer.
    cycles : int
        What the vendor's search expects it to take.
    """

    first: int
    ops: tuple[str, ...]
    secs: Secs | None
    cycles: int


@dataclass(frozen=True, slots=True)
class GroupCache:
    """The groups and global layers of a network, in order."""

    sections: tuple[CachedSection, ...]


def is_group_cache(document: Mapping[str, Any]) -> bool:
    """Whether a JSON document looks like a layer-group cache."""
    return "total subfunc" in document or "subfunc_0" in document


def group_cache(document: Mapping[str, Any], where: str) -> GroupCache:
    """Take a layer-group cache from its JSON document.

    Parameters
    ----------
    document : mapping
        As parsed.
    where : str
        The file, for messages.

    Raises
    ------
    LgsimError
        If something is missing or contradicts itself, or there are several functions.
    """
    functions = [name for name in document if name.startswith("subfunc_")]
    if len(functions) != 1:
        raise LgsimError(
            f"holds the groups of {len(functions)} functions, one was expected",
            where=where,
            hint="lgsim plans networks that run on the chip as a whole",
        )
    try:
        function = document[functions[0]]
        found = [_group(item) for item in function["GroupLayer"]]
        found += [_layer(item) for item in function["GlobalLayer"] if item["loc"] != RETURN]
    except KeyError as error:
        raise LgsimError(f"is no layer-group cache: {error} is missing", where=where) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise LgsimError(f"is no layer-group cache: {error}", where=where) from None
    found.sort(key=lambda section: section.first)
    expected = 0
    for section in found:
        if section.first != expected:
            raise LgsimError(
                f"'{section.ops[0]}' has index {section.first}, expected {expected}", where=where
            )
        expected += len(section.ops)
    return GroupCache(tuple(found))


def _group(item: Mapping[str, Any]) -> CachedSection:
    secs = [int(count) for count in item["shape_secs"]]
    ops = tuple(str(name) for name in item["locs"])
    first, last = int(item["func_start_idx"]), int(item["func_end_idx"])
    if not ops or len(ops) != last - first + 1:
        raise ValueError(f"the group at index {first} has {len(ops)} ops and ends at {last}")
    if len(secs) != 5 or min(secs) < 1:
        raise ValueError(f"the group at index {first} has shape_secs {secs}, not five from 1 up")
    n, c, d, h, w = secs
    return CachedSection(first, ops, (n, c, d, h, w), int(item["group_cost"]))


def _layer(item: Mapping[str, Any]) -> CachedSection:
    return CachedSection(int(item["func_idx"]), (str(item["loc"]),), None, int(item["group_cost"]))
