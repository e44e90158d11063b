"""Groups that run as a plan says: its time steps, and every buffer where it puts it."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.planner.group.book import CostBook
from lgsim.planner.group.costs import GroupCosts, placed_costs, saving_costs
from lgsim.planner.group.evaluation import Evaluation
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.lmem import Placement, occupancy_of
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.price import price
from lgsim.planner.group.slicing import Slicing
from lgsim.planner.group.thrift import in_place_operands
from lgsim.planner.group.timetable import Timetable, is_complete, timing_of


@dataclass(frozen=True, slots=True)
class Given:
    """What a plan says of a group besides how it is cut.

    Attributes
    ----------
    table : Timetable
        What happens in each step of a round.
    addresses : tuple of (int, int)
        Owner (as in `Buffer`) and byte address of every buffer; empty if they are to be found.
    """

    table: Timetable
    addresses: tuple[tuple[int, int], ...] = ()


def arranged_as_given(
    pattern: Pattern, slicing: Slicing, book: CostBook, base: GroupCosts, given: Given
) -> Evaluation | Failure:
    """The group with its steps and addresses; `base` are its costs if no memory has to be saved.

    What is done to save memory follows from the addresses. Whether buffers overlap is not asked
    here: the sanitizer finds it.
    """
    if not is_complete(pattern, given.table, base.absent):
        return Failure("steps", "the given time steps do not fit the ops of the group")
    addresses, timing = dict(given.addresses), timing_of(pattern, given.table)
    needed = [number for number in timing.spans if not base.absent[number]]
    needed += [~number for number, scratch in enumerate(base.scratch_bytes) if scratch]
    if any(owner not in addresses for owner in needed):
        return Failure("addresses", "not all buffers of the group have an address")
    sharing = {
        number: operand
        for last in (False, True)
        for number, operand in in_place_operands(pattern, slicing, last=last).items()
        if addresses[pattern.members[number].inputs[operand]]
        == addresses[pattern.members[number].outputs[0]]
    }
    held = base.may_stay if _untouched(base, addresses) else (False,) * len(base.may_stay)
    costs = saving_costs(pattern, slicing, book, base, held, sharing)
    occupancy = occupancy_of(pattern, timing, costs, 1)
    if isinstance(occupancy, Failure):
        return occupancy
    top = max(addresses[owner] + nbytes for owner, nbytes, _, _ in occupancy.stays)
    costs = placed_costs(pattern, costs, addresses, book.chip.bank_bytes)
    placement, cycles = Placement(addresses, top), price(given.table, costs)
    return Evaluation(pattern, slicing, timing, costs, placement, cycles, settled=True)


def _untouched(costs: GroupCosts, addresses: dict[int, int]) -> bool:
    """Whether nothing else ever lies where a constant does that may stay for all slices.

    If not, all of them are loaded again: recorded groups keep all or none (docs/accuracy.md).
    """
    nbytes = costs.value_bytes
    ends = {
        owner: first + (nbytes[owner] if owner >= 0 else costs.scratch_bytes[~owner])
        for owner, first in addresses.items()
    }
    return not any(
        one != other and addresses[one] < ends[other] and addresses[other] < ends[one]
        for one, stays in enumerate(costs.may_stay)
        if stays and one in addresses
        for other in addresses
    )
