"""Moves loads to earlier and stores to later steps, where the BDC would otherwise wait for them.

This is the vendor's rule, so that a plan takes the time steps that its compiler would give it: with
the same slices, it makes the step tables of nine recorded groups of ten, and their price within
0.2 % (reference/plans and the prices in reference/ir; docs/accuracy.md). The compiler has no
addresses yet when it does this, which shows in what it takes a step to last.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

from lgsim.kernels.commands.tiling import round_up
from lgsim.planner.group.costs import GroupCosts
from lgsim.planner.group.lmem import Occupancy
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.timetable import Action, Kind, Timing, spread_values, timing_of
from lgsim.target.chip import Chip

UNLIMITED = 1 << 40
"""More bytes than any local memory has: moves are not limited by it."""


def rebalance(
    pattern: Pattern,
    timing: Timing,
    costs: GroupCosts,
    occupancy: Occupancy,
    chip: Chip,
    lmem_bytes: int,
) -> tuple[Timing, int]:
    """Move transfers to steps with slack, within `lmem_bytes`; the same timing if none can be.

    Also tells the most bytes that live in a step of the result: with any limit from there on it
    would be the same.

    Parameters
    ----------
    pattern, timing, costs : Pattern, Timing, GroupCosts
        The group and its time steps.
    occupancy : Occupancy
        What it keeps in local memory with these steps.
    chip : Chip
        Whose units of memory.
    lmem_bytes : int
        Bytes per lane that may be filled.
    """
    balance = _Balance(pattern, timing, costs, occupancy, chip, lmem_bytes)
    for step in range(len(timing.table)):
        balance.relieve(step)
    table = tuple(map(tuple, balance.steps))
    filled = lmem_bytes - min(balance.free)
    return (timing_of(pattern, table) if balance.moved else timing), filled


class _Balance:
    """Slack and free bytes of every step while transfers are moved.

    A step's slack is what its computation takes longer than its transfers, for the largest slices,
    with constants that stay counted like all others. Operands, results and scratch are taken to lie
    at one address, where element-wise arithmetic takes twice as long; beside look-ups, which are
    sensitive to where their operands lie, there is no slack at all. Transfers keep their stage.
    """

    def __init__(
        self,
        pattern: Pattern,
        timing: Timing,
        costs: GroupCosts,
        occupancy: Occupancy,
        chip: Chip,
        lmem_bytes: int,
    ) -> None:
        self.moved = False
        self.steps: list[list[Action]] = [list(actions) for actions in timing.table]
        self.length = length = len(timing.table)
        self.spans = timing.spans
        self.cycles = [move.most for move in costs.moves]
        self.nbytes = [
            0 if stays else round_up(size, chip.eu_bytes)
            for size, stays in zip(costs.value_bytes, costs.held, strict=True)
        ]
        self.sizes = costs.value_bytes
        self.barred: dict[int, set[int]] = {}
        for value, member in spread_values(pattern):
            self.barred.setdefault(value, set()).add(timing.members[member] % length)
        computing = [op.most_at_one_address for op in costs.ops]
        for number in costs.hazards:
            computing[number] = 0
        moving = self.cycles
        self.slack = [
            sum(
                [
                    computing[number] if kind is Kind.COMPUTE else -moving[number]
                    for kind, number, _ in actions
                ]
            )
            for actions in timing.table
        ]
        self.spare = [step for step, slack in enumerate(self.slack) if slack > 0]
        self.free = [lmem_bytes - nbytes for nbytes in occupancy.live_bytes]
        self.roomy = min(self.free) >= sum(self.nbytes)

    def relieve(self, step: int) -> None:
        """Move transfers away from a step for as long as that pays."""
        slack = self.slack
        while slack[step] < 0:
            best: tuple[int, int, int, Action] | None = None
            for action in self.steps[step]:
                cycles = 0 if action.kind is Kind.COMPUTE else self.cycles[action.number]
                most = min(cycles, -slack[step])
                if most < (best[0] if best is not None else 1):
                    continue
                for target in self._targets(step, action):
                    profit = most - max(0, cycles - slack[target])
                    if profit <= 0 or self._barred(target, action):
                        continue
                    area = -abs(target - step) * self.sizes[action.number]
                    if best is None or (profit, area) > best[:2]:
                        best = profit, area, target, action
                    if profit == most:
                        break  # those further away gain no more
            if best is None:
                return
            self._send(step, best[2], best[3])

    def _targets(self, step: int, action: Action) -> Iterator[int]:
        """Steps with slack that an action may move to, the nearest first."""
        path, spare = self._path(step, action), self.spare
        if action.kind is Kind.LOAD:
            found = spare[bisect_left(spare, path.stop + 1) : bisect_left(spare, step)][::-1]
        else:
            found = spare[bisect_right(spare, step) : bisect_left(spare, path.stop)]
        for target in found:
            if not self._has_room(step, target, action):
                return
            yield target
            step = target

    def _path(self, step: int, action: Action) -> range:
        """Steps that are passed on the way; a value may not live longer than a round."""
        start, end = self.spans[action.number]
        length, first = self.length, action.stage * self.length
        if action.kind is Kind.LOAD:
            return range(step - 1, max(0, end - length + 1 - first) - 1, -1)
        return range(step + 1, min(length, start + length - first))

    def _has_room(self, step: int, target: int, action: Action) -> bool:
        """Whether local memory can hold the value all the way from a step to another."""
        nbytes, free = self.nbytes[action.number], self.free
        if self.roomy or not nbytes:
            return True
        first = action.stage * self.length % len(free)
        passed = (step + 1, target + 1) if target > step else (target, step)
        return min(free[first + passed[0] : first + passed[1]]) >= nbytes

    def _barred(self, step: int, action: Action) -> bool:
        """Whether the value is spread over the lanes in that step, while it must not be stored."""
        return action.kind is Kind.STORE and step in self.barred.get(action.number, ())

    def _profit(self, step: int, target: int, action: Action) -> int:
        """What one step lacks less, minus what the other then lacks more."""
        cycles = self.cycles[action.number]
        return min(cycles, -self.slack[step]) - max(0, cycles - self.slack[target])

    def _send(self, step: int, target: int, action: Action) -> None:
        """Move an action to another step, one after the other.

        Where it uses up the slack of a step on the way, the transfer goes on from there that gains
        most by it, and among equal ones the smallest; where it does not, it stays.
        """
        way = 1 if target > step else -1
        while True:
            self._move(step, step + way, action)
            step += way
            if step == target:
                return
            if self._barred(step, action):
                continue
            if self.slack[step] >= 0:
                return
            others = [
                each
                for each in self.steps[step]
                if each.kind is action.kind
                and target in self._path(step, each)
                and self._has_room(step, target, each)
            ]
            if not others:
                return
            action = max(
                others,
                key=lambda each: (self._profit(step, target, each), -self.sizes[each.number]),
            )

    def _move(self, step: int, target: int, action: Action) -> None:
        """Move an action to the step before or after."""
        self.moved = True
        number, first = action.number, action.stage * self.length
        self.steps[step].remove(action)
        self.steps[target].append(action)
        self._slacken(step, self.cycles[number])
        self._slacken(target, -self.cycles[number])
        self.free[(first + target) % len(self.free)] -= self.nbytes[number]

    def _slacken(self, step: int, cycles: int) -> None:
        """Change the slack of a step."""
        before = self.slack[step] > 0
        self.slack[step] += cycles
        after = self.slack[step] > 0
        if after and not before:
            insort(self.spare, step)
        elif before and not after:
            self.spare.remove(step)
