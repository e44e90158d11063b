"""The vendor's quick search: the first sections of a group that fit, whatever they cost.

Found by rebuilding recorded plans (docs/accuracy.md, "Own plans against the vendor's"): from the
number of slices that the whole group's memory asks for upwards, at most 20 tries; steps are
balanced without a look at memory; slices that cannot be inferred end the search. Rounds overlap in
local memory even if there is one slice only: 168 of 172 recorded groups in one slice fit that way
(reference/plans; the other four do not fit lgsim's reckoning in any way).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from lgsim.kernels.support import GroupType
from lgsim.planner.group.costs import GroupCosts, group_costs, thrifty_costs
from lgsim.planner.group.cuts import WHOLE, Secs
from lgsim.planner.group.evaluate import GroupEvaluator
from lgsim.planner.group.evaluation import Evaluation
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.group_type import suitable_type
from lgsim.planner.group.lmem import Occupancy, occupancy_of
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.place import place
from lgsim.planner.group.rebalance import UNLIMITED, rebalance
from lgsim.planner.group.secs import candidates
from lgsim.planner.group.slicing import infer
from lgsim.planner.group.thrift import Thrift
from lgsim.planner.group.timetable import Timing, nearest
from lgsim.target.chip import Chip

MOST_TRIES = 20
"""Sections tried at the most (docs/chip.md §8)."""

HELD = Thrift(), Thrift(in_place=True)
RELOADED = Thrift(reload=True), Thrift(in_place=True, reload=True)
"""Ways to save memory: constants are loaded again only if no try fits with all of them held."""


def first_fit(evaluator: GroupEvaluator, pattern: Pattern) -> Evaluation | Failure:
    """The group with the first sections that fit, or the rule that the last try broke."""
    group_type = suitable_type(pattern, evaluator.features, evaluator.chip)
    if isinstance(group_type, Failure):
        return group_type
    found: Evaluation | Failure | None = _shortage(evaluator, pattern, group_type)
    found = found or _misfit(evaluator, pattern, group_type, WHOLE, HELD)
    found = found or evaluator.evaluate_section(pattern, group_type, WHOLE)
    if isinstance(found, Evaluation) or found.rule != "memory":
        return found
    lmem_bytes = evaluator.chip.lmem_bytes
    at_least = 1 - (-found.missing_bytes // lmem_bytes)
    tries = list(islice(candidates(pattern, group_type, evaluator.chip, at_least), MOST_TRIES))
    if not tries:
        return replace(found, secs=WHOLE)
    for ways in (HELD, RELOADED) if evaluator.planning.weight_reload else (HELD,):
        found = _escalate(evaluator, pattern, group_type, tries, ways)
        if isinstance(found, Evaluation) or found.rule != "memory":
            return found
    return replace(found, secs=tries[-1])


def _shortage(evaluator: GroupEvaluator, pattern: Pattern, group_type: GroupType) -> Failure | None:
    """Why the whole group cannot be one slice, with every transfer beside its op."""
    chip = evaluator.chip
    slicing = infer(pattern, group_type, WHOLE, chip.lanes)
    if isinstance(slicing, Failure):
        return slicing
    costs = group_costs(pattern, slicing, evaluator.book)
    found: Failure | None = None
    for thrift in HELD:
        saving = thrifty_costs(pattern, slicing, evaluator.book, costs, thrift)
        kept = _overlapping(pattern, nearest(pattern, costs.absent), saving, chip)
        lack = kept if isinstance(kept, Failure) else kept.shortage(chip)
        if lack is None:
            return None
        found = found or lack
    return found


def _escalate(
    evaluator: GroupEvaluator,
    pattern: Pattern,
    group_type: GroupType,
    tries: list[Secs],
    ways: tuple[Thrift, ...],
) -> Evaluation | Failure:
    """The first of some sections that fit.

    The last ones are looked at before: if not even they fit, fewer slices will not.
    """
    found: Evaluation | Failure | None = _misfit(evaluator, pattern, group_type, tries[-1], ways)
    if isinstance(found, Failure) and found.rule == "memory":
        return found
    for secs in tries:
        found = _misfit(evaluator, pattern, group_type, secs, ways)
        found = found or evaluator.evaluate_section(pattern, group_type, secs)
        if isinstance(found, Evaluation) or found.rule != "memory":
            return found
    assert found is not None
    return found


def _misfit(
    evaluator: GroupEvaluator,
    pattern: Pattern,
    group_type: GroupType,
    secs: Secs,
    ways: tuple[Thrift, ...],
) -> Failure | None:
    """Why the slices cannot be cut, or the buffers of balanced steps find no room."""
    chip = evaluator.chip
    slicing = infer(pattern, group_type, secs, chip.lanes)
    if isinstance(slicing, Failure):
        return slicing
    base = group_costs(pattern, slicing, evaluator.book)
    plain = nearest(pattern, base.absent)
    found: Failure | None = None
    for thrift in ways:
        costs = thrifty_costs(pattern, slicing, evaluator.book, base, thrift)
        kept = _overlapping(pattern, plain, costs, chip)
        if not isinstance(kept, Failure) and kept.shortage(chip) is None:
            timing, _ = rebalance(pattern, plain, costs, kept, chip, UNLIMITED)
            kept = _overlapping(pattern, timing, costs, chip)
        if isinstance(kept, Failure) and not thrift.in_place:
            return kept
        # Two values in one place may live too long, while more slices need no such thing.
        placement = kept if isinstance(kept, Failure) else place(kept.buffers(), chip)
        if not isinstance(placement, Failure):
            return None
        found = found or placement
    return found


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
