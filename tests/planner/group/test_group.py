"""Layer groups: slices, price against simulation, sanitizer, failures."""

from __future__ import annotations

import pytest
from group_nets import chain, evaluate_all, residual, simulate_group, small

from lgsim.planner.group.evaluate import Evaluation, GroupEvaluator
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.pattern import pattern_of
from lgsim.planner.group.price import busier_engine, least_cycles
from lgsim.planner.group.slicing import Slicing, infer
from lgsim.target.chip import Chip


@pytest.mark.parametrize("lmem_kib", [256, 64, 24, 16])
@pytest.mark.parametrize("batch", [1, 4])
def test_price_is_what_the_simulator_says(chip: Chip, lmem_kib: int, batch: int) -> None:
    """Also where little local memory forces slices; the schedule is sound."""
    evaluator = GroupEvaluator(small(chip, lmem_kib << 10))
    graph = residual(batch=batch)
    found = evaluate_all(graph, evaluator)
    cycles, violations = simulate_group(graph, found, evaluator)
    assert cycles == found.price.cycles
    least = least_cycles(found.timetable, found.costs)
    assert busier_engine(found.costs) <= least <= cycles
    # Halo rows of overlapping slices are only loaded twice, never stored twice.
    assert violations == []
    assert found.placement.top <= evaluator.chip.lmem_bytes


def test_more_memory_means_fewer_or_cheaper_slices(chip: Chip) -> None:
    """A group never gets dearer with more local memory."""
    prices = [
        evaluate_all(residual(), GroupEvaluator(small(chip, kib << 10))).price.cycles
        for kib in (16, 24, 64, 256)
    ]
    assert prices == sorted(prices, reverse=True)


def test_halos_grow_from_the_last_op_to_the_first(chip: Chip) -> None:
    """Two slices of two 3×3 convolutions: one row of halo per convolution and border."""
    graph = chain(2)
    pattern, _ = pattern_of(graph, ["c0", "c1"])
    slicing = infer(pattern, "NORMAL", (1, 1, 1, 2, 1), chip.lanes)
    assert isinstance(slicing, Slicing)
    rows = {
        value: slicing.cuts[value][3].pieces
        for value in (0, *(m.outputs[0] for m in pattern.members))
    }
    assert list(rows.values()) == [
        ((0, 10), (6, 10)),
        ((0, 9), (7, 9)),
        ((0, 8), (8, 8)),
    ]


def test_readers_that_need_different_rows_get_their_union(chip: Chip) -> None:
    """The skip connection reads fewer rows than the convolution; the value has those of both."""
    graph = residual()
    pattern, _ = pattern_of(graph, [op.name for op in graph])
    slicing = infer(pattern, "NORMAL", (1, 1, 1, 4, 1), chip.lanes)
    assert isinstance(slicing, Slicing)
    made = pattern.members[0].outputs[0]
    second, skip = (number for number, _ in pattern.users[made])
    own = slicing.cuts[made][3]
    assert own is slicing.reads[second][0][3]
    assert slicing.reads[skip][1][3] is not own


def test_too_many_slices_are_refused_with_the_axis(chip: Chip) -> None:
    """More slices than rows."""
    graph = chain(1, size=4)
    pattern, _ = pattern_of(graph, ["c0"])
    failure = infer(pattern, "NORMAL", (1, 1, 1, 5, 1), chip.lanes)
    assert isinstance(failure, Failure)
    assert (failure.rule, failure.axis) == ("slices", "h")


def test_a_group_that_does_not_fit_says_how_much_is_missing(chip: Chip) -> None:
    """Held filters alone are larger than local memory, reloaded ones as well."""
    evaluator = GroupEvaluator(small(chip, 1 << 10))
    graph = chain(2)
    pattern, _ = pattern_of(graph, ["c0", "c1"])
    failure = evaluator.evaluate(pattern)
    assert isinstance(failure, Failure)
    assert failure.rule == "memory"
    assert failure.missing_bytes > 0


def test_filters_are_loaded_again_where_they_cannot_stay(chip: Chip) -> None:
    """Six filters do not fit at once; two in turn do."""
    graph = chain(6, channels=256)
    pattern, _ = pattern_of(graph, [op.name for op in graph])
    evaluator = GroupEvaluator(small(chip, 72 << 10))
    found = evaluator.evaluate_as(pattern, "NORMAL", (1, 1, 1, 2, 1))
    assert isinstance(found, Evaluation)
    filters = [member.inputs[1] for member in pattern.members]
    assert not all(found.costs.held[number] for number in filters)
    cycles, violations = simulate_group(graph, found, evaluator)
    assert cycles == found.price.cycles
    assert violations == []


def test_equal_groups_are_evaluated_once(chip: Chip) -> None:
    """Patterns carry no names."""
    graph = chain(6)
    evaluator = GroupEvaluator(chip)
    first, _ = pattern_of(graph, ["c1", "c2"])
    second, _ = pattern_of(graph, ["c3", "c4"])
    assert first == second
    assert evaluator.evaluate(first) is evaluator.evaluate(second)
