"""The vendor's quick search: the first sections of a group that fit, whatever they cost.

Found by rebuilding recorded groups (docs/accuracy.md, "Own plans against the vendor's"): from the
number of slices that the values of the whole group ask for upwards, at most 20 tries; steps are
balanced without a look at memory; buffers have to find room as the vendor places them, also with
one slice as if rounds overlapped; slices that cannot be inferred end the search.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from lgsim.kernels.commands.tiling import ceil_div
from lgsim.kernels.support import GroupType
from lgsim.planner.group.costs import GroupCosts, group_costs, thrifty_costs
from lgsim.planner.group.cuts import WHOLE, Secs
from lgsim.planner.group.evaluate import GroupEvaluator
from lgsim.planner.group.evaluation import Evaluation
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.group_type import suitable_type
from lgsim.planner.group.lmem import Occupancy, occupancy_of, too_large
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.rebalance import UNLIMITED, rebalance
from lgsim.planner.group.secs import candidates
from lgsim.planner.group.slicing import Slicing, infer
from lgsim.planner.group.thrift import Thrift, last_reads
from lgsim.planner.group.timetable import Timing, nearest
from lgsim.planner.group.vendor_place import vendor_addresses
from lgsim.target.chip import Chip

MOST_TRIES = 20
"""Sections tried at the most (docs/chip.md §8)."""


def first_fit(evaluator: GroupEvaluator, pattern: Pattern) -> Evaluation | Failure:
    """The group with the first sections that fit, or the rule that the last try broke."""
    if not _hands_on(pattern):
        return Failure("alone", "no op reads what another one of the group makes")
    chip = evaluator.chip
    group_type = suitable_type(pattern, evaluator.features, chip)
    if isinstance(group_type, Failure):
        return group_type
    uncut = infer(pattern, group_type, WHOLE, chip.lanes)
    if isinstance(uncut, Failure):
        return uncut
    costs = group_costs(pattern, uncut, evaluator.book)
    kept = _overlapping(pattern, nearest(pattern, costs.absent), costs, chip)
    if isinstance(kept, Failure):
        return kept
    at_least = ceil_div(_most_without_constants(pattern, kept), chip.lmem_bytes)
    found: Evaluation | Failure | None = None
    if at_least <= 1:
        found = _fit(evaluator, pattern, group_type, WHOLE)
        if isinstance(found, Evaluation) or found.rule != "memory":
            return found
    tries = list(islice(candidates(pattern, group_type, chip, max(2, at_least)), MOST_TRIES))
    if not tries:
        most = max(kept.live_bytes)
        return found or too_large(most, kept.live_bytes.index(most), chip)
    found = _misfit(evaluator, pattern, group_type, tries[-1])
    if found is None or not found.missing_bytes:  # else fewer slices will not do either
        for secs in tries:
            found = _fit(evaluator, pattern, group_type, secs)
            if isinstance(found, Evaluation) or found.rule != "memory":
                return found
    assert isinstance(found, Failure)
    return replace(found, secs=tries[-1])


def _hands_on(pattern: Pattern) -> bool:
    """Whether any op reads what another one makes; else there is nothing to keep on the chip."""
    makers = (value.producer >= 0 for value in pattern.values)
    return any(made and users for made, users in zip(makers, pattern.users, strict=True))


def _fit(
    evaluator: GroupEvaluator, pattern: Pattern, group_type: GroupType, secs: Secs
) -> Evaluation | Failure:
    """The group with some sections, if the vendor's compiler takes them."""
    found = _misfit(evaluator, pattern, group_type, secs)
    return found or evaluator.evaluate_section(pattern, group_type, secs)


def _misfit(
    evaluator: GroupEvaluator, pattern: Pattern, group_type: GroupType, secs: Secs
) -> Failure | None:
    """Why the slices cannot be cut, or the buffers of balanced steps find no room."""
    chip = evaluator.chip
    slicing = infer(pattern, group_type, secs, chip.lanes)
    if isinstance(slicing, Failure):
        return slicing
    costs = _costs(evaluator, pattern, slicing)
    again = costs.held != costs.may_stay
    plain = nearest(pattern, costs.absent)
    kept = _kept(pattern, plain, costs, chip)
    if isinstance(kept, Failure):
        return replace(kept, reloaded=again)
    timing, _ = rebalance(pattern, plain, costs, kept, chip, UNLIMITED)
    kept = _kept(pattern, timing, costs, chip)
    if isinstance(kept, Failure):
        return replace(kept, reloaded=again)
    if vendor_addresses(pattern, timing, costs, kept, chip) is None:
        detail = f"some of {max(kept.live_bytes):,} bytes per lane in one step find no room"
        return Failure("memory", detail, reloaded=again)
    return None


def _costs(evaluator: GroupEvaluator, pattern: Pattern, slicing: Slicing) -> GroupCosts:
    """The costs of slices: constants stay unless they cannot all do so."""
    book, chip = evaluator.book, evaluator.chip
    costs = group_costs(pattern, slicing, book)
    if costs.can_all_stay(chip) or not evaluator.planning.weight_reload:
        return costs
    return thrifty_costs(pattern, slicing, book, costs, Thrift(reload=True))


def _most_without_constants(pattern: Pattern, kept: Occupancy) -> int:
    """Most bytes of values and scratch that live in one step."""
    values = pattern.values
    stays = [stay for stay in kept.stays if stay[0] < 0 or not values[stay[0]].weight]
    return max(Occupancy(stays, kept.wrap).live_bytes)


def _kept(pattern: Pattern, timing: Timing, costs: GroupCosts, chip: Chip) -> Occupancy | Failure:
    """What the group keeps in local memory, or why no placement can do.

    Results may take the place of operands that end there.
    """
    kept = _overlapping(pattern, timing, costs, chip)
    if isinstance(kept, Failure) or max(kept.live_bytes) <= chip.lmem_bytes:
        return kept
    live = list(kept.live_bytes)
    sizes = {owner: nbytes for owner, nbytes, _, _ in kept.stays}
    ending = {number: operand for number, _, operand, _ in last_reads(pattern)}
    for number, operand in ending.items():
        live[timing.members[number] % kept.wrap] -= sizes[operand]
    most = max(live)
    return kept if most <= chip.lmem_bytes else too_large(most, live.index(most), chip)


def _overlapping(
    pattern: Pattern, timing: Timing, costs: GroupCosts, chip: Chip
) -> Occupancy | Failure:
    """What the group keeps in local memory if rounds overlap, also with one slice."""
    kept = occupancy_of(pattern, timing, costs, chip.eu_bytes)
    if isinstance(kept, Failure) or costs.slices > 1:
        return kept
    length = len(timing.table)
    stays = [
        (owner, nbytes, first, min(last, first + length - 1))
        for owner, nbytes, first, last in kept.stays
    ]
    return Occupancy(stays, length)
