"""What a group keeps in local memory, from when to when, and whether there is room for it.

Every buffer lives in some steps of the round; with several slices the rounds overlap, so that life
wraps from the last step to the first. Two buffers may share addresses if they share no step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from lgsim.planner.group.costs import GroupCosts, root
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.timetable import STAGES, Timing
from lgsim.target.chip import Chip


class Buffer(NamedTuple):
    """A value (number ≥ 0) or the scratch of a member (~member) in local memory.

    `steps` is a bit set of the steps it lives in.
    """

    owner: int
    nbytes: int
    steps: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Byte address of every buffer, by owner, and the first byte above all of them."""

    addresses: dict[int, int]
    top: int

    def of(self, value: int, shared: Mapping[int, int]) -> int:
        """Address of a value, which may take the place of another one."""
        return self.addresses[root(shared, value)]


@dataclass(frozen=True)
class Occupancy:
    """What a group keeps in local memory.

    With one slice, stages follow each other and every step of each stage counts by itself; with
    more, all stages run at the same time, and steps are those of a round.

    Attributes
    ----------
    stays : list of (int, int, int, int)
        Owner and bytes per lane of each buffer, its first and its last step, counted on from stage
        to stage.
    wrap : int
        After how many steps life goes on in the first one.
    """

    stays: list[tuple[int, int, int, int]]
    wrap: int

    @cached_property
    def live_bytes(self) -> list[int]:
        """Bytes per lane that live in each step."""
        wrap = self.wrap
        change = [0] * (wrap + 1)
        for _, nbytes, first, last in self.stays:
            first, last = first % wrap, last % wrap
            change[first] += nbytes
            change[last + 1] -= nbytes
            if last < first:
                change[0] += nbytes
        return list(accumulate(change[:wrap]))

    def buffers(self) -> list[Buffer]:
        """The buffers, for placing."""
        wrap, every = self.wrap, (1 << self.wrap) - 1
        found = []
        for owner, nbytes, first, last in self.stays:
            first, length = first % wrap, last - first + 1
            bits = ((1 << length) - 1) << first
            found.append(Buffer(owner, nbytes, bits & every | bits >> wrap))
        return found

    def shortage(self, chip: Chip) -> Failure | None:
        """Why no placement can do: more bytes live in one step than there are; else None."""
        most = max(self.live_bytes)
        if most <= chip.lmem_bytes:
            return None
        return too_large(most, self.live_bytes.index(most), chip)


def occupancy_of(
    pattern: Pattern, timing: Timing, costs: GroupCosts, unit: int
) -> Occupancy | Failure:
    """What a group keeps in local memory, in whole units of so many bytes.

    With several slices, a value that lives longer than a round would be overwritten by that of the
    next slice.
    """
    length = len(timing.table)
    single = costs.slices == 1
    sizes, held = costs.value_bytes, costs.held
    stays = []
    for number, (start, end) in resident_spans(timing.spans, costs.shared).items():
        if held[number]:
            start, end = 0, length - 1
        elif not single and end - start >= length:
            detail = f"a value lives {end - start + 1} steps, a round has {length}"
            return Failure("steps", detail, pattern.values[number].producer)
        stays.append((number, -(-sizes[number] // unit) * unit, start, end))
    for number, scratch in enumerate(costs.scratch_bytes):
        if scratch:
            at = timing.members[number]
            stays.append((~number, -(-scratch // unit) * unit, at, at))
    return Occupancy(stays, length * STAGES if single else length)


def resident_spans(
    spans: Mapping[int, tuple[int, int]], shared: Mapping[int, int]
) -> Mapping[int, tuple[int, int]]:
    """First and last step of every buffer: values that share a place are one buffer."""
    if not shared:
        return spans
    found = dict(spans)
    for result, operand in shared.items():
        place = root(shared, operand)
        found[place] = found[place][0], max(found[place][1], found.pop(result)[1])
    return found


def peak(buffers: Sequence[Buffer]) -> tuple[int, int]:
    """Most bytes that live in one step, and that step: no placement needs less."""
    change: dict[int, int] = {}
    for buffer in buffers:
        for first, after in runs(buffer.steps):
            change[first] = change.get(first, 0) + buffer.nbytes
            change[after] = change.get(after, 0) - buffer.nbytes
    total = most = where = 0
    for step in sorted(change):
        total += change[step]
        if total > most:
            most, where = total, step
    return most, where


def crowded(pattern: Pattern, timing: Timing, costs: GroupCosts, chip: Chip) -> set[int]:
    """Members in whose steps more bytes live than there are."""
    found = occupancy_of(pattern, timing, costs, chip.eu_bytes)
    if isinstance(found, Failure):
        return set()
    live = found.live_bytes
    steps = enumerate(timing.members)
    return {number for number, step in steps if live[step % found.wrap] > chip.lmem_bytes}


def runs(steps: int) -> Iterator[tuple[int, int]]:
    """First step, and the one after the last, of each run of ones in a bit set."""
    start = 0
    while steps:
        zeros = (steps & -steps).bit_length() - 1
        steps >>= zeros
        ones = (~steps & (steps + 1)).bit_length() - 1
        start += zeros + ones
        steps >>= ones
        yield start - ones, start


def too_large(needed: int, step: int, chip: Chip) -> Failure:
    """The failure of a group that needs more bytes in a step than there are."""
    missing = needed - chip.lmem_bytes
    detail = f"{needed:,} bytes per lane are needed in step {step}, {chip.lmem_bytes:,} there are"
    return Failure("memory", detail, missing_bytes=missing)
