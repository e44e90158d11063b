"""Places the buffers of a group in local memory.

Method of docs/chip.md §8: the largest product of size and life first, each at the lowest
free address, if possible in banks that the same step does not use already.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from itertools import chain

from lgsim.planner.group.failure import Failure
from lgsim.planner.group.lmem import Buffer, Placement, peak, too_large
from lgsim.target.chip import Chip

SLOW_BUFFERS = 300
"""More buffers than this are not placed the slow way: its time grows with their square."""

SHUFFLES = 8
"""Orders that are tried at random (always the same ones) when no rule finds room for all."""

STRETCH = 64
"""Steps of a stretch: buffers are held against those that live in the same ones."""

Block = tuple[int, int, int]
"""First address of a buffer, the one behind it, and the steps it lives in."""


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
    orders = _orders(buffers)
    placement = _pack(next(orders), chip, banks)
    if placement.top <= chip.lmem_bytes:
        return placement
    most, where = peak(buffers)
    if most > chip.lmem_bytes:
        return too_large(most, where, chip)
    for order in orders:
        placement = _pack(order, chip, banks)
        if placement.top <= chip.lmem_bytes:
            return placement
    if thorough and len(buffers) <= SLOW_BUFFERS:
        for placement in chain((_lowest_first(buffers),), _shuffled(buffers, chip)):
            if placement.top <= chip.lmem_bytes:
                return placement
    return too_large(placement.top, where, chip)


def _orders(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    """Orders to place buffers in: the largest area first, then the largest, then the longest."""
    yield sorted(buffers, key=lambda b: (-b.nbytes * b.steps.bit_count(), -b.nbytes, b.owner))
    yield sorted(buffers, key=lambda b: (-b.nbytes, -b.steps.bit_count(), b.owner))
    yield sorted(buffers, key=lambda b: (-b.steps.bit_count(), -b.nbytes, b.owner))
    yield sorted(buffers, key=lambda b: (b.steps & -b.steps, -b.nbytes, b.owner))


def _shuffled(buffers: Sequence[Buffer], chip: Chip) -> Iterator[Placement]:
    """Placements with large buffers rather early, in some random orders."""
    from random import Random

    random = Random(0)
    for _ in range(SHUFFLES):
        weights = {b.owner: -b.nbytes * (0.3 + random.random()) for b in buffers}
        yield _pack(sorted(buffers, key=lambda b: weights[b.owner]), chip, False)


def _lowest_first(buffers: Sequence[Buffer]) -> Placement:
    """Always the buffer next that can lie lowest, the longest life first where several can."""
    waiting = sorted(buffers, key=lambda b: (-b.steps.bit_count(), -b.nbytes, b.owner))
    blocks: dict[int, list[Block]] = {buffer.owner: [] for buffer in waiting}
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
                insort(blocks[other.owner], (start, end, other.steps))
                if start < lowest[other.owner] + other.nbytes and end > lowest[other.owner]:
                    lowest[other.owner] = _first_gap(blocks[other.owner], other.nbytes, other.steps)
    return Placement(addresses, top)


def _pack(order: Sequence[Buffer], chip: Chip, banks: bool) -> Placement:
    """Each buffer at the lowest free address, in its turn, until one ends above local memory."""
    placed = _Placed(chip)
    addresses: dict[int, int] = {}
    top = 0
    for owner, nbytes, steps in order:
        address = placed.free_banks(nbytes, steps) if banks else -1
        if address < 0:
            address = _first_gap(placed.beside(steps), nbytes, steps)
        end = address + nbytes
        addresses[owner] = address
        top = max(top, end)
        if top > chip.lmem_bytes:
            break
        placed.add((address, end, steps), banks)
    return Placement(addresses, top)


class _Placed:
    """Blocks in order of their addresses: all, and those of every stretch of steps.

    Neighbours that live in the same steps are one block. Of every bank there are also the steps in
    which it is in use.
    """

    def __init__(self, chip: Chip) -> None:
        self._all: list[Block] = []
        self._blocks: dict[int, list[Block]] = {}
        self._bank_bytes = chip.bank_bytes
        self._banks = [0] * (chip.lmem_bytes // chip.bank_bytes)

    def add(self, block: Block, banks: bool) -> None:
        """Remember a block, and the banks it lies in if they are asked for."""
        start, end, steps = block
        _join(self._all, block)
        for stretch in _stretches(steps):
            _join(self._blocks.setdefault(stretch, []), block)
        if banks:
            last = min(-(-end // self._bank_bytes), len(self._banks))
            for bank in range(start // self._bank_bytes, last):
                self._banks[bank] |= steps

    def beside(self, steps: int) -> Sequence[Block]:
        """All blocks that live in some steps, and others."""
        stretches = _stretches(steps)
        return self._blocks.get(stretches[0], ()) if len(stretches) == 1 else self._all

    def free_banks(self, nbytes: int, steps: int) -> int:
        """Address of the first banks that are free in some steps and hold so much; −1 if none."""
        wanted, free = -(-nbytes // self._bank_bytes), 0
        for bank, used in enumerate(self._banks):
            free = 0 if used & steps else free + 1
            if free >= wanted:
                return (bank + 1 - wanted) * self._bank_bytes
        return -1


def _join(blocks: list[Block], block: Block) -> None:
    """Put a block among others, in one piece with a neighbour that lives in the same steps."""
    start, end, steps = block
    at = bisect_left(blocks, block)
    if at < len(blocks) and blocks[at][0] == end and blocks[at][2] == steps:
        end = blocks.pop(at)[1]
    if at and blocks[at - 1][1] == start and blocks[at - 1][2] == steps:
        at -= 1
        start = blocks.pop(at)[0]
    blocks.insert(at, (start, end, steps))


def _stretches(steps: int) -> list[int]:
    """Which stretches of steps a set of steps touches."""
    last = (steps.bit_length() - 1) // STRETCH
    if not last:
        return [0]
    mask = (1 << STRETCH) - 1
    return [each for each in range(last + 1) if steps >> each * STRETCH & mask]


def _first_gap(blocks: Sequence[Block], nbytes: int, steps: int) -> int:
    """Lowest address with `nbytes` free bytes behind it.

    Blocks come in order of their addresses; those of other steps do not count.
    """
    address = 0
    for start, end, lives in blocks:
        if lives & steps:
            if start - address >= nbytes:
                break
            if end > address:
                address = end
    return address
