"""Moves across the borders of groups: price against simulation, sanitizer, never slower."""

from __future__ import annotations

import pytest
from group_nets import chain, residual, small
from hypothesis import given, settings
from hypothesis import strategies as st

from lgsim.graph import Graph
from lgsim.planner.features import PlannerFeatures
from lgsim.planner.group.evaluate import Evaluation, GroupEvaluator
from lgsim.planner.group.pattern import pattern_of
from lgsim.planner.plan import Plan, Section
from lgsim.planner.price import PlacedGroup, placed_sections, plan_cycles
from lgsim.simulator.blocks import plan_blocks
from lgsim.simulator.build import build_program
from lgsim.simulator.check import check
from lgsim.simulator.lifetimes import section_peaks
from lgsim.simulator.timeline import run_program
from lgsim.target.chip import Chip


def plan_of(graph: Graph, sizes: list[int], evaluator: GroupEvaluator) -> Plan:
    """Groups of these sizes, one after the other; what does not fit and the rest run alone."""
    names = [op.name for op in graph]
    sections, first = [], 0
    for size in [*sizes, *[1] * len(names)]:
        ops = tuple(names[first : first + size])
        first += size
        found = evaluator.evaluate(pattern_of(graph, ops)[0]) if len(ops) > 1 else None
        if isinstance(found, Evaluation):
            sections.append(Section("group", ops[0], ops, found.group_type, found.secs))
        else:
            sections += [Section("global", name, (name,)) for name in ops]
    return Plan("test", tuple(sections))


def simulate(graph: Graph, plan: Plan, evaluator: GroupEvaluator) -> int:
    """Cycles of a plan, which has to be sound and to cost what was said."""
    program = build_program(graph, plan_blocks(graph, plan, evaluator))
    timeline = run_program(program)
    assert check(program, timeline, evaluator.chip, graph) == []
    assert section_peaks(timeline).max() <= evaluator.chip.lmem_bytes
    assert plan_cycles(graph, plan, evaluator) == timeline.total_cycles
    return timeline.total_cycles


def with_and_without(graph: Graph, sizes: list[int], chip: Chip) -> tuple[int, int]:
    """Cycles of the same plan with moves across borders and without."""
    evaluator = GroupEvaluator(chip)
    plan = plan_of(graph, sizes, evaluator)
    moved = simulate(graph, plan, evaluator)
    evaluator.planning = PlannerFeatures(move_overlap=False)
    return moved, simulate(graph, plan, evaluator)


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(2, 4), min_size=2, max_size=4),
    image=st.sampled_from([8, 24, 56]),
    channels=st.sampled_from([32, 64, 128]),
    lmem_kib=st.sampled_from([32, 48, 64, 256]),
)
def test_a_plan_costs_what_it_is_said_to_and_moves_never_slow_it_down(
    chip: Chip, sizes: list[int], image: int, channels: int, lmem_kib: int
) -> None:
    """Whatever the groups are and however they are sliced."""
    graph = chain(sum(sizes), size=image, channels=channels)
    moved, plain = with_and_without(graph, sizes, small(chip, lmem_kib << 10))
    assert moved <= plain


@pytest.mark.parametrize("batch", [1, 4])
def test_skip_connections_keep_their_order(chip: Chip, batch: int) -> None:
    """A value that two groups read is there before either of them reads it."""
    moved, plain = with_and_without(residual(batch=batch), [2, 2], small(chip, 48 << 10))
    assert moved <= plain


def test_a_filter_is_loaded_while_the_group_before_computes(chip: Chip) -> None:
    """The GDMA idles in the computations of the first group; the border costs less by that."""
    graph = chain(4, size=56, channels=128)
    moved, plain = with_and_without(graph, [2, 2], chip)
    assert moved < plain


def test_groups_with_a_global_layer_between_them_do_not_meet(chip: Chip) -> None:
    """Moves need neighbours."""
    evaluator = GroupEvaluator(chip)
    graph = chain(5, size=56, channels=128)
    plan = plan_of(graph, [2, 1, 2], evaluator)
    runs = [part for part in placed_sections(graph, plan, evaluator) if isinstance(part, list)]
    assert [len(run) for run in runs] == [1, 1]
    assert all(isinstance(group, PlacedGroup) for run in runs for group in run)
    assert [group.lane.gain_cycles for run in runs for group in run] == [0, 0]
