"""The price of a whole plan: the cycles the simulator will measure, without making commands.

Every step of a schedule costs the longer of its two engines, because steps begin when both are
done with the one before (see `lgsim.kernels.schedule`). So a plan costs the sum of its sections,
less what is gained by moves across the borders of neighbouring groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lgsim.errors import InfeasibleError, LgsimError
from lgsim.graph import Graph
from lgsim.kernels import global_schedule
from lgsim.kernels.alias import free_ops
from lgsim.kernels.site import OpSite, site_of
from lgsim.planner.group import Evaluation, Failure, GroupEvaluator, Pattern, pattern_of
from lgsim.planner.group.border import Lane, move_across
from lgsim.planner.group.lmem import Placement
from lgsim.planner.group.outline import Outline
from lgsim.planner.plan import Plan, Section
from lgsim.target.chip import Chip


@dataclass(frozen=True, slots=True)
class PlacedGroup:
    """A group of a plan, evaluated and placed, and the moves across its borders.

    Equal groups share everything but `section` and `lane`.
    """

    section: Section
    lane: Lane

    @property
    def found(self) -> Evaluation:
        """How the group runs, apart from those moves."""
        return self.lane.outline.found

    @property
    def placement(self) -> Placement:
        """Where its buffers lie."""
        return self.lane.outline.placement


@lru_cache(maxsize=4096)
def global_cycles(site: OpSite, chip: Chip) -> int:
    """What an op costs that runs alone."""
    return sum(
        max(
            sum(transfer.cycles for transfer in step.transfers),
            sum(instruction.cycles for instruction in step.instructions),
        )
        for step in global_schedule(site, chip)
    )


def plan_cycles(graph: Graph, plan: Plan, evaluator: GroupEvaluator) -> int:
    """What a plan costs, to the cycle of the simulator.

    Raises
    ------
    InfeasibleError
        If a group does not fit the chip.
    """
    free, total = free_ops(graph), 0
    for part in placed_sections(graph, plan, evaluator):
        if isinstance(part, Section):
            name = part.ops[0]
            if name not in free:
                total += global_cycles(site_of(graph, graph.op(name)), evaluator.chip)
            continue
        total += sum(group.found.price.cycles - group.lane.gain_cycles for group in part)
    return total


def placed_sections(
    graph: Graph, plan: Plan, evaluator: GroupEvaluator
) -> Iterator[Section | list[PlacedGroup]]:
    """Global layers, and runs of groups that follow each other immediately, in order."""
    run: list[PlacedGroup] = []
    for section in plan.sections:
        if section.kind == "global":
            if run:
                yield run
                run = []
            yield section
            continue
        pattern, binding = pattern_of(graph, section.ops)
        lane = Lane(_outline(section, pattern, evaluator), binding.tensors)
        group = PlacedGroup(section, lane)
        if run and evaluator.planning.move_overlap:
            move_across(run[-1].lane, group.lane)
        run.append(group)
    if run:
        yield run


def _outline(section: Section, pattern: Pattern, evaluator: GroupEvaluator) -> Outline:
    if section.type == "":
        raise LgsimError("a layer group needs a type", where=section.name)
    found = evaluator.finished(pattern, section.type, section.secs, section.given)
    if isinstance(found, Failure):
        raise InfeasibleError(found.detail, where=section.name)
    return evaluator.outline(found)
