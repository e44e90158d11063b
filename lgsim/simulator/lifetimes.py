"""When each value lives in local memory: from the start of its first write to its last use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgsim.simulator.engines import Int64s
from lgsim.simulator.timeline import Timeline


@dataclass(slots=True)
class Lifetime:
    """One value in local memory.

    Attributes
    ----------
    block, buffer : int
        Block of the program, and the value's number in it.
    address, end_address : int
        First byte of a lane, and the one after the last.
    first_cycle, last_cycle : int
        Start of the first command that touches it, end of the last one.
    was_read : bool
        Whether it has been read since it was last written.
    """

    block: int
    buffer: int
    address: int
    end_address: int
    first_cycle: int
    last_cycle: int
    was_read: bool = False


def lifetimes(timeline: Timeline) -> list[Lifetime]:
    """All values of a run, in order of their first use.

    A buffer that has been read and is then written without being read holds another value: in a
    layer group that of the next slice.
    """
    program = timeline.program
    found: list[Lifetime] = []
    current: dict[tuple[int, int], Lifetime] = {}
    columns = zip(
        program.records,
        program.block.tolist(),
        timeline.start.tolist(),
        timeline.end.tolist(),
        strict=True,
    )
    for record, block, start, end in columns:
        read = {span.buffer for span in record.reads}
        for spans, reading in ((record.reads, True), (record.writes, False)):
            for span in spans:
                if not span.nbytes:
                    continue
                key, after = (block, span.buffer), span.address + span.nbytes
                value = current.get(key)
                renewed = value is not None and value.was_read and not reading
                if value is None or (renewed and span.buffer not in read):
                    value = Lifetime(block, span.buffer, span.address, after, start, end)
                    current[key] = value
                    found.append(value)
                else:
                    value.address = min(value.address, span.address)
                    value.end_address = max(value.end_address, after)
                    value.first_cycle = min(value.first_cycle, start)
                    value.last_cycle = max(value.last_cycle, end)
                value.was_read = reading
    return found


def lmem_use(timeline: Timeline) -> tuple[Int64s, Int64s]:
    """Bytes of a lane that hold live values, over time.

    An op that works in place counts both its operand and its result while it runs.

    Returns
    -------
    cycles : array of int64, shape (changes,)
        Cycles at which the figure changes, ascending.
    used : array of int64, shape (changes,)
        Bytes in use from then on; the last one is 0.
    """
    alive = lifetimes(timeline)
    begin = np.array([value.first_cycle for value in alive], dtype=np.int64)
    after = np.array([value.last_cycle + 1 for value in alive], dtype=np.int64)
    size = np.array([value.end_address - value.address for value in alive], dtype=np.int64)
    cycles, where = np.unique(np.concatenate([begin, after]), return_inverse=True)
    change = np.zeros(len(cycles), dtype=np.int64)
    np.add.at(change, where, np.concatenate([size, -size]))
    return cycles, np.cumsum(change)


def section_peaks(timeline: Timeline) -> Int64s:
    """Most bytes of a lane in use at one time while each section runs, shape (sections,)."""
    cycles, used = lmem_use(timeline)
    peaks = np.zeros(len(timeline.program.sections), dtype=np.int64)
    if not len(cycles):
        return peaks
    starts, ends = timeline.section_start, timeline.section_end
    first = np.maximum(np.searchsorted(cycles, starts, side="right") - 1, 0)
    after = np.searchsorted(cycles, ends, side="left")
    for number in np.flatnonzero(ends > starts).tolist():
        window = used[first[number] : max(after[number], first[number] + 1)]
        peaks[number] = window.max()
    return peaks
