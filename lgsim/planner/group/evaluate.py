"""Group evaluation: one function that all strategies share.

It answers what a group costs and how it runs, or which rule it breaks. Everything depends on the
pattern of the group only, so that repeated blocks of a network are evaluated once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

from lgsim.kernels.schedule import Schedule
from lgsim.kernels.support import Features, GroupType
from lgsim.planner.group.book import CostBook
from lgsim.planner.group.costs import GroupCosts, Thrift, group_costs
from lgsim.planner.group.emit import Emitter, Owners
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.group_type import choose_type, local_failure, type_failure
from lgsim.planner.group.lmem import Placement, buffers_of, peak, place
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.price import Price, price
from lgsim.planner.group.rebalance import rebalance
from lgsim.planner.group.secs import candidates
from lgsim.planner.group.slicing import WHOLE, Secs, Slicing, infer
from lgsim.planner.group.timetable import Timetable, is_complete, nearest
from lgsim.target.chip import Chip

PATIENCE = 5
"""How many sections in a row may bring no gain before the search for better ones ends."""


GOOD_ENOUGH = 1.02
"""A price this close to the cycles of the busier engine is not worth improving by more slices."""


THRIFTS = (Thrift(), Thrift(in_place=True), Thrift(reload=True), Thrift(True, True))
"""Ways to save memory, tried in turn until the buffers fit."""

SHARES = (16, 15, 14, 12, 10)
"""Sixteenths of local memory that moved transfers may fill; gaps between buffers take the rest."""


WHOLE_ENOUGH = 1.1
"""The same for a group that fits in one slice: more of them bring halos and shorter rows."""


@dataclass(frozen=True)
class Evaluation:
    """A group that fits: how it is cut, when what happens, where everything lies, the price."""

    pattern: Pattern
    slicing: Slicing
    timetable: Timetable
    costs: GroupCosts
    placement: Placement
    price: Price

    @property
    def group_type(self) -> GroupType:
        """How the ops see tensors."""
        return self.slicing.group_type

    @property
    def secs(self) -> Secs:
        """Slices along n, c, d, h and w."""
        return self.slicing.secs


class GroupEvaluator:
    """Evaluates groups on one chip; results and costs are kept.

    Parameters
    ----------
    chip : Chip
        Memory sizes and laws.
    features : Features
        Which historical restrictions are lifted.
    """

    def __init__(self, chip: Chip, features: Features | None = None) -> None:
        self.chip = chip
        self.features = features or Features()
        self.book = CostBook(chip)
        self._found: dict[Pattern, Evaluation | Failure] = {}

    def evaluate(self, pattern: Pattern) -> Evaluation | Failure:
        """The group with lgsim's own type, sections and time steps."""
        found = self._found.get(pattern)
        if found is None:
            found = self._found[pattern] = self._search(pattern)
        return found

    def evaluate_section(
        self, pattern: Pattern, group_type: GroupType, secs: Secs
    ) -> Evaluation | Failure:
        """The group as a plan has it; what `evaluate` found is taken if it is the same."""
        found = self._found.get(pattern)
        if isinstance(found, Evaluation) and (found.group_type, found.secs) == (group_type, secs):
            return found
        return self.evaluate_as(pattern, group_type, secs)

    def evaluate_as(
        self,
        pattern: Pattern,
        group_type: GroupType,
        secs: Secs,
        timetable: Timetable | None = None,
    ) -> Evaluation | Failure:
        """The group with a given type and sections, and time steps if they are given as well."""
        slicing = infer(pattern, group_type, secs, self.chip.lanes)
        if isinstance(slicing, Failure):
            return slicing
        found: Evaluation | Failure | None = None
        for thrift in THRIFTS:
            if thrift.reload and secs == WHOLE:
                break
            costs = group_costs(pattern, slicing, self.book, thrift)
            found = self._timed(pattern, slicing, timetable, costs)
            if isinstance(found, Evaluation) or found.rule != "memory":
                break
        assert found is not None
        return found

    def _timed(
        self, pattern: Pattern, slicing: Slicing, timetable: Timetable | None, costs: GroupCosts
    ) -> Evaluation | Failure:
        """The evaluation with given or the best time steps."""
        if timetable is not None:
            if not is_complete(pattern, timetable, costs.absent):
                return Failure("steps", "the given time steps do not fit the ops of the group")
            return self._placed(pattern, slicing, timetable, costs)
        plain = nearest(pattern, costs.absent)
        buffers = buffers_of(pattern, plain, costs, self.chip.eu_bytes)
        if isinstance(buffers, Failure):
            return buffers
        if peak(buffers)[0] <= self.chip.lmem_bytes:
            cycles = price(plain, costs).cycles
            for share in SHARES:
                budget = self.chip.lmem_bytes * share // SHARES[0]
                table = rebalance(pattern, plain, costs, self.chip, budget)
                if table is plain:
                    break
                moved = self._placed(pattern, slicing, table, costs)
                if isinstance(moved, Evaluation):
                    if moved.price.cycles < cycles:
                        return moved
                    break
        return self._placed(pattern, slicing, plain, costs)

    def _placed(
        self, pattern: Pattern, slicing: Slicing, table: Timetable, costs: GroupCosts
    ) -> Evaluation | Failure:
        """The evaluation with these time steps, if all buffers find room."""
        buffers = buffers_of(pattern, table, costs, self.chip.eu_bytes)
        if isinstance(buffers, Failure):
            return buffers
        placement = place(buffers, self.chip)
        if isinstance(placement, Failure):
            return placement
        return Evaluation(pattern, slicing, table, costs, placement, price(table, costs))

    def schedule(self, found: Evaluation) -> tuple[Schedule, Owners]:
        """The commands of a group, and per step the member that each belongs to."""
        buffers = buffers_of(found.pattern, found.timetable, found.costs, self.chip.eu_bytes)
        placement = found.placement
        if not isinstance(buffers, Failure):
            spread = place(buffers, self.chip, banks=True)
            placement = placement if isinstance(spread, Failure) else spread
        emitter = Emitter(self.chip, found.pattern, found.slicing, found.costs, placement)
        return emitter.schedule(found.timetable)

    def _search(self, pattern: Pattern) -> Evaluation | Failure:
        """The cheapest of the first sections that fit."""
        failure = local_failure(pattern, self.features)
        if failure is not None:
            return failure
        group_type = choose_type(pattern, self.chip)
        failure = type_failure(pattern, group_type)
        if failure is not None:
            return failure
        whole = self.evaluate_as(pattern, group_type, WHOLE)
        if isinstance(whole, Failure):
            if whole.rule != "memory":
                return whole
            at_least, floor = self._bounds(pattern, group_type)
            tries = candidates(pattern, group_type, self.chip, at_least)
            found = self._best(pattern, group_type, tries, floor)
            if isinstance(found, Failure) and found.rule == "secs":
                return replace(whole, detail=f"{whole.detail}, and {found.detail}")
            return found
        price_floor = _floor(whole.price)
        if whole.price.cycles <= price_floor * WHOLE_ENOUGH:
            return whole
        more = islice(candidates(pattern, group_type, self.chip, 2), PATIENCE)
        cut = self._best(pattern, group_type, more, price_floor)
        better = isinstance(cut, Evaluation) and cut.price.cycles < whole.price.cycles
        return cut if better else whole

    def _best(
        self, pattern: Pattern, group_type: GroupType, tries: Iterable[Secs], floor: int
    ) -> Evaluation | Failure:
        """The cheapest of some sections; the search ends when it no longer gets better."""
        best: Evaluation | None = None
        first: Failure | None = None
        worse = 0
        for secs in tries:
            found = self.evaluate_as(pattern, group_type, secs)
            if isinstance(found, Failure):
                first = first or found
            elif best is None or found.price.cycles < best.price.cycles:
                best, worse = found, 0
            if best is not None:
                worse += best is not found
                if worse >= PATIENCE or best.price.cycles <= floor * GOOD_ENOUGH:
                    break
        return best or first or Failure("secs", "no axis can be cut")

    def _bounds(self, pattern: Pattern, group_type: GroupType) -> tuple[int, int]:
        """Bounds from the whole group: slices at least, and cycles of its busier engine.

        What lives in one step of the whole group has to be cut down to local memory, with all ways
        to save it; cutting does not make either engine faster.
        """
        slicing = infer(pattern, group_type, WHOLE, self.chip.lanes)
        assert isinstance(slicing, Slicing)
        thrifty = group_costs(pattern, slicing, self.book, THRIFTS[-1])
        table = nearest(pattern, thrifty.absent)
        buffers = buffers_of(pattern, table, thrifty, self.chip.eu_bytes)
        assert not isinstance(buffers, Failure)
        at_least = -(-peak(buffers)[0] // self.chip.lmem_bytes)
        return at_least, _floor(price(table, group_costs(pattern, slicing, self.book)))


def _floor(found: Price) -> int:
    """Cycles that no schedule of the same commands can beat."""
    return max(found.bdc_busy_cycles, found.gdma_busy_cycles)
