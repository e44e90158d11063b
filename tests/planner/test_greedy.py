"""Strategy `greedy`: plans, their schedules, and that grouping pays."""

from __future__ import annotations

from functools import cache

import pytest

import lgsim
from lgsim.answers.run import Run
from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.kernels.support import Features
from lgsim.planner.base_groups import base_groups
from lgsim.planner.group import Evaluation, GroupEvaluator, pattern_of
from lgsim.planner.group.first_fit import first_fit
from lgsim.planner.plan import Plan
from lgsim.planner.strategies import plan_network
from lgsim.simulator.blocks import plan_blocks
from lgsim.simulator.build import build_program
from lgsim.simulator.check import check
from lgsim.simulator.timeline import run_program
from lgsim.target.chip import Chip

NETWORKS = [("resnet18", "f16"), ("resnet18", "int8"), ("deit_tiny", "f16"), ("swin_t", "f16")]


@cache
def run_of(net: str, precision: str, strategy: str = "greedy") -> Run:
    """Several tests look at the same run."""
    return lgsim.simulate(net, precision=precision, strategy=strategy)


def groups_of(plan: Plan) -> list[tuple[str, ...]]:
    """Ops of the layer groups."""
    return [section.ops for section in plan.sections if section.kind == "group"]


@pytest.mark.parametrize(("net", "precision"), NETWORKS)
def test_every_op_is_in_one_section(net: str, precision: str) -> None:
    """In the order of the graph; single ops are global layers, groups have several."""
    run = run_of(net, precision)
    assert [name for part in run.plan.sections for name in part.ops] == [
        op.name for op in run.graph
    ]
    assert all((part.kind == "group") == (len(part.ops) > 1) for part in run.plan.sections)
    assert all(part.reason for part in run.plan.sections)


@pytest.mark.parametrize(("net", "precision"), NETWORKS)
def test_schedules_are_sound_and_faster_than_no_grouping(net: str, precision: str) -> None:
    """Sanitizer, and cycles against strategy `none`."""
    run = run_of(net, precision)
    assert run.check() == []
    assert run.cycles < run_of(net, precision, "none").cycles


@pytest.mark.parametrize(("net", "precision"), NETWORKS)
def test_groups_lie_inside_base_groups_and_are_priced_as_simulated(
    net: str, precision: str
) -> None:
    """No group crosses an op that may not be local; its section takes what the evaluator says."""
    run = run_of(net, precision)
    evaluator = GroupEvaluator(run.chip)
    runs = {
        name: k for k, (_, ops) in enumerate(base_groups(run.graph, Features())) for name in ops
    }
    taken = run.timeline.section_cycles().tolist()
    for section, cycles in zip(run.plan.sections, taken, strict=True):
        assert len({runs[name] for name in section.ops}) == 1
        if section.kind == "group":
            pattern, _ = pattern_of(run.graph, section.ops)
            found = evaluator.finished(pattern, section.type, section.secs)
            assert isinstance(found, Evaluation)
            assert cycles == found.price.cycles


@pytest.mark.parametrize("precision", ["f16", "int8"])
def test_no_group_could_begin_earlier(precision: str) -> None:
    """The longest suffix wins: every smaller start inside the base group breaks a rule."""
    run = run_of("swin_t", precision)
    evaluator = GroupEvaluator(run.chip)
    for _, ops in base_groups(run.graph, Features()):
        position = {name: k for k, name in enumerate(ops)}
        for group in groups_of(run.plan):
            if group[0] in position:
                first, last = position[group[0]], position[group[-1]]
                for start in range(first):
                    longer, _ = pattern_of(run.graph, ops[start : last + 1])
                    assert not isinstance(first_fit(evaluator, longer), Evaluation)


def test_more_local_memory_never_gives_more_groups() -> None:
    """ResNet-18 with 32 to 256 KiB a lane."""
    counts = []
    for kib in (32, 64, 128, 256):
        override = {"lmem.lane_bytes": str(kib << 10)}
        run = lgsim.simulate("resnet18", strategy="greedy", overrides=override)
        assert run.check() == []
        counts.append(len(run.plan.sections))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_a_switched_off_feature_cuts_the_groups() -> None:
    """Without `weight_split` the position bias of window attention runs alone."""
    run = lgsim.simulate("swin_t", strategy="greedy", disable=["weight_split"])
    assert len(run.plan.sections) > len(run_of("swin_t", "f16").plan.sections)
    assert run.check() == []


def views_between_groups() -> Graph:
    """A group whose inner results are seen through a reshape, inside and as an output."""
    b = GraphBuilder("views", dtype=DType.F16)
    x = b.input("x", (1, 64, 16, 16))
    y = b.conv(x, 64, kernel=3, pad=1, name="a")
    flat = b.reshape(y, (1, 64, 256))
    b.output(flat)
    back = b.reshape(b.relu(flat), (1, 64, 16, 16))
    b.output(b.add(back, y, name="s"))
    b.output(y)
    return b.build()


def test_inner_results_that_are_outputs_are_stored_where_they_belong(chip: Chip) -> None:
    """In-group reshapes move data in local memory: what they make is no view in global memory."""
    graph = views_between_groups()
    evaluator = GroupEvaluator(chip)
    plan = plan_network(graph, evaluator, "greedy")
    assert [section.kind for section in plan.sections] == ["group"]
    program = build_program(graph, plan_blocks(graph, plan, evaluator))
    assert check(program, run_program(program), chip, graph) == []
    assert all(place.root == name for name, place in program.placements.items())
