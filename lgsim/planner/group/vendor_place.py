"""Where the vendor's compiler would put the buffers of a group, and whether they find room there.

It never moves a buffer again, which needs more room than lgsim's own way (`place`); what its quick
search takes (`first_fit`) depends on it. Found from the addresses of reference/plans: of 160 groups
with one op in each step, 152 come out to the byte (docs/chip.md §8).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import combinations, product

from lgsim.kernels import kernel_of
from lgsim.kernels.commands.tiling import round_up
from lgsim.planner.group.costs import GroupCosts
from lgsim.planner.group.lmem import Buffer, Occupancy, runs
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.thrift import last_reads
from lgsim.planner.group.timetable import Kind, Timing
from lgsim.target.chip import Chip

Block = tuple[int, int]
"""First address of some bytes, and the one behind them."""

_Rank = tuple[int, bool, int, int, int]
"""Address, whether no other value waits beside it, size times life (largest first), start, number.
"""


def vendor_addresses(
    pattern: Pattern, timing: Timing, costs: GroupCosts, kept: Occupancy, chip: Chip
) -> dict[int, int] | None:
    """Byte address of every buffer, by owner; None if one of them finds no room.

    Always that buffer is next that can lie lowest. Among equal ones, values that are used together
    with another value that still waits come first, then what is largest in size times life.

    Parameters
    ----------
    pattern, timing, costs : Pattern, Timing, GroupCosts
        The group and its time steps, without results in place of operands.
    kept : Occupancy
        What it keeps in local memory with these steps.
    chip : Chip
        Sizes of local memory and its banks.
    """
    room = _Room(pattern, timing, kept, chip, costs.slices > 1)
    fixed = [_fixed_rank(timing, costs, kept, buffer) for buffer in room.buffers.values()]
    owners = list(room.buffers)

    def rank(number: int) -> _Rank:
        owner = owners[number]
        return room.lowest[owner], not room.awaits_another(owner), *fixed[number], number

    numbers = {owner: number for number, owner in enumerate(owners)}
    queue = [rank(number) for number in range(len(owners))]
    heapify(queue)
    while queue:
        first = heappop(queue)
        owner = owners[first[-1]]
        if owner in room.addresses or room.lowest[owner] != first[0]:
            continue  # there is another entry for it
        if (now := rank(first[-1])) != first:
            heappush(queue, now)
            continue
        for other in room.put(owner):
            if room.lowest[other] + room.buffers[other].nbytes > chip.lmem_bytes:
                return None
            heappush(queue, rank(numbers[other]))
    return room.addresses


def _fixed_rank(
    timing: Timing, costs: GroupCosts, kept: Occupancy, buffer: Buffer
) -> tuple[int, int]:
    """Size times life, the largest first, and the first step of a buffer."""
    owner, _, steps = buffer
    if owner < 0:
        size, start = costs.scratch_bytes[~owner], timing.members[~owner]
    else:
        size, start = costs.value_bytes[owner], timing.spans[owner][0]
    return -size * steps.bit_count(), start % kept.wrap


class _Room:
    """Local memory while it is filled.

    Attributes
    ----------
    buffers : dict
        All buffers, by owner.
    addresses : dict
        Where those lie that are placed.
    lowest : dict
        Where each of the others could lie at the lowest.
    """

    def __init__(
        self, pattern: Pattern, timing: Timing, kept: Occupancy, chip: Chip, sliced: bool
    ) -> None:
        self.lmem_bytes, self.bank_bytes = chip.lmem_bytes, chip.bank_bytes
        self.buffers = {buffer.owner: buffer for buffer in kept.buffers()}
        self.addresses: dict[int, int] = {}
        self.lowest = dict.fromkeys(self.buffers, 0)
        self._taken: dict[int, list[Block]] = {owner: [] for owner in self.buffers}
        self._close: set[int] = set()
        self._beside = _beside(pattern, timing, self.buffers)
        self._waiting = {
            owner: sum(other >= 0 for other in self._beside[owner]) for owner in self.buffers
        }
        self._twins = _twins(pattern, timing, kept.wrap, self.buffers)
        self._others = _others(self.buffers, kept.wrap)
        self._apart: Mapping[int, set[int]] = defaultdict(set)
        values = {owner for owner in self.buffers if owner >= 0}
        for scratch in _apart(pattern, chip) & self.buffers.keys():
            for one, other in product((scratch,), values - self._others[scratch]):
                kind = self._others if sliced else self._apart
                kind[one].add(other)
                kind[other].add(one)

    def awaits_another(self, owner: int) -> bool:
        """Whether this is a value, and another one waits that is used together with it."""
        return owner >= 0 and self._waiting[owner] > 0

    def put(self, owner: int) -> list[int]:
        """Place a buffer as low as it can lie; tells which others have to lie elsewhere now."""
        start = self.addresses[owner] = self.lowest.pop(owner)
        block = start, start + self.buffers[owner].nbytes
        if owner >= 0:
            for other in self._beside[owner]:
                self._waiting[other] -= 1
        banks = self._banks(block)
        beside, twins, apart = self._beside[owner], self._twins[owner], self._apart[owner]
        found = []
        for other in (self._others[owner] | apart) & self.lowest.keys():
            close = other in self._close
            if close and other in apart:
                continue
            first, last = banks if other in beside and not close else block
            _take(self._taken[other], first, last)
            address = self.lowest[other]
            in_the_way = first < address + self.buffers[other].nbytes and address < last
            if in_the_way or (close and other in twins):
                found.append(other)
        for other in found:
            self.lowest[other] = self._lowest(other)
        return found

    def _lowest(self, owner: int) -> int:
        """The lowest address for a buffer, if possible in banks that no other one uses beside it.

        If not, it lies close to others, perhaps in place of an operand that ends where it begins.
        """
        nbytes, placed = self.buffers[owner].nbytes, self.addresses
        address = _first_gap(self._taken[owner], nbytes)
        if owner not in self._close:
            if address + nbytes <= self.lmem_bytes:
                return address
            self._close.add(owner)
            self._taken[owner] = self._blocks(owner)
            address = _first_gap(self._taken[owner], nbytes)
        for twin in self._twins[owner] & placed.keys():
            start = placed[twin]
            if start < address and _is_free(self._blocks(owner, twin), start, start + nbytes):
                address = start
        return address

    def _blocks(self, owner: int, but: int | None = None) -> list[Block]:
        """What is taken by all buffers in the way of another one, but perhaps one of them."""
        found: list[Block] = []
        for other in self._others[owner] & self.addresses.keys():
            if other != but:
                start = self.addresses[other]
                _take(found, start, start + self.buffers[other].nbytes)
        return found

    def _banks(self, block: Block) -> Block:
        """The banks that some bytes lie in."""
        start, end = block
        return start // self.bank_bytes * self.bank_bytes, round_up(end, self.bank_bytes)


def _take(blocks: list[Block], start: int, end: int) -> None:
    """Add a block to others, which stay in order and apart."""
    first = bisect_left(blocks, (start, start))
    if first and blocks[first - 1][1] >= start:
        first -= 1
        start = blocks[first][0]
    after = first
    while after < len(blocks) and blocks[after][0] <= end:
        end = max(end, blocks[after][1])
        after += 1
    blocks[first:after] = [(start, end)]


def _first_gap(blocks: list[Block], nbytes: int) -> int:
    """Lowest address with so many free bytes behind it."""
    address = 0
    for start, end in blocks:
        if start - address >= nbytes:
            break
        address = end
    return address


def _is_free(blocks: list[Block], start: int, end: int) -> bool:
    """Whether no block takes a byte from `start` to `end`."""
    return all(one >= end or two <= start for one, two in blocks)


def _others(buffers: Mapping[int, Buffer], wrap: int) -> dict[int, set[int]]:
    """Per buffer, all others that live in one of its steps."""
    living: list[set[int]] = [set() for _ in range(wrap)]
    for owner, _, steps in buffers.values():
        for first, after in runs(steps):
            for step in range(first, after):
                living[step].add(owner)
    return {
        owner: set().union(*(living[step] for run in runs(steps) for step in range(*run))) - {owner}
        for owner, _, steps in buffers.values()
    }


def _beside(
    pattern: Pattern, timing: Timing, buffers: Mapping[int, Buffer]
) -> Mapping[int, set[int]]:
    """Buffers that are used together: by one op, or by an op and by a transfer in the same step."""
    found: dict[int, set[int]] = defaultdict(set)
    for actions in timing.table:
        moved = [a.number for a in actions if a.kind is not Kind.COMPUTE and a.number in buffers]
        for kind, number, _ in actions:
            if kind is not Kind.COMPUTE:
                continue
            member = pattern.members[number]
            used = {*member.inputs, *member.outputs, ~number} & buffers.keys()
            for one, other in (*combinations(used, 2), *product(used, moved)):
                if one != other:
                    found[one].add(other)
                    found[other].add(one)
    return found


def _twins(
    pattern: Pattern, timing: Timing, wrap: int, buffers: Mapping[int, Buffer]
) -> Mapping[int, set[int]]:
    """Operands and results that may lie in one place: both live in the step of their op only."""
    found: dict[int, set[int]] = defaultdict(set)
    for number, _, operand, result in last_reads(pattern):
        one, other = buffers[operand], buffers[result]
        both = one.steps & other.steps
        if both == 1 << timing.members[number] % wrap and other.nbytes <= one.nbytes:
            found[operand].add(result)
            found[result].add(operand)
    return found


@lru_cache(maxsize=64)
def _apart(pattern: Pattern, chip: Chip) -> frozenset[int]:
    """Scratch that keeps away from all values, also from those of other steps."""
    return frozenset(
        ~number
        for number, member in enumerate(pattern.members)
        if kernel_of(type(member.site.attrs)).scratch_apart(member.site, chip)
    )
