"""`Plan`: the ordered sections a network is cut into, each a layer group or a global layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lgsim.kernels.support import GroupType
from lgsim.planner.group.given import Given


@dataclass(frozen=True, slots=True)
class Section:
    """Ops that are scheduled as one unit: a global layer or a layer group.

    Attributes
    ----------
    kind : {"global", "group"}
        Whether the op runs alone, from DDR to DDR, or the ops share local memory.
    name : str
        Name on screen.
    ops : tuple of str
        Names of the ops, in the order they are computed.
    type : str
        Group type (NORMAL, 3D, SMALL_C, MM); empty for a global layer.
    secs : tuple of int
        Slices along n, c, d, h and w.
    reason : str
        Why the section is what it is, in words; may be empty.
    given : Given or None
        Time steps and addresses of a group that are to be kept; usually they are found anew.
    """

    kind: Literal["global", "group"]
    name: str
    ops: tuple[str, ...]
    type: GroupType | Literal[""] = ""
    secs: tuple[int, int, int, int, int] = (1, 1, 1, 1, 1)
    reason: str = ""
    given: Given | None = None


def section_name(ops: Sequence[str]) -> str:
    """The name on screen of a section of these ops."""
    return ops[0] if len(ops) == 1 else f"{ops[0]} .. {ops[-1]}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule of a whole network, as a value.

    Attributes
    ----------
    strategy : str
        Name of the strategy that proposed it.
    sections : tuple of Section
        In order of execution; every op of the graph is in exactly one.
    """

    strategy: str
    sections: tuple[Section, ...]
