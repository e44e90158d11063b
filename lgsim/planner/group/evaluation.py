"""`Evaluation`: a group that fits, with an address for every buffer."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.kernels.support import GroupType
from lgsim.planner.group.costs import GroupCosts, placed_costs
from lgsim.planner.group.cuts import Secs
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.lmem import Occupancy, Placement, occupancy_of
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.place import place
from lgsim.planner.group.price import Price, price
from lgsim.planner.group.slicing import Slicing
from lgsim.planner.group.timetable import Timetable, Timing
from lgsim.target.chip import Chip


@dataclass(frozen=True)
class Evaluation:
    """A group that fits: how it is cut, when what happens, where everything lies, the price.

    The addresses of a `settled` group are given, and stay.
    """

    pattern: Pattern
    slicing: Slicing
    timing: Timing
    costs: GroupCosts
    placement: Placement
    price: Price
    settled: bool = False

    @property
    def timetable(self) -> Timetable:
        """What happens in each step of a round."""
        return self.timing.table

    @property
    def group_type(self) -> GroupType:
        """How the ops see tensors."""
        return self.slicing.group_type

    @property
    def secs(self) -> Secs:
        """Slices along n, c, d, h and w."""
        return self.slicing.secs


def placed(
    pattern: Pattern,
    slicing: Slicing,
    costs: GroupCosts,
    timing: Timing,
    chip: Chip,
    occupancy: Occupancy | None = None,
    *,
    thorough: bool = True,
) -> Evaluation | Failure:
    """The group with these time steps, if all buffers find room.

    Parameters
    ----------
    pattern, slicing, costs, timing : Pattern, Slicing, GroupCosts, Timing
        The group; costs do not know of addresses yet.
    chip : Chip
        Whose local memory.
    occupancy : Occupancy, optional
        What the group keeps there, if that is known.
    thorough : bool
        Whether to try all ways to place the buffers.
    """
    kept = occupancy or occupancy_of(pattern, timing, costs, chip.eu_bytes)
    if isinstance(kept, Failure):
        return kept
    buffers = kept.buffers()
    placement = place(buffers, chip, banks=bool(costs.hazards), thorough=thorough)
    if isinstance(placement, Failure) and costs.hazards:
        placement = place(buffers, chip, thorough=thorough)
    if isinstance(placement, Failure):
        return placement
    if costs.hazards:
        costs = placed_costs(pattern, costs, placement.addresses, chip.bank_bytes)
    return Evaluation(pattern, slicing, timing, costs, placement, price(timing.table, costs))


def final_placement(found: Evaluation, chip: Chip) -> Placement:
    """Where the buffers of a group lie in the end: apart from each other where there is room.

    A price that depends on the banks of the buffers already holds for such a placement.
    """
    if found.settled or found.costs.hazards:
        return found.placement
    occupancy = occupancy_of(found.pattern, found.timing, found.costs, chip.eu_bytes)
    if isinstance(occupancy, Failure):
        return found.placement
    spread = place(occupancy.buffers(), chip, banks=True)
    return found.placement if isinstance(spread, Failure) else spread
