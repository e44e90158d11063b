"""Plain time steps: transfers beside their op, but not where an op spreads the value over lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.planner.group import timetable
from lgsim.planner.group.pattern import Pattern, pattern_of
from lgsim.planner.group.timetable import Kind, is_complete, nearest

if TYPE_CHECKING:
    import pytest


def branching() -> Pattern:
    """Three activations in a row, the first of which is a result as well."""
    b = GraphBuilder("branching", dtype=DType.F16)
    first = b.relu(b.input("x", (1, 64, 16, 16)))
    b.output(first)
    b.output(b.relu(b.relu(first)))
    graph = b.build()
    return pattern_of(graph, [op.name for op in graph])[0]


def step_of_first_store(pattern: Pattern) -> int:
    """The step that stores the result of the first op."""
    absent = (False,) * len(pattern.values)
    plain = nearest.__wrapped__(pattern, absent)
    assert is_complete(pattern, plain.table, absent)
    value = pattern.members[0].outputs[0]
    return next(
        step
        for step, actions in enumerate(plain.table)
        for action in actions
        if action.kind is Kind.STORE and action.number == value
    )


def test_a_value_is_not_stored_beside_an_op_that_spreads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pattern = branching()
    beside = step_of_first_store(pattern)
    spread = ((pattern.members[0].outputs[0], 1),)
    monkeypatch.setattr(timetable, "spread_values", lambda _: spread)
    assert step_of_first_store(pattern) == beside + 1
