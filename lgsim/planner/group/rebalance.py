"""Moves loads to earlier and stores to later steps, where the BDC would otherwise wait for them.

A step's slack is what its computation takes longer than its transfers. Every move takes cycles
from a step that lacks slack to one that has some, as long as local memory holds the value for the
steps in between (docs/chip.md §8).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from lgsim.kernels import kernel_of
from lgsim.kernels.commands.tiling import round_up
from lgsim.planner.group.costs import GroupCosts
from lgsim.planner.group.lmem import Occupancy
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.timetable import Action, Kind, Timing
from lgsim.target.chip import Chip


def rebalance(
    pattern: Pattern,
    timing: Timing,
    costs: GroupCosts,
    occupancy: Occupancy,
    chip: Chip,
    lmem_bytes: int,
    pipelined: bool = True,
) -> tuple[Timing, int]:
    """Move transfers to steps with slack, within `lmem_bytes`; the same timing if none can be.

    They stay in the round of their slice unless slices are `pipelined`. Also tells the most bytes
    that live in a step of the result: with any limit from there on it would be the same.

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
    pipelined : bool
        Whether slices overlap in time.
    """
    balance = _Balance(pattern, timing, costs, occupancy, chip, lmem_bytes, pipelined)
    for step in reversed(range(len(timing.table))):
        balance.relieve(step, Kind.LOAD)
    for step in range(len(timing.table)):
        balance.relieve(step, Kind.STORE)
    return (balance.timing() if balance.moved else timing), lmem_bytes - min(balance.free)


@lru_cache(maxsize=64)
def _spread_values(pattern: Pattern) -> tuple[tuple[int, int], ...]:
    """Values that a member needs spread over more lanes, and that member."""
    return tuple(
        (member.inputs[index], number)
        for number, member in enumerate(pattern.members)
        for index in kernel_of(type(member.site.attrs)).spread_operands(member.site)
    )


class _Balance:
    """Slack and free bytes of every step while transfers are moved."""

    def __init__(
        self,
        pattern: Pattern,
        timing: Timing,
        costs: GroupCosts,
        occupancy: Occupancy,
        chip: Chip,
        lmem_bytes: int,
        pipelined: bool,
    ) -> None:
        self.costs = costs
        self.members = timing.members
        self.spans = dict(timing.spans)
        self.moved = False
        self.steps: list[list[Action]] = [list(actions) for actions in timing.table]
        self.unit = chip.eu_bytes
        self.length = length = len(timing.table)
        self.single = costs.slices == 1
        self.apart = self.single or not pipelined
        self.barred: dict[int, set[int]] = {}
        for value, member in _spread_values(pattern):
            self.barred.setdefault(value, set()).add(timing.members[member] % length)
        self.slack = list(map(self._slack, timing.table))
        live = occupancy.live_bytes
        self.free = [lmem_bytes - n for n in (live[length : 2 * length] if self.single else live)]

    def _slack(self, actions: tuple[Action, ...]) -> int:
        """What a step's computation takes longer than its transfers, over all slices.

        With one slice, only what happens in the second stage does so side by side.
        """
        computing, moving = self.costs.computing, self.costs.moving
        slack = 0
        for action in actions:
            if action.stage == 1 or not self.single:
                computes = action.kind is Kind.COMPUTE
                slack += computing[action.number] if computes else -moving[action.number]
        return slack

    def relieve(self, step: int, kind: Kind) -> None:
        """Move transfers of one kind away from a step for as long as that pays."""
        slack, length = self.slack, self.length
        while slack[step] < 0:
            best: tuple[int, int, int, int] | None = None
            for place, action in enumerate(self.steps[step]):
                if action.kind is not kind or (self.single and action.stage != 1):
                    continue
                cycles = self.costs.moving[action.number]
                most = min(cycles, -slack[step])
                for time in self._targets(step, action) if cycles else ():
                    profit = most - max(0, cycles - slack[time % length])
                    away = abs(action.stage * length + step - time)
                    nbytes = -away * self.costs.value_bytes[action.number]
                    if profit > 0 and (best is None or (profit, nbytes) > best[:2]):
                        best = profit, nbytes, time, place
                    if profit == most:
                        break
            if best is None:
                return
            self._move(step, best[2], self.steps[step].pop(best[3]))

    def _targets(self, step: int, action: Action) -> Iterator[int]:
        """Times (stage · steps + step) that an action may move to, the nearest first.

        The value has to fit local memory on the way, and may not live longer than a round.
        """
        length, held = self.length, self.costs.held[action.number]
        slack, free = self.slack, self.free
        nbytes = 0 if held else round_up(self.costs.value_bytes[action.number], self.unit)
        now = action.stage * length + step
        start, end = self.spans[action.number]
        barred: set[int] | tuple[()] = ()
        if action.kind is Kind.LOAD:
            earliest = length if self.apart else max(0, end - length + 1)
            path = range(now - 1, earliest - 1, -1)
        else:
            path = range(now + 1, 2 * length if self.apart else start + length)
            barred = self.barred.get(action.number, ())
        for time in path:
            at = time % length
            if not held and free[at] < nbytes:
                break
            if slack[at] > 0 and at not in barred:
                yield time

    def _move(self, step: int, time: int, action: Action) -> None:
        """Add an action that was taken out of a step to that of another time."""
        self.moved = True
        number, length = action.number, self.length
        cycles = self.costs.moving[number]
        now = action.stage * length + step
        self.steps[time % length].append(Action(action.kind, number, time // length))
        self.slack[step] += cycles
        self.slack[time % length] -= cycles
        start, end = self.spans[number]
        loading = action.kind is Kind.LOAD
        self.spans[number] = (time, end) if loading else (start, max(end, time))
        if self.costs.held[number]:
            return
        nbytes = round_up(self.costs.value_bytes[number], self.unit)
        path = range(time, now) if loading else range(now + 1, time + 1)
        for passed in path:
            self.free[passed % length] -= nbytes

    def timing(self) -> Timing:
        """The steps as they are now."""
        return Timing(tuple(map(tuple, self.steps)), self.spans, self.members)
