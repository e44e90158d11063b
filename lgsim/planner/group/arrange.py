"""Arranges a group whose slices are known: what stays in local memory, time steps, addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lgsim.planner.features import PlannerFeatures
from lgsim.planner.group.book import CostBook
from lgsim.planner.group.costs import GroupCosts, group_costs, thrifty_costs
from lgsim.planner.group.cuts import WHOLE
from lgsim.planner.group.evaluation import Evaluation, placed
from lgsim.planner.group.failure import Failure, too_long
from lgsim.planner.group.given import Given, arranged_as_given
from lgsim.planner.group.lmem import Occupancy, crowded, occupancy_of
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.price import busier_engine, least_cycles, price
from lgsim.planner.group.rebalance import UNLIMITED, rebalance
from lgsim.planner.group.slicing import Slicing
from lgsim.planner.group.thrift import Thrift, in_place_operands
from lgsim.planner.group.timetable import Timetable, Timing, is_complete, nearest, timing_of

THRIFTS = (Thrift(), Thrift(in_place=True), Thrift(reload=True), Thrift(True, True))
"""Ways to save memory, tried in turn until the buffers fit."""

SHARES = (16, 15, 14, 12, 10)
"""Sixteenths of local memory that moved transfers may fill; gaps between buffers take the rest.

They are tried after moving transfers without a look at memory, as the vendor does.
"""


@dataclass(frozen=True, slots=True)
class Arranger:
    """Arranges groups on the chip of a cost book, as far as the planner's features allow."""

    book: CostBook
    planning: PlannerFeatures

    def arrange(
        self,
        pattern: Pattern,
        slicing: Slicing,
        given: Given | None = None,
        *,
        patient: bool = True,
        limit: int | None = None,
    ) -> Evaluation | Failure:
        """The group with these slices.

        Parameters
        ----------
        pattern, slicing : Pattern, Slicing
            The group, and how it is cut.
        given : Given, optional
            Its time steps and perhaps its addresses, if a plan says so.
        patient : bool
            Whether to try one slice after the other too if there is no room for the pipeline.
        limit : int, optional
            Give up if it takes as long as this.
        """
        base = group_costs(pattern, slicing, self.book)
        busy_cycles = busier_engine(base)
        if limit is not None and busy_cycles >= limit:
            return too_long(limit, busy_cycles)
        if given is not None and given.addresses:
            return arranged_as_given(pattern, slicing, self.book, base, given)
        pipelined, steps = self.planning.software_pipeline, given.table if given else None
        case = _Case(self.book, self.planning, pattern, slicing, base, steps, pipelined, limit)
        found = case.first_fit()
        others = given is None and pipelined and patient and slicing.secs != WHOLE
        if others and isinstance(found, Failure) and found.rule == "memory":
            # Slice after slice takes longer, but fewer of them live at the same time.
            return replace(case, pipelined=False).first_fit()
        return found


@dataclass(frozen=True, slots=True)
class _Case:
    """One group with one way to cut it; `base` are its costs if no memory has to be saved."""

    book: CostBook
    planning: PlannerFeatures
    pattern: Pattern
    slicing: Slicing
    base: GroupCosts
    given: Timetable | None
    pipelined: bool
    limit: int | None = None

    @property
    def timing(self) -> Timing:
        """The given time steps, or the plain ones."""
        if self.given is not None:
            return timing_of(self.pattern, self.given)
        return nearest(self.pattern, self.base.absent, self.pipelined)

    def first_fit(self) -> Evaluation | Failure:
        """With the first way to save memory that is enough."""
        failure: Failure | None = None
        for thrift in self.thrifts():
            found = self.timed(self.thrifty(thrift))
            if isinstance(found, Evaluation):
                return found
            if found.rule != "memory":
                if thrift.in_place:
                    # Two values in one place may live too long for the pipeline.
                    failure = found if failure is None or found.rule == "price" else failure
                    continue
                return found
            if failure is None and self.given is None:
                lack = self.shortage()
                if lack is not None:
                    return lack
            failure = failure if failure is not None and failure.rule == "price" else found
        assert failure is not None
        return failure

    def thrifty(self, thrift: Thrift) -> GroupCosts:
        """The costs if memory is saved."""
        return thrifty_costs(self.pattern, self.slicing, self.book, self.base, thrift)

    def thrifts(self) -> Iterator[Thrift]:
        """Ways to save memory; before all ops work in place, those that have no room otherwise."""
        for thrift in THRIFTS:
            if thrift.reload and not self.may_reload:
                continue
            if thrift.in_place:
                yield from self.in_place(thrift)
            else:
                yield thrift

    def in_place(self, thrift: Thrift) -> Iterator[Thrift]:
        """Ways of this kind: ops in place that have no room otherwise, then all that may be."""
        may = in_place_operands(self.pattern, self.slicing)
        if not may:
            return
        tight: frozenset[int] = frozenset()
        more = may.keys() & self.crowded(replace(thrift, only=tight))
        while not more <= tight:
            tight |= more
            more = may.keys() & self.crowded(replace(thrift, only=tight))
        if tight:
            yield replace(thrift, only=tight)
            if may != in_place_operands(self.pattern, self.slicing, last=True):
                yield replace(thrift, only=tight, last=True)
        if tight != may.keys():
            yield thrift

    @property
    def may_reload(self) -> bool:
        """Whether constants may be loaded again for every slice."""
        return self.slicing.secs != WHOLE and self.planning.weight_reload

    def crowded(self, thrift: Thrift) -> set[int]:
        """Members in whose steps more bytes live than there are."""
        return crowded(self.pattern, self.timing, self.thrifty(thrift), self.book.chip)

    def shortage(self) -> Failure | None:
        """Why the buffers cannot fit, whatever is done to save memory; None if they may."""
        costs = self.thrifty(Thrift(True, self.may_reload))
        found = occupancy_of(self.pattern, self.timing, costs, self.book.chip.eu_bytes)
        return found if isinstance(found, Failure) else found.shortage(self.book.chip)

    def timed(self, costs: GroupCosts) -> Evaluation | Failure:
        """The evaluation with given or the best time steps."""
        chip, plain = self.book.chip, self.timing
        if self.given is not None and not is_complete(self.pattern, self.given, costs.absent):
            return Failure("steps", "the given time steps do not fit the ops of the group")
        occupancy = occupancy_of(self.pattern, plain, costs, chip.eu_bytes)
        lack = occupancy if isinstance(occupancy, Failure) else occupancy.shortage(chip)
        if lack is not None:
            return lack
        assert isinstance(occupancy, Occupancy)
        if self.limit is not None and least_cycles(plain.table, costs) >= self.limit:
            return too_long(self.limit)
        if self.given is None and self.planning.step_balance:
            balanced = self.balanced(costs, plain, occupancy)
            if balanced is not None:
                return balanced
        return self.placed(costs, plain, occupancy)

    def balanced(self, costs: GroupCosts, plain: Timing, occupancy: Occupancy) -> Evaluation | None:
        """The evaluation with transfers moved to steps with slack; None if that is no gain."""
        chip, filled = self.book.chip, UNLIMITED + 1
        for budget in (UNLIMITED, *(chip.lmem_bytes * share // SHARES[0] for share in SHARES)):
            if filled <= budget:
                continue
            timing, filled = rebalance(self.pattern, plain, costs, occupancy, chip, budget)
            if timing is plain:
                return None
            moved = self.placed(costs, timing, thorough=budget == UNLIMITED)
            if isinstance(moved, Evaluation):
                gain = price(plain.table, costs).cycles - moved.price.cycles
                return moved if gain > 0 else None
        return None

    def placed(
        self,
        costs: GroupCosts,
        timing: Timing,
        occupancy: Occupancy | None = None,
        *,
        thorough: bool = True,
    ) -> Evaluation | Failure:
        """The evaluation with these time steps, if all buffers find room."""
        if self.limit is not None and price(timing.table, costs).cycles >= self.limit:
            return too_long(self.limit)
        pattern, slicing, chip = self.pattern, self.slicing, self.book.chip
        return placed(pattern, slicing, costs, timing, chip, occupancy, thorough=thorough)
