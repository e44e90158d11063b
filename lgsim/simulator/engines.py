"""The two in-order engines: when every command starts and ends, given its cycles and its wait."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Int64s: TypeAlias = NDArray[np.int64]
Int8s: TypeAlias = NDArray[np.int8]

GDMA = 0
BDC = 1
ENGINE_NAMES = ("GDMA", "BDC")


def run_engines(
    engine: Int8s | NDArray[Any], cycles: Int64s, wait: Int64s
) -> tuple[Int64s, Int64s]:
    """Start and end cycle of every command, both inclusive.

    A command starts one cycle after the later of two ends: that of the previous command of its
    own engine, and that of the command it waits for. The first one starts at cycle 0. A command
    of no cycles ends one cycle before it starts, so it delays nobody.

    Parameters
    ----------
    engine : array of int8, shape (commands,)
        0 for the GDMA, 1 for the BDC; commands stand in program order.
    cycles : array of int64, shape (commands,)
        Cycles each command takes.
    wait : array of int64, shape (commands,)
        Index of the earlier command (of the other engine) that must have ended, −1 for none.

    Returns
    -------
    start, end : arrays of int64, shape (commands,)
        ``end = start + cycles - 1``; the program takes ``max(end) + 1`` cycles.

    Raises
    ------
    ValueError
        If a command waits for itself or a later one.

    Notes
    -----
    One pass over the commands, not over cycles. With the cycles of the vendor's simulator this
    reproduces its totals exactly in 34 of the 35 programs of reference/commands; in the 35th
    (efficientvit_m0_int8) one pooling of 48 cycles is recorded with none.
    """
    count = len(cycles)
    late = np.flatnonzero(wait >= np.arange(count))
    if len(late):
        raise ValueError(f"command {late[0]} waits for {wait[late[0]]}, which is not earlier")
    ends = [0] * count
    last = [-1, -1]
    columns = zip(engine.tolist(), cycles.tolist(), wait.tolist(), strict=True)
    for index, (unit, duration, waited) in enumerate(columns):
        end = last[unit]
        if waited >= 0 and ends[waited] > end:
            end = ends[waited]
        end += duration
        last[unit] = ends[index] = end
    end_array = np.array(ends, dtype=np.int64)
    return end_array - cycles + 1, end_array


def total_cycles(end: Int64s) -> int:
    """Cycles of a program whose commands end at `end`: the latest end + 1, 0 without commands."""
    return int(end.max()) + 1 if len(end) else 0
