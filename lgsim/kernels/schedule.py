"""What kernels produce: transfers for the GDMA and instructions for the BDC, in steps.

A schedule is a sequence of steps. Inside a step the two engines run side by side, each in
order; the commands of a step start after the last command that the *other* engine was given in
an earlier step. The same mechanism serves the double buffering of a global layer and the time
steps of a layer group.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Direction(Enum):
    """Where a transfer goes; the value is the vendor's name."""

    LOAD = "gmem_to_lmem"
    STORE = "lmem_to_gmem"
    MOVE = "gmem_to_gmem"
    SHUFFLE = "lmem_to_lmem"
    FILL = "constant_to_lmem"


@dataclass(frozen=True, slots=True)
class GmemBox:
    """A strided box of one operand in global memory.

    Parameters
    ----------
    operand : int
        Index of an input of the op; output k is written as ``~k`` (−1 for the first output).
        Indices from the number of inputs on are intermediate tensors of the op, kept in global
        memory, with elements of the type of its first output.
    offset : int
        First element of the box, counted from the start of the operand.
    shape : tuple of int
        Elements per dimension, outermost first (any rank).
    strides : tuple of int
        Distance in elements between neighbours of each dimension.
    """

    operand: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LmemSpan:
    """A stretch of local memory, the same in every lane.

    `buffer` tells whose value lives there: a number the schedule gives to each value it places.
    Two spans may share addresses only while at most one of their values is still needed.
    """

    buffer: int
    address: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """One GDMA command. `nbytes` are the bytes moved, as the vendor's simulator counts them."""

    unit: str
    direction: Direction
    cycles: int
    nbytes: int
    source: GmemBox | None = None
    destination: GmemBox | None = None
    reads: tuple[LmemSpan, ...] = ()
    writes: tuple[LmemSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Instruction:
    """One BDC command: `unit` names the timing law, `name` what it computes."""

    unit: str
    name: str
    cycles: int
    reads: tuple[LmemSpan, ...] = ()
    writes: tuple[LmemSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Commands of both engines that run side by side."""

    transfers: tuple[Transfer, ...] = ()
    instructions: tuple[Instruction, ...] = ()


Schedule = tuple[Step, ...]
