"""Moves loads to earlier and stores to later steps, where the BDC would otherwise wait for them.

A step's slack is what its computation takes longer than its transfers. Every move takes cycles
from a step that lacks slack to one that has some, as long as local memory holds the value for the
steps in between (docs/chip.md §8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lgsim.kernels import kernel_of
from lgsim.kernels.commands.tiling import round_up
from lgsim.planner.group.costs import GroupCosts
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.lmem import buffers_of, runs
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.timetable import Action, Kind, Timetable, lifetimes
from lgsim.target.chip import Chip


def rebalance(
    pattern: Pattern,
    table: Timetable,
    costs: GroupCosts,
    chip: Chip,
    lmem_bytes: int,
    pipelined: bool = True,
) -> tuple[Timetable, int]:
    """Move transfers to steps with slack, within `lmem_bytes`; the same table if none can be.

    They stay in the round of their slice unless slices are `pipelined`. Also tells the most bytes
    that live in a step of the result: with any limit from there on it would be the same.
    """
    balance = _Balance(pattern, table, costs, chip, lmem_bytes, pipelined)
    if not balance.sound:
        return table, 0
    for step in reversed(range(len(table))):
        balance.relieve(step, Kind.LOAD)
    for step in range(len(table)):
        balance.relieve(step, Kind.STORE)
    return (balance.table() if balance.moved else table), lmem_bytes - min(balance.free)


class _Balance:
    """Slack and free bytes of every step while transfers are moved."""

    def __init__(
        self,
        pattern: Pattern,
        table: Timetable,
        costs: GroupCosts,
        chip: Chip,
        lmem_bytes: int,
        pipelined: bool,
    ) -> None:
        self.costs = costs
        self.moved = False
        self.totals: dict[tuple[Kind, int], int] = {}
        self.steps: list[list[Action]] = [list(actions) for actions in table]
        self.unit = chip.eu_bytes
        self.length = length = len(table)
        self.single = costs.slices == 1
        self.apart = self.single or not pipelined
        self.spans, members = lifetimes(pattern, table)
        self.barred: dict[int, set[int]] = {}
        for member, at in zip(pattern.members, members, strict=True):
            for index in kernel_of(type(member.site.attrs)).spread_operands(member.site):
                self.barred.setdefault(member.inputs[index], set()).add(at % length)
        self.slack = [self._slack(actions) for actions in table]
        buffers = buffers_of(pattern, table, costs, chip.eu_bytes)
        self.sound = not isinstance(buffers, Failure)
        self.free = [lmem_bytes] * length
        if isinstance(buffers, Failure):
            return
        shift = length if self.single else 0
        for buffer in buffers:
            for first, after in runs(buffer.steps >> shift & (1 << length) - 1):
                for step in range(first, after):
                    self.free[step] -= buffer.nbytes

    def _cycles(self, action: Action) -> int:
        """BDC or GDMA cycles of an action over all slices; 0 if it does not recur beside others."""
        key = action.kind, action.number
        if self.single and action.stage != 1:
            return 0
        if key not in self.totals:
            costs = self.costs
            cycles = (costs.load, costs.compute, costs.store)[action.kind][action.number]
            held = action.kind is Kind.LOAD and costs.held[action.number]
            each = cycles[costs.classes[:1] if held else costs.classes]
            self.totals[key] = int(each.sum())
        return self.totals[key]

    def _slack(self, actions: tuple[Action, ...]) -> int:
        return sum(
            self._cycles(action) * (1 if action.kind is Kind.COMPUTE else -1) for action in actions
        )

    def relieve(self, step: int, kind: Kind) -> None:
        """Move transfers of one kind away from a step for as long as that pays."""
        while self.slack[step] < 0:
            best: tuple[int, int, Action, int] | None = None
            for action in self.steps[step]:
                if action.kind is not kind or (self.single and action.stage != 1):
                    continue
                most = min(self._cycles(action), -self.slack[step])
                for time in self._targets(step, action):
                    profit = self._profit(step, time % self.length, action)
                    away = abs(action.stage * self.length + step - time)
                    nbytes = -away * self.costs.value_bytes[action.number]
                    if profit > 0 and (best is None or (profit, nbytes) > best[:2]):
                        best = profit, nbytes, action, time
                    if profit == most:
                        break
            if best is None:
                return
            self._move(step, best[3], best[2])

    def _targets(self, step: int, action: Action) -> Iterator[int]:
        """Times (stage · steps + step) that an action may move to, the nearest first.

        The value has to fit local memory on the way, and may not live longer than a round.
        """
        length, held = self.length, self.costs.held[action.number]
        nbytes = round_up(self.costs.value_bytes[action.number], self.unit)
        now = action.stage * length + step
        start, end = self.spans[action.number]
        if action.kind is Kind.LOAD:
            earliest = length if self.apart else max(0, end - length + 1)
            path = range(now - 1, earliest - 1, -1)
        else:
            path = range(now + 1, 2 * length if self.apart else start + length)
        barred = self.barred.get(action.number, ()) if action.kind is Kind.STORE else ()
        for time in path:
            if not held and self.free[time % length] < nbytes:
                break
            if self.slack[time % length] > 0 and time % length not in barred:
                yield time

    def _profit(self, step: int, target: int, action: Action) -> int:
        cycles = self._cycles(action)
        return min(cycles, -self.slack[step]) - max(0, cycles - self.slack[target])

    def _move(self, step: int, time: int, action: Action) -> None:
        self.moved = True
        cycles, length = self._cycles(action), self.length
        now = action.stage * length + step
        self.steps[step].remove(action)
        self.steps[time % length].append(replace(action, stage=time // length))
        self.slack[step] += cycles
        self.slack[time % length] -= cycles
        start, end = self.spans[action.number]
        loading = action.kind is Kind.LOAD
        self.spans[action.number] = (time, end) if loading else (start, time)
        if self.costs.held[action.number]:
            return
        nbytes = round_up(self.costs.value_bytes[action.number], self.unit)
        path = range(time, now) if loading else range(now + 1, time + 1)
        for passed in path:
            self.free[passed % length] -= nbytes

    def table(self) -> Timetable:
        """The steps as they are now."""
        return tuple(map(tuple, self.steps))
