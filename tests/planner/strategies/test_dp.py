"""Strategy `dp`: exact over its search space, never slower than other plans, sound bounds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from small_graphs import networks

import lgsim
from lgsim.graph import Graph
from lgsim.kernels.site import site_of
from lgsim.lowering import lower
from lgsim.planner.base_groups import base_groups
from lgsim.planner.bounds import interval_bounds
from lgsim.planner.group import Evaluation, GroupEvaluator, pattern_of
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.intervals import Intervals
from lgsim.planner.least import IMPOSSIBLE
from lgsim.planner.pieces import LONGEST, pieces
from lgsim.planner.price import global_cycles, plan_cycles
from lgsim.planner.shortest import Cuts
from lgsim.planner.strategies import plan_network
from lgsim.target import load_target
from lgsim.target.chip import Chip

CHIP = load_target("bm1684x").chip("cmodel")
SMALL = replace(CHIP, lmem_bytes=CHIP.lmem_bytes // 4)
UNLIMITED = 1 << 40


def runs(graph: Graph, chip: Chip) -> list[tuple[Pattern, list[int], GroupEvaluator]]:
    """The runs of a lowered network: pattern, cycles of each op alone."""
    evaluator = GroupEvaluator(chip)
    found = []
    for refusal, ops in base_groups(graph, evaluator.features):
        if refusal is None:
            alone = [global_cycles(site_of(graph, graph.op(name)), chip) for name in ops]
            found.append((pattern_of(graph, ops)[0], alone, evaluator))
    return found


def price(evaluator: GroupEvaluator, pattern: Pattern, start: int, stop: int) -> int:
    """Cycles of an interval as a group."""
    found = evaluator.evaluate(pattern.part(start, stop))
    return found.price.cycles if isinstance(found, Evaluation) else IMPOSSIBLE


@pytest.mark.parametrize("chip", [CHIP, SMALL], ids=["256KiB", "64KiB"])
@given(graph=networks())
@settings(max_examples=12, deadline=None)
def test_it_equals_brute_force(chip: Chip, graph: Graph) -> None:
    """Over all ways to cut every run into groups and single ops."""
    for pattern, alone, evaluator in runs(lower(graph, "f16"), chip):
        best = [0]
        for stop in range(1, len(alone) + 1):
            ways = [best[stop - 1] + alone[stop - 1]]
            ways += [best[k] + price(evaluator, pattern, k, stop) for k in range(stop - 1)]
            best.append(min(ways))
        intervals = Intervals(pattern, GroupEvaluator(chip), alone)
        path = Cuts(intervals, UNLIMITED, []).cheapest()[0]
        assert sum(int(intervals.cycles[stop, start]) for start, stop in path) == best[-1]


@pytest.mark.parametrize("chip", [CHIP, SMALL], ids=["256KiB", "64KiB"])
@given(graph=networks())
@settings(max_examples=12, deadline=None)
def test_no_price_is_below_its_bound(chip: Chip, graph: Graph) -> None:
    """Of any interval of any run."""
    for pattern, alone, evaluator in runs(lower(graph, "f16"), chip):
        bounds = interval_bounds(pattern, evaluator).cycles
        for stop in range(2, len(alone) + 1):
            for start in range(stop - 1):
                assert bounds[stop, start] <= price(evaluator, pattern, start, stop)


@given(graph=networks())
@settings(max_examples=15, deadline=None)
def test_it_is_never_slower_than_other_strategies(graph: Graph) -> None:
    """Whole plans, with moves across the borders of groups."""
    typed, evaluator = lower(graph, "f16"), GroupEvaluator(SMALL)
    cycles = {
        name: plan_cycles(typed, plan_network(typed, evaluator, name), evaluator)
        for name in ("dp", "greedy", "none")
    }
    assert cycles["dp"] <= min(cycles["greedy"], cycles["none"])


@cache
def run_of(net: str, strategy: str) -> lgsim.Run:
    """Several tests look at the same run."""
    return lgsim.simulate(net, strategy=strategy)


@pytest.mark.parametrize("net", ["resnet18", "swin_t"])
def test_plans_are_sound_and_priced_as_simulated(net: str) -> None:
    """Sanitizer; the price of the plan is what the simulator measures."""
    run = run_of(net, "dp")
    assert run.check() == []
    assert plan_cycles(run.graph, run.plan, GroupEvaluator(run.chip)) == run.cycles
    assert run.cycles <= run_of(net, "greedy").cycles


def test_permutes_that_join_groups_count_in_the_comparison() -> None:
    """In f32, with few groups, `greedy` gained more by them than the cheapest cuts did."""
    cycles = {
        name: lgsim.simulate("deit_tiny", precision="f32", strategy=name).cycles
        for name in ("dp", "greedy")
    }
    assert cycles["dp"] <= cycles["greedy"]


def test_long_runs_are_cut_into_equal_pieces() -> None:
    """A deeper network has more pieces, but not more different ones."""
    different = []
    for layers in (48, 64):
        graph = lgsim.prepare(lgsim.load_model("bert_base", args={"depth": layers}))
        ((_, ops),) = base_groups(graph, GroupEvaluator(CHIP).features)
        pattern = pattern_of(graph, ops)[0]
        cuts = pieces(pattern)
        assert [start for start, _ in cuts] == [0, *(stop for _, stop in cuts[:-1])]
        assert cuts[-1][1] == len(ops)
        assert max(stop - start for start, stop in cuts) <= LONGEST
        different.append(len({pattern.part(start, stop) for start, stop in cuts}))
    assert different == [3, 3]


def test_intervals_are_cut_where_it_is_cheapest() -> None:
    """A table of prices, by hand."""
    cycles = np.full((4, 4), IMPOSSIBLE, dtype=np.int64)
    cycles[[1, 2, 3], [0, 1, 2]] = 10
    cycles[2, 0], cycles[3, 1], cycles[3, 0] = 15, 12, 23
    assert _cheapest(cycles) == [[(0, 1), (1, 3)]]


def test_ways_that_take_little_longer_are_handed_out_too() -> None:
    """The second best is 0.3 % above the best, the third 9 %."""
    cycles = np.full((4, 4), IMPOSSIBLE, dtype=np.int64)
    cycles[[1, 2, 3], [0, 1, 2]] = 1000
    cycles[2, 0], cycles[3, 1], cycles[3, 0] = 1009, 1000, 2200
    assert _cheapest(cycles) == [[(0, 1), (1, 3)]]
    cycles[2, 0] = 1003
    assert _cheapest(cycles) == [[(0, 1), (1, 3)], [(0, 2), (2, 3)]]


def _cheapest(cycles: np.ndarray) -> list[list[tuple[int, int]]]:
    class Known:
        count, effort = len(cycles) - 1, 0
        known = np.ones_like(cycles, dtype=np.bool_)

        def estimates(self, share: int) -> np.ndarray:
            return cycles

    Known.cycles = cycles
    return Cuts(Known(), 0, []).cheapest()
