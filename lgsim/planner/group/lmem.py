"""Places the buffers of a group in local memory.

Every buffer lives in some steps of the round; with several slices the rounds overlap, so that life
wraps from the last step to the first. Two buffers may share addresses if they share no step.
Method of docs/chip.md §8: the largest product of size and life first, each at the lowest
free address, if possible in banks that the same step does not use already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgsim.kernels.tiling import round_up
from lgsim.planner.group.costs import GroupCosts
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


def buffers_of(
    pattern: Pattern, timetable: Timetable, costs: GroupCosts, unit: int
) -> list[Buffer] | Failure:
    """The buffers of a group and when they live.

    With one slice, stages follow each other and every step of each stage counts by itself; with
    more, all stages run at the same time and a value that lives longer than a round would be
    overwritten by that of the next slice.
    """
    spans, members = lifetimes(pattern, timetable)
    for result, operand in costs.shared.items():
        place = root(costs.shared, operand)
        spans[place] = spans[place][0], max(spans[place][1], spans.pop(result)[1])
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


def root(shared: Mapping[int, int], value: int) -> int:
    """The value whose place a value takes in the end, itself if it has its own."""
    while value in shared:
        value = shared[value]
    return value


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
        for first, after in _runs(buffer.steps):
            change[first] = change.get(first, 0) + buffer.nbytes
            change[after] = change.get(after, 0) - buffer.nbytes
    total = most = where = 0
    for step in sorted(change):
        total += change[step]
        if total > most:
            most, where = total, step
    return most, where


def _runs(steps: int) -> Iterator[tuple[int, int]]:
    """First step, and the one after the last, of each run of ones in a bit set."""
    start = 0
    while steps:
        zeros = (steps & -steps).bit_length() - 1
        steps >>= zeros
        ones = (~steps & (steps + 1)).bit_length() - 1
        start += zeros + ones
        steps >>= ones
        yield start - ones, start


def place(buffers: Sequence[Buffer], chip: Chip, *, banks: bool = False) -> Placement | Failure:
    """Addresses for all buffers.

    Parameters
    ----------
    buffers : sequence of Buffer
        What has to be placed.
    banks : bool
        Whether to keep buffers of the same step in different banks where there is room.
    """
    most, step = peak(buffers)
    if most > chip.lmem_bytes:
        return _too_large(most, step, chip)
    placement: Placement | None = None
    for order in _orders(buffers):
        placement = _pack(order, chip, banks)
        if placement.top <= chip.lmem_bytes:
            return placement
    assert placement is not None
    return _too_large(placement.top, step, chip)


def _orders(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    """Orders to place buffers in: the largest area first, then the largest, then the longest."""
    yield sorted(buffers, key=lambda b: (-b.nbytes * b.steps.bit_count(), -b.nbytes, b.owner))
    yield sorted(buffers, key=lambda b: (-b.nbytes, -b.steps.bit_count(), b.owner))
    yield sorted(buffers, key=lambda b: (-b.steps.bit_count(), -b.nbytes, b.owner))
    yield sorted(buffers, key=lambda b: (b.steps & -b.steps, -b.nbytes, b.owner))


def _pack(order: Sequence[Buffer], chip: Chip, banks: bool) -> Placement:
    """Each buffer at the lowest free address, in its turn; may end above local memory."""
    placed: list[tuple[int, int, int]] = []
    addresses: dict[int, int] = {}
    top = 0
    for buffer in order:
        blocks = sorted((start, end) for start, end, steps in placed if steps & buffer.steps)
        address = _first_gap(blocks, buffer.nbytes, 1)
        if banks:
            bank = _bank_gap(blocks, buffer.nbytes, chip)
            address = bank if bank + buffer.nbytes <= chip.lmem_bytes else address
        end = address + buffer.nbytes
        addresses[buffer.owner] = address
        placed.append((address, end, buffer.steps))
        top = max(top, end)
    return Placement(addresses, top)


def _first_gap(blocks: Sequence[tuple[int, int]], nbytes: int, unit: int) -> int:
    """Lowest multiple of `unit` with `nbytes` free bytes behind it."""
    address = 0
    for start, end in blocks:
        if start - address >= nbytes:
            break
        address = max(address, round_up(end, unit))
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
