"""Places the buffers of a group in local memory.

Every buffer lives in some steps of the round; with several slices the rounds overlap, so that life
wraps from the last step to the first. Two buffers may share addresses if they share no step.
Method of docs/chip.md §8: the largest product of size and life first, each at the lowest
free address, if possible in banks that the same step does not use already.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random

from lgsim.kernels.commands.tiling import round_up
from lgsim.planner.group.costs import GroupCosts, root
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.timetable import STAGES, Timetable, lifetimes
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class Buffer:
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


def buffers_of(
    pattern: Pattern, timetable: Timetable, costs: GroupCosts, unit: int
) -> list[Buffer] | Failure:
    """The buffers of a group and when they live.

    With one slice, stages follow each other and every step of each stage counts by itself; with
    more, all stages run at the same time and a value that lives longer than a round would be
    overwritten by that of the next slice.
    """
    spans, members = lifetimes(pattern, timetable)
    spans = resident_spans(spans, costs.shared)
    length = len(timetable)
    single = costs.slices == 1
    everywhere = (1 << (length * STAGES)) - 1 if single else (1 << length) - 1
    found = []
    for number, (start, end) in spans.items():
        nbytes = round_up(costs.value_bytes[number], unit)
        if costs.held[number]:
            found.append(Buffer(number, nbytes, everywhere))
            continue
        if not single and end - start >= length:
            detail = f"a value lives {end - start + 1} steps, a round has {length}"
            return Failure("steps", detail, pattern.values[number].producer)
        found.append(Buffer(number, nbytes, _steps(start, end, 0 if single else length)))
    for number, at in enumerate(members):
        if costs.scratch_bytes[number]:
            nbytes = round_up(costs.scratch_bytes[number], unit)
            found.append(Buffer(~number, nbytes, _steps(at, at, 0 if single else length)))
    return found


def resident_spans(
    spans: Mapping[int, tuple[int, int]], shared: Mapping[int, int]
) -> dict[int, tuple[int, int]]:
    """First and last step of every buffer: values that share a place are one buffer."""
    found = dict(spans)
    for result, operand in shared.items():
        place = root(shared, operand)
        found[place] = found[place][0], max(found[place][1], found.pop(result)[1])
    return found


def _steps(start: int, end: int, length: int) -> int:
    """Bit set of the steps from start to end, wrapped after `length` steps if that is not 0."""
    bits = ((1 << (end - start + 1)) - 1) << start
    if not length:
        return bits
    wrapped = 0
    while bits:
        wrapped |= bits & ((1 << length) - 1)
        bits >>= length
    return wrapped


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


def crowded(pattern: Pattern, timetable: Timetable, costs: GroupCosts, chip: Chip) -> set[int]:
    """Members in whose steps more bytes live than there are."""
    buffers = buffers_of(pattern, timetable, costs, chip.eu_bytes)
    if isinstance(buffers, Failure):
        return set()
    used: dict[int, int] = {}
    for buffer in buffers:
        for first, after in runs(buffer.steps):
            for step in range(first, after):
                used[step] = used.get(step, 0) + buffer.nbytes
    wrap = len(timetable) * (STAGES if costs.slices == 1 else 1)
    members = enumerate(lifetimes(pattern, timetable)[1])
    return {number for number, step in members if used.get(step % wrap, 0) > chip.lmem_bytes}


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


def place(
    buffers: Sequence[Buffer], chip: Chip, *, banks: bool = False, thorough: bool = True
) -> Placement | Failure:
    """Addresses for all buffers.

    Parameters
    ----------
    buffers : sequence of Buffer
        What has to be placed.
    banks : bool
        Whether to keep buffers of the same step in different banks where there is room.
    thorough : bool
        Whether to try the slow way too if the quick ones find no room.
    """
    failure = shortage(buffers, chip)
    if failure is not None:
        return failure
    for order in _orders(buffers):
        placement = _pack(order, chip, banks)
        if placement.top <= chip.lmem_bytes:
            return placement
    if thorough and len(buffers) <= SLOW_BUFFERS:
        for placement in chain((_lowest_first(buffers),), _shuffled(buffers, chip)):
            if placement.top <= chip.lmem_bytes:
                return placement
    return _too_large(placement.top, peak(buffers)[1], chip)


def shortage(buffers: Sequence[Buffer], chip: Chip) -> Failure | None:
    """Why no placement can do: more bytes live in one step than there are; else None."""
    most, step = peak(buffers)
    return _too_large(most, step, chip) if most > chip.lmem_bytes else None


def _orders(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    """Orders to place buffers in: the largest area first, then the largest, then the longest."""
    yield sorted(buffers, key=lambda b: (-b.nbytes * b.steps.bit_count(), -b.nbytes, b.owner))
    yield sorted(buffers, key=lambda b: (-b.nbytes, -b.steps.bit_count(), b.owner))
    yield sorted(buffers, key=lambda b: (-b.steps.bit_count(), -b.nbytes, b.owner))
    yield sorted(buffers, key=lambda b: (b.steps & -b.steps, -b.nbytes, b.owner))


SHUFFLES = 8
"""Orders that are tried at random (always the same ones) when no rule finds room for all."""


def _shuffled(buffers: Sequence[Buffer], chip: Chip) -> Iterator[Placement]:
    """Placements with large buffers rather early, in some random orders."""
    random = Random(0)
    for _ in range(SHUFFLES):
        weights = {b.owner: -b.nbytes * (0.3 + random.random()) for b in buffers}
        yield _pack(sorted(buffers, key=lambda b: weights[b.owner]), chip, False)


def _lowest_first(buffers: Sequence[Buffer]) -> Placement:
    """Always the buffer next that can lie lowest, the longest life first where several can."""
    waiting = sorted(buffers, key=lambda b: (-b.steps.bit_count(), -b.nbytes, b.owner))
    blocks: dict[int, list[tuple[int, int]]] = {buffer.owner: [] for buffer in waiting}
    lowest = dict.fromkeys(blocks, 0)
    addresses: dict[int, int] = {}
    top = 0
    while waiting:
        buffer = min(waiting, key=lambda b: lowest[b.owner])
        waiting.remove(buffer)
        start = lowest[buffer.owner]
        end = start + buffer.nbytes
        addresses[buffer.owner] = start
        top = max(top, end)
        for other in waiting:
            if other.steps & buffer.steps:
                insort(blocks[other.owner], (start, end))
                if start < lowest[other.owner] + other.nbytes and end > lowest[other.owner]:
                    lowest[other.owner] = _first_gap(blocks[other.owner], other.nbytes, 1)
    return Placement(addresses, top)


def _pack(order: Sequence[Buffer], chip: Chip, banks: bool) -> Placement:
    """Each buffer at the lowest free address, in its turn, until one ends above local memory."""
    placed = _Placed()
    addresses: dict[int, int] = {}
    top = 0
    for buffer in order:
        blocks = placed.beside(buffer.steps)
        address = _first_gap(blocks, buffer.nbytes, 1)
        if banks:
            bank = _bank_gap(blocks, buffer.nbytes, chip)
            address = bank if bank + buffer.nbytes <= chip.lmem_bytes else address
        end = address + buffer.nbytes
        addresses[buffer.owner] = address
        placed.add(address, end, buffer.steps)
        top = max(top, end)
        if top > chip.lmem_bytes:
            break
    return Placement(addresses, top)


SLOW_BUFFERS = 300
"""More buffers than this are not placed the slow way: its time grows with their square."""

SHORT_STEPS = 32
"""Buffers of no more steps are looked up step by step, the others one by one."""


class _Placed:
    """Buffers that have an address: short lives by step, long ones as bit sets."""

    def __init__(self) -> None:
        self._at: dict[int, list[tuple[int, int]]] = {}
        self._short: list[tuple[int, int, int]] = []
        self._long: list[tuple[int, int, int]] = []

    def add(self, start: int, end: int, steps: int) -> None:
        """Remember a buffer."""
        if steps.bit_count() > SHORT_STEPS:
            self._long.append((start, end, steps))
            return
        self._short.append((start, end, steps))
        for first, after in runs(steps):
            for step in range(first, after):
                self._at.setdefault(step, []).append((start, end))

    def beside(self, steps: int) -> list[tuple[int, int]]:
        """(start, end) of all buffers that live in one of some steps, in order of addresses."""
        found = {(start, end) for start, end, lives in self._long if lives & steps}
        if steps.bit_count() > SHORT_STEPS:
            found |= {(start, end) for start, end, lives in self._short if lives & steps}
            return sorted(found)
        for first, after in runs(steps):
            for step in range(first, after):
                found.update(self._at.get(step, ()))
        return sorted(found)


def _first_gap(blocks: Sequence[tuple[int, int]], nbytes: int, unit: int) -> int:
    """Lowest multiple of `unit` with `nbytes` free bytes behind it."""
    address = 0
    for start, end in blocks:
        if start - address >= nbytes:
            break
        if end > address:
            address = end if unit == 1 else round_up(end, unit)
    return address


def _bank_gap(blocks: Sequence[tuple[int, int]], nbytes: int, chip: Chip) -> int:
    """Lowest address in banks that no buffer of the same steps touches."""
    bank = chip.bank_bytes
    rounded = sorted((start // bank * bank, round_up(end, bank)) for start, end in blocks)
    return _first_gap(rounded, nbytes, bank)


def _too_large(needed: int, step: int, chip: Chip) -> Failure:
    missing = needed - chip.lmem_bytes
    detail = f"{needed:,} bytes per lane are needed in step {step}, {chip.lmem_bytes:,} there are"
    return Failure("memory", detail, missing_bytes=missing)
