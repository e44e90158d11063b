"""Permutes beside a group that the strides of its loads and stores can do."""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph import Graph, Op
from lgsim.kernels.site import site_of
from lgsim.planner.group import Failure, GroupEvaluator, pattern_of
from lgsim.planner.group.pattern import is_head_swap
from lgsim.planner.plan import Plan, Section
from lgsim.planner.price import global_cycles


def absorb_permutes(graph: Graph, plan: Plan, evaluator: GroupEvaluator) -> Plan:
    """The plan with such permutes listed in the group beside them, where that is cheaper.

    A permute joins the group that makes its operand if nobody else reads that, or the one that
    reads its result if it is the only reader.
    """
    if not evaluator.planning.permute_strides:
        return plan
    sections = list(plan.sections)
    for alone in plan.sections:
        op = graph.op(alone.ops[0])
        if alone.kind == "global" and is_head_swap(graph, op):
            before = global_cycles(site_of(graph, op), evaluator.chip)
            tries = [
                (before - more, number, joined)
                for number, joined in _neighbours(graph, op, sections)
                if (more := _difference(graph, sections[number], joined, evaluator)) is not None
            ]
            gain, number, joined = max(tries, default=(0, 0, alone), key=lambda each: each[0])
            if gain > 0:
                sections[number] = joined
                sections.remove(alone)
    return Plan(plan.strategy, tuple(sections)) if len(sections) < len(plan.sections) else plan


def _neighbours(graph: Graph, op: Op, sections: list[Section]) -> list[tuple[int, Section]]:
    """Groups that may take a permute in: number of the section, and the group with it."""
    maker = graph.producer(op.inputs[0])
    readers = {user.name for user in graph.consumers(op.outputs[0])}
    found = []
    for number, section in enumerate(sections):
        if section.kind == "group" and section.type != "SMALL_C":
            if maker is not None and maker.name in section.ops:
                found.append((number, replace(section, ops=(*section.ops, op.name))))
            elif readers and readers <= set(section.ops):
                found.append((number, replace(section, ops=(op.name, *section.ops))))
    return found


def _difference(
    graph: Graph, section: Section, joined: Section, evaluator: GroupEvaluator
) -> int | None:
    """Cycles that a group takes longer with the permute; None if it cannot take it in."""
    patterns = [pattern_of(graph, each.ops)[0] for each in (section, joined)]
    if section.type == "" or len(patterns[0].members) != len(patterns[1].members):
        return None  # the permute would be computed
    prices = []
    for pattern in patterns:
        found = evaluator.evaluate_section(pattern, section.type, section.secs)
        if isinstance(found, Failure):
            return None
        prices.append(found.price.cycles)
    return prices[1] - prices[0]
