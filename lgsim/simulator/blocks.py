"""From a plan to blocks: the schedule of every section."""

from __future__ import annotations

from lgsim.errors import InfeasibleError, LgsimError
from lgsim.graph import Graph
from lgsim.kernels import global_schedule
from lgsim.kernels.alias import free_ops
from lgsim.kernels.schedule import Schedule
from lgsim.kernels.site import site_of
from lgsim.planner.group import Failure, GroupEvaluator, Pattern, pattern_of
from lgsim.planner.plan import Plan, Section
from lgsim.simulator.program import Block, Owners


def plan_blocks(graph: Graph, plan: Plan, evaluator: GroupEvaluator) -> list[Block]:
    """The schedule of every section of a plan; global layers that move nothing have none.

    Equal groups share one schedule.

    Raises
    ------
    LgsimError
        If a group has no type; InfeasibleError if it does not fit the chip.
    """
    free = free_ops(graph)
    groups: dict[tuple[Pattern, str, tuple[int, ...]], tuple[Schedule, Owners]] = {}
    blocks = []
    for section in plan.sections:
        if section.kind == "group":
            pattern, _ = pattern_of(graph, section.ops)
            key = pattern, section.type, section.secs
            if key not in groups:
                groups[key] = _group_schedule(section, pattern, evaluator)
            blocks.append(Block((section,), *groups[key]))
        elif section.ops[0] in free:
            blocks.append(Block((section,), ()))
        else:
            site = site_of(graph, graph.op(section.ops[0]))
            blocks.append(Block((section,), global_schedule(site, evaluator.chip)))
    return blocks


def _group_schedule(
    section: Section, pattern: Pattern, evaluator: GroupEvaluator
) -> tuple[Schedule, Owners]:
    if section.type == "":
        raise LgsimError("a layer group needs a type", where=section.name)
    found = evaluator.evaluate_section(pattern, section.type, section.secs)
    if isinstance(found, Failure):
        raise InfeasibleError(found.detail, where=section.name)
    return evaluator.schedule(found)
