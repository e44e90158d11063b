"""The vendor's quick search, and which slices of a value different readers can share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from group_nets import chain, residual, small

from lgsim.frontends.tpu_mlir import import_mlir
from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.planner.features import PlannerFeatures
from lgsim.planner.group.cuts import WHOLE
from lgsim.planner.group.evaluate import Evaluation, GroupEvaluator
from lgsim.planner.group.failure import Failure
from lgsim.planner.group.first_fit import MOST_TRIES, first_fit
from lgsim.planner.group.pattern import Pattern, pattern_of
from lgsim.planner.group.slicing import Slicing, infer
from lgsim.target import load_target
from lgsim.target.chip import Chip

TWO_ROWS = (1, 1, 1, 2, 1)
THREE_ROWS = (1, 1, 1, 3, 1)


def whole(graph: Graph) -> Pattern:
    """All ops of a network as one group."""
    return pattern_of(graph, [op.name for op in graph])[0]


def two_readers(second: str, rows: int = 32) -> Pattern:
    """A 3×3 convolution read by another one and by `second`, which needs no halo."""
    b = GraphBuilder("two readers", dtype=DType.F16)
    x = b.input("x", (1, 64, rows, 16))
    y = b.conv(x, 64, kernel=3, pad=1, name="made")
    b.output(b.conv(y, 64, kernel=3, pad=1, name="reader"))
    if second == "add":
        b.output(b.add(y, x, name="second"))
    elif second == "conv":
        b.output(b.conv(y, 64, kernel=1, name="second"))
    elif second == "depthwise":
        b.output(b.conv(y, 64, kernel=1, groups=64, name="second"))
    elif second == "pool":
        b.output(b.max_pool(y, kernel=2, stride=2, name="second"))
    elif second == "concat":
        b.output(b.concat([y, y], axis=1, name="second"))
    return whole(b.build())


@pytest.mark.parametrize("second", ["add", "conv"])
def test_convolutions_and_sums_read_a_part_of_a_larger_slice(second: str, chip: Chip) -> None:
    """The value has the rows that the 3×3 convolution needs; the other one begins inside."""
    slicing = infer(two_readers(second), "NORMAL", TWO_ROWS, chip.lanes)
    assert isinstance(slicing, Slicing)


@pytest.mark.parametrize("second", ["depthwise", "pool", "concat"])
def test_other_readers_need_slices_of_their_own(second: str, chip: Chip) -> None:
    """Uncut, the same ops are a group."""
    pattern = two_readers(second)
    failure = infer(pattern, "NORMAL", TWO_ROWS, chip.lanes)
    assert isinstance(failure, Failure)
    assert (failure.rule, failure.axis) == ("slices", "h")
    assert isinstance(infer(pattern, "NORMAL", WHOLE, chip.lanes), Slicing)


def test_rounds_overlap_even_in_one_slice(chip: Chip) -> None:
    """Two of three values fit at the same time; the next input would be a third one."""
    b = GraphBuilder("two steps", dtype=DType.F16)
    b.output(b.relu(b.relu(b.input("x", (2, chip.lanes, 200, 150)))))
    pattern, evaluator = whole(b.build()), GroupEvaluator(chip)
    one = evaluator.evaluate_section(pattern, "NORMAL", WHOLE)
    found = first_fit(evaluator, pattern)
    assert isinstance(one, Evaluation)
    assert isinstance(found, Evaluation)
    assert found.secs == (2, 1, 1, 1, 1)


def test_a_stored_value_may_be_pooled_if_the_slices_agree(chip: Chip) -> None:
    """Half of 32 rows is twice half of 16; a third of 32 is not twice a third of 16."""
    b = GraphBuilder("pooled", dtype=DType.F16)
    y = b.conv(b.input("x", (1, 64, 32, 16)), 64, kernel=3, pad=1, name="made")
    b.output(y)
    b.output(b.max_pool(y, kernel=2, stride=2, name="pooled"))
    pattern = whole(b.build())
    assert isinstance(infer(pattern, "NORMAL", TWO_ROWS, chip.lanes), Slicing)
    assert isinstance(infer(pattern, "NORMAL", THREE_ROWS, chip.lanes), Failure)


def test_a_halo_may_reach_over_several_slices(chip: Chip) -> None:
    """Eight slices of two rows behind six 3×3 convolutions: the first input slices all begin at 0.

    The last slices still cover all rows.
    """
    pattern = whole(chain(6))
    slicing = infer(pattern, "NORMAL", (1, 1, 1, 8, 1), chip.lanes)
    assert isinstance(slicing, Slicing)
    rows = slicing.cuts[0][3].pieces
    assert [start for start, _ in rows[:4]] == [0, 0, 0, 0]
    assert {row for start, length in rows for row in range(start, start + length)} == set(range(16))


@pytest.mark.parametrize("kib", [256, 64, 24, 16, 8])
def test_the_first_sections_fit_and_cost_no_less_than_the_best(kib: int, chip: Chip) -> None:
    """Everything the quick search takes, the evaluator takes as well."""
    evaluator = GroupEvaluator(small(chip, kib << 10))
    pattern = whole(residual())
    first, best = first_fit(evaluator, pattern), evaluator.evaluate(pattern)
    if isinstance(first, Evaluation):
        assert isinstance(best, Evaluation)
        assert best.price.cycles <= first.price.cycles
        assert first.placement.top <= evaluator.chip.lmem_bytes
        again = evaluator.evaluate_as(pattern, first.group_type, first.secs)
        assert isinstance(again, Evaluation)
        assert again.price == first.price
    else:
        assert first.rule in ("memory", "slices", "secs")


def test_ops_that_hand_nothing_on_are_no_group(chip: Chip) -> None:
    """Two sums of inputs beside each other."""
    b = GraphBuilder("apart", dtype=DType.F16)
    x, y = b.input("x", (1, 64, 16, 16)), b.input("y", (1, 64, 16, 16))
    b.output(b.add(x, y, name="one"))
    b.output(b.add(x, y, name="two"))
    found = first_fit(GroupEvaluator(chip), whole(b.build()))
    assert isinstance(found, Failure)
    assert found.rule == "alone"


def test_no_more_slices_than_necessary_are_taken(chip: Chip) -> None:
    """One slice if the group fits in one; with less memory never fewer slices."""
    counts = []
    for kib in (256, 64, 32, 24, 16):
        found = first_fit(GroupEvaluator(small(chip, kib << 10)), whole(residual()))
        assert isinstance(found, Evaluation)
        counts.append(found.secs[3] * found.secs[4])
    assert counts[0] == 1
    assert counts == sorted(counts)


def test_the_search_ends_after_some_tries(chip: Chip) -> None:
    """Long rows in little memory need more slices than are tried."""
    b = GraphBuilder("tall", dtype=DType.F16)
    x = b.input("x", (1, 64, 4096, 8))
    b.output(b.conv(b.conv(x, 64, kernel=33, pad=16, name="a"), 64, kernel=33, pad=16, name="b"))
    tiny = replace(small(chip, 1 << 17), name="tiny")
    found = first_fit(GroupEvaluator(tiny), whole(b.build()))
    assert isinstance(found, Failure)
    assert MOST_TRIES == 20


def test_constants_are_loaded_again_only_if_they_cannot_all_stay(chip: Chip) -> None:
    """Six filters of 72 KiB a lane, two of which are needed at a time, beside 64 rows."""
    pattern = whole(chain(6, channels=512, size=64))
    found = first_fit(GroupEvaluator(chip), pattern)
    assert isinstance(found, Evaluation)
    assert found.secs != WHOLE
    costs = found.costs
    assert any(costs.may_stay)
    assert not any(costs.held)
    planning = PlannerFeatures().without(["weight_reload"])
    assert isinstance(first_fit(GroupEvaluator(chip, planning=planning), pattern), Failure)


def test_groups_of_the_vendors_greedy_plan(reference: Path) -> None:
    """Its plan of unet512 f16 follows from its totals (cycle_sim.csv, opt1).

    Only these groups load 100,348,936 bytes, store 40,894,464 and keep the BDC busy for 14,514,034
    cycles: ops 0–2, the pooling 3 alone, 4–6 in two slices, 7–13 in one, 14–32 in 25.
    """
    graph = import_mlir(reference / "ir" / "unet512_f16.mlir.gz")
    whole_net = pattern_of(graph, [op.name for op in graph])[0]
    evaluator = GroupEvaluator(load_target("bm1684x").chip("cmodel"))

    def rule_of(first: int, last: int) -> str:
        found = first_fit(evaluator, whole_net.part(first, last + 1))
        return found.rule if isinstance(found, Failure) else ""

    pooled = first_fit(evaluator, whole_net.part(4, 7))
    assert isinstance(pooled, Evaluation)
    assert pooled.secs == TWO_ROWS
    assert not any(rule_of(*group) for group in ((0, 2), (7, 13), (14, 32)))
    assert {rule_of(first, 3) for first in range(3)} == {"slices"}
    assert {rule_of(first, 6) for first in range(4)} == {"slices"}
    assert {rule_of(first, 32) for first in range(10)} == {"slices"}
