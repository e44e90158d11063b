"""Strategy `given`: what a plan from outside must fulfil, and what it is told if it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lgsim.api import simulate
from lgsim.errors import InfeasibleError, LgsimError
from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.planner.given import given_plan
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.plan import Plan, Section
from lgsim.target.chip import Chip
from tests.planner.group.group_nets import residual, small

WHOLE = Section("group", "all", ("a", "b", "s", "p"), "NORMAL")


def alone(name: str) -> Section:
    return Section("global", name, (name,))


def check(graph: Graph, chip: Chip, *sections: Section) -> Plan:
    return given_plan(graph, sections, GroupEvaluator(chip), "plan.json")


def test_a_plan_that_fits_is_kept(chip: Chip) -> None:
    """A group without a type gets one; nothing else changes."""
    plan = check(residual(), chip, replace(WHOLE, type=""))
    assert plan.sections == (WHOLE,)
    assert plan.strategy == "given"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ([replace(WHOLE, ops=("a", "b", "s"))], "op 'p' of 'residual' is not in the plan"),
        ([alone("a")], r"3 ops of 'residual' ('b', …) are not in the plan"),
        ([alone("a"), replace(WHOLE, ops=("a", "b", "s", "p"))], "op 'a' is planned twice"),
        ([alone("p"), replace(WHOLE, ops=("a", "b", "s"))], "'p' would run before 's'"),
        ([replace(WHOLE, ops=("b", "s", "p"))], "op 'a' is not in the plan, but 'b' reads it"),
        ([replace(WHOLE, ops=("a", "b", "t", "p"))], "op 't' is not in 'residual'"),
        ([replace(WHOLE, kind="global")], "a global layer has 4 ops, not one"),
    ],
)
def test_refusals(chip: Chip, sections: list[Section], message: str) -> None:
    """One line that names the op, and the file."""
    with pytest.raises(LgsimError) as caught:
        check(residual(), chip, *sections)
    assert message in str(caught.value)
    assert str(caught.value).startswith("plan.json: ")


def test_a_group_that_does_not_fit_says_by_how_many_bytes(chip: Chip) -> None:
    with pytest.raises(InfeasibleError) as caught:
        check(residual(), small(chip, 4096), WHOLE)
    for word in ("group 'all' does not fit", "rule 'memory'", "bytes per lane too many"):
        assert word in str(caught.value)


def test_a_group_of_an_op_without_local_form_says_which(chip: Chip) -> None:
    b = GraphBuilder("turned")
    x = b.relu(b.input("x", (2, 8, 16, 16)), name="r")
    b.output(b.permute(x, (0, 2, 3, 1), name="t"))
    with pytest.raises(InfeasibleError, match="rule 'local', op 't'"):
        check(b.build(), chip, Section("group", "both", ("r", "t"), "NORMAL"))


def test_a_plan_made_in_python_is_held_against_the_network() -> None:
    """And keeps its name."""
    run = simulate("resnet18", strategy="greedy")
    again = simulate("resnet18", plan=replace(run.plan, strategy="mine"))
    assert (again.cycles, again.strategy) == (run.cycles, "mine")
    with pytest.raises(LgsimError, match="not in the plan"):
        simulate("resnet18", plan=replace(run.plan, sections=run.plan.sections[:-1]))
