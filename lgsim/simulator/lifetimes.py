"""When each value lives in local memory: from the start of its first write to its last use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lgsim.simulator.engines import Int64s
from lgsim.simulator.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """All values of a run in local memory, by section and number; one entry per value.

    Attributes
    ----------
    section, buffer : arrays of int64, shape (values,)
        Section of the program, and the value's number in it. Several values may have the same.
    address, end_address : arrays of int64, shape (values,)
        First byte of a lane, and the one after the last.
    first_cycle, last_cycle : arrays of int64, shape (values,)
        Start of the first command that touches it, end of the last one.
    """

    section: Int64s
    buffer: Int64s
    address: Int64s
    end_address: Int64s
    first_cycle: Int64s
    last_cycle: Int64s


def lifetimes(timeline: Timeline) -> Lifetimes:
    """The values of a run.

    A buffer that has been read and is then written without being read holds another value: in a
    layer group that of the next slice.
    """
    program, spans = timeline.program, timeline.program.spans
    section = program.section[spans.command]
    order = np.lexsort((spans.buffer, section))  # stable: the spans of a buffer stay in issue order
    section, buffer, command = section[order], spans.buffer[order], spans.command[order]
    reading = spans.reading[order] == 1
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (section[1:] != section[:-1]) | (buffer[1:] != buffer[:-1])
    begins[1:] |= reading[:-1] & ~reading[1:] & (command[1:] != command[:-1])
    first = np.flatnonzero(begins)
    if not len(first):
        return Lifetimes(first, first, first, first, first, first)
    return Lifetimes(
        section=section[first],
        buffer=buffer[first],
        address=np.minimum.reduceat(spans.address[order], first),
        end_address=np.maximum.reduceat(spans.end_address[order], first),
        first_cycle=np.minimum.reduceat(timeline.start[command], first),
        last_cycle=np.maximum.reduceat(timeline.end[command], first),
    )


def lmem_use(timeline: Timeline) -> tuple[Int64s, Int64s]:
    """Bytes of a lane that hold live values, over time.

    Bytes that an operand and the result in its place share count once while the op runs.

    Returns
    -------
    cycles : array of int64, shape (changes,)
        Cycles at which the figure changes, ascending.
    used : array of int64, shape (changes,)
        Bytes in use from then on; the last one is 0.
    """
    nbytes, begin, end = _occupied(lifetimes(timeline))
    cycles = np.concatenate([begin, end])
    order = np.argsort(cycles, kind="stable")
    cycles, used = cycles[order], np.cumsum(np.concatenate([nbytes, -nbytes])[order])
    settled = np.flatnonzero(np.diff(cycles, append=-1))  # after all changes of a cycle
    return cycles[settled], used[settled]


def _occupied(alive: Lifetimes) -> tuple[Int64s, Int64s, Int64s]:
    """Stretches of bytes in use: how many bytes, the first cycle, and the one after the last.

    The values of a section are cut where another one of them begins or ends. Of those at the same
    bytes each counts from when the ones before are over. Values of different sections never lie
    at the same bytes at the same time.
    """
    ends = [(alive.section << 32) + each for each in (alive.address, alive.end_address)]
    edges = np.sort(np.concatenate(ends))
    edges = edges[np.diff(edges, prepend=-1) > 0]  # np.unique would load masked arrays
    first, after = (np.searchsorted(edges, each) for each in ends)
    count = after - first
    value = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(value)) + np.repeat(first - (np.cumsum(count) - count), count)
    order = np.lexsort((alive.first_cycle[value], place))
    value, place = value[order], place[order]
    begin, end = alive.first_cycle[value], alive.last_cycle[value] + 1
    if len(value):
        # The latest end so far at each place: places are kept apart by more than any cycle.
        apart = place * int(end.max())
        over = np.maximum.accumulate(end + apart) - apart
        again = place[1:] == place[:-1]
        begin[1:][again] = np.maximum(begin[1:], over[:-1])[again]
    return np.diff(edges)[place], np.minimum(begin, end), end


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
