"""Permutes beside a group that strides of its transfers do."""

from __future__ import annotations

import pytest

from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.planner.absorb import absorb_permutes
from lgsim.planner.features import PlannerFeatures
from lgsim.planner.group import Evaluation, GroupEvaluator, pattern_of
from lgsim.planner.plan import Plan, Section
from lgsim.planner.price import plan_cycles
from lgsim.simulator.blocks import plan_blocks
from lgsim.simulator.build import build_program
from lgsim.simulator.check import check
from lgsim.simulator.timeline import run_program
from lgsim.target.chip import Chip


def network(order: tuple[int, ...], side: str) -> Graph:
    """Two convolutions with a permute before or after them."""
    b = GraphBuilder("permuted", dtype=DType.F16)
    x = b.input("x", (2, 64, 64, 32))
    if side == "before":
        x = b.permute(x, order, name="p")
    x = b.conv(b.conv(x, 64, kernel=3, pad=1, name="a"), 64, kernel=3, pad=1, name="b")
    b.output(b.permute(x, order, name="p") if side == "after" else x)
    return b.build()


def plan_of(graph: Graph, evaluator: GroupEvaluator) -> Plan:
    """The convolutions in a group, everything else alone."""
    found = evaluator.evaluate(pattern_of(graph, ("a", "b"))[0])
    assert isinstance(found, Evaluation)
    sections = [
        Section("group", "a .. b", ("a", "b"), found.group_type, found.secs)
        if op.name == "a"
        else Section("global", op.name, (op.name,))
        for op in graph
        if op.name != "b"
    ]
    return Plan("test", tuple(sections))


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_swap_of_two_axes_joins_the_group(chip: Chip, side: str) -> None:
    """The plan gets cheaper, is sound, and costs what it is said to."""
    graph, evaluator = network((0, 2, 1, 3), side), GroupEvaluator(chip)
    apart = plan_of(graph, evaluator)
    plan = absorb_permutes(graph, apart, evaluator)
    assert [section.kind for section in plan.sections] == ["group"]
    assert set(plan.sections[0].ops) == {"p", "a", "b"}
    assert plan_cycles(graph, plan, evaluator) < plan_cycles(graph, apart, evaluator)
    program = build_program(graph, plan_blocks(graph, plan, evaluator))
    timeline = run_program(program)
    assert check(program, timeline, chip, graph) == []
    assert timeline.total_cycles == plan_cycles(graph, plan, evaluator)


@pytest.mark.parametrize("side", ["before", "after"])
def test_other_permutes_stay_alone(chip: Chip, side: str) -> None:
    """So in the vendor's plans; a switch keeps the others alone as well."""
    evaluator = GroupEvaluator(chip)
    graph = network((0, 1, 3, 2), side)
    plan = plan_of(graph, evaluator)
    assert absorb_permutes(graph, plan, evaluator) is plan
    graph = network((0, 2, 1, 3), side)
    evaluator.planning = PlannerFeatures(permute_strides=False)
    plan = plan_of(graph, evaluator)
    assert absorb_permutes(graph, plan, evaluator) is plan
