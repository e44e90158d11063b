"""Small networks that are one layer group, and what tests do with them."""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.planner.group.evaluate import Evaluation, GroupEvaluator
from lgsim.planner.group.pattern import pattern_of
from lgsim.planner.plan import Section
from lgsim.simulator.build import build_program
from lgsim.simulator.check import check
from lgsim.simulator.program import Block
from lgsim.simulator.timeline import run_program
from lgsim.simulator.violation import Violation
from lgsim.target.chip import Chip


def residual(size: int = 32, channels: int = 64, batch: int = 1) -> Graph:
    """Two 3×3 convolutions, a skip connection, and a pooling."""
    b = GraphBuilder("residual", dtype=DType.F16)
    x = b.input("x", (batch, channels, size, size))
    y = b.conv(x, channels, kernel=3, pad=1, name="a")
    z = b.conv(y, channels, kernel=3, pad=1, name="b")
    s = b.add(z, y, name="s")
    b.output(b.max_pool(s, kernel=3, stride=2, pad=1, name="p"))
    return b.build()


def chain(length: int, size: int = 16, channels: int = 64) -> Graph:
    """3×3 convolutions one after the other."""
    b = GraphBuilder("chain", dtype=DType.F16)
    x = b.input("x", (1, channels, size, size))
    for number in range(length):
        x = b.conv(x, channels, kernel=3, pad=1, name=f"c{number}")
    b.output(x)
    return b.build()


def evaluate_all(graph: Graph, evaluator: GroupEvaluator) -> Evaluation:
    """All ops of a network as one group, which has to fit."""
    pattern, _ = pattern_of(graph, [op.name for op in graph])
    found = evaluator.evaluate(pattern)
    assert isinstance(found, Evaluation), found
    return found


def simulate_group(
    graph: Graph, found: Evaluation, evaluator: GroupEvaluator
) -> tuple[int, list[Violation]]:
    """Cycles of a group that is the whole network, and what the sanitizer says."""
    ops = tuple(op.name for op in graph)
    section = Section("group", "group", ops, found.group_type, found.secs)
    timed = evaluator.schedule(found, evaluator.placement(found))
    program = build_program(graph, [Block((section,), timed.steps, timed.owners)])
    timeline = run_program(program)
    return timeline.total_cycles, check(program, timeline, evaluator.chip, graph)


def small(chip: Chip, lmem_bytes: int) -> Chip:
    """The chip with less local memory."""
    return replace(chip, lmem_bytes=lmem_bytes)
