"""What keeps a group from being cut into rows, and the starts that need not be tried for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from small_graphs import image_networks

from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.lowering import lower
from lgsim.planner.base_groups import base_groups
from lgsim.planner.group import Evaluation, GroupEvaluator, pattern_of
from lgsim.planner.group.first_fit import first_fit
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.strategies.greedy import Greedy
from lgsim.planner.uneven import is_uneven, uneven_stops
from lgsim.target import load_target
from lgsim.target.chip import Chip

CHIP = load_target("bm1684x").chip("cmodel")
SMALL = replace(CHIP, lmem_bytes=CHIP.lmem_bytes // 16)


def two_pools(second: int) -> Pattern:
    """Convolutions, two pools of 3 and of `second` pixels beside each other, their sum."""
    b = GraphBuilder("pools", dtype=DType.F16)
    x = b.conv(b.conv(b.input("x", (1, 64, 96, 96)), 64, kernel=1), 64, kernel=1)
    y = b.max_pool(x, kernel=3, stride=1, pad=1)
    z = b.max_pool(x, kernel=second, stride=1, pad=second // 2)
    b.output(b.conv(b.add(y, z), 64, kernel=1))
    graph = b.build()
    return pattern_of(graph, [op.name for op in graph])[0]


def test_readers_that_want_different_rows_are_found() -> None:
    """What the second pool would read is stored behind the first: a group may end before it."""
    pattern = two_pools(5)
    assert not is_uneven(pattern, "NORMAL", 0, 2, CHIP.lanes)
    assert uneven_stops(pattern, "NORMAL", 1, 6, CHIP.lanes) == (3, 6)
    assert uneven_stops(pattern, "NORMAL", 4, 6, CHIP.lanes) == (6, 6)


def test_readers_that_want_the_same_rows_are_no_obstacle() -> None:
    """With one pool of two inside it is, with both it is not."""
    pattern = two_pools(3)
    assert not is_uneven(pattern, "NORMAL", 0, 6, CHIP.lanes)
    assert uneven_stops(pattern, "NORMAL", 1, 3, CHIP.lanes) == (3, 3)


@pytest.mark.parametrize("chip", [SMALL, replace(CHIP, lmem_bytes=CHIP.lmem_bytes // 4)])
@given(graph=image_networks())
@settings(max_examples=12, deadline=None)
def test_greedy_leaves_no_start_out_that_fits(chip: Chip, graph: Graph) -> None:
    """Every op before a group would make it one that does not fit."""
    typed = lower(graph, "f16")
    evaluator = GroupEvaluator(chip)
    plan = Greedy().plan(typed, evaluator)
    for refusal, ops in base_groups(typed, evaluator.features):
        if refusal is not None:
            continue
        for section in plan.sections:
            if section.ops[0] in ops:
                stop = ops.index(section.ops[-1]) + 1
                for start in range(ops.index(section.ops[0])):
                    longer, _ = pattern_of(typed, ops[start:stop])
                    assert not isinstance(first_fit(evaluator, longer), Evaluation)
