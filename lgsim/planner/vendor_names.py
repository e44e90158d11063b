"""Finds the ops of a graph behind a finished plan of the vendor's, which numbers values anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from lgsim.errors import LgsimError
from lgsim.frontends.vendor_plan import VendorPlan
from lgsim.graph import Graph
from lgsim.graph.tensor_type import Shape
from lgsim.planner.group import Failure, GroupEvaluator, pattern_of
from lgsim.planner.group.given import Given
from lgsim.planner.group.recorded import recorded_group
from lgsim.planner.plan import Section, section_name

_LEFT_OUT = ("Concat", "Permute", "Reshape", "Slice", "Squeeze", "Unsqueeze")
"""Ops that the plan may leave out: views, and permutes that a neighbouring group takes in."""


def vendor_sections(graph: Graph, plan: VendorPlan, where: str) -> list[Section]:
    """Sections of a graph for the groups and global layers of a finished plan.

    Groups stand in the order of the graph, and so do their ops: kinds and shapes tell which they
    are. Of the global layers only the kinds and shapes count, not the order.

    Parameters
    ----------
    graph : Graph
        The typed graph, in planning order.
    plan : VendorPlan
        As read.
    where : str
        Where it comes from, for messages.

    Raises
    ------
    LgsimError
        If the ops of the graph are not those of the plan.
    """
    names = tuple(op.name for op in graph)
    trail = _Alignment(graph, plan).trail()
    if trail is None:
        raise LgsimError(
            f"the ops of '{graph.name}' are not those of this plan ('{plan.model}')", where=where
        )
    found, position, done = [], 0, 0
    for end, groups in trail:
        ops = names[position:end]
        name = section_name(ops)
        if groups > done:
            group = plan.groups[done]
            found.append(Section("group", name, ops, group.type, group.secs))
        else:
            found.append(Section("global", name, ops))
        position, done = end, groups
    return found


class _Alignment:
    """Walks the ops of a graph and the groups of a plan side by side, and back where it must."""

    def __init__(self, graph: Graph, plan: VendorPlan) -> None:
        self.ops = [_look(op.kind, graph.tensor(op.outputs[0]).shape) for op in graph]
        self.groups = [[_look(op.kind, op.shape) for op in each.computes] for each in plan.groups]
        self.alone = Counter(_look(layer.kind, layer.shape) for layer in plan.global_layers)

    def trail(self) -> list[tuple[int, int]] | None:
        """Per section, the position after its last op and the groups so far; None if none fits."""
        end = len(self.ops), len(self.groups)
        path = [(0, 0)]
        choices = [self._next(0, 0)]
        failed: set[tuple[int, int]] = set()
        while path:
            if path[-1] == end:
                return path[1:]
            state = next((each for each in choices[-1] if each not in failed), None)
            if state is None:
                failed.add(path.pop())
                choices.pop()
            else:
                path.append(state)
                choices.append(self._next(*state))
        return None

    def _next(self, position: int, groups: int) -> Iterator[tuple[int, int]]:
        """States after one more section: a group, or an op that runs alone."""
        if groups < len(self.groups):
            wanted = self.groups[groups]
            after = position + len(wanted)
            if self.ops[position:after] == wanted:
                yield after, groups + 1
        if position < len(self.ops) and self._may_be_alone(position, groups):
            yield position + 1, groups

    def _may_be_alone(self, position: int, groups: int) -> bool:
        """Whether the plan has a layer for an op, beside those for the ops before it."""
        look = self.ops[position]
        if look[0] in _LEFT_OUT:
            return True
        before = self.ops[:position].count(look)
        grouped = sum(group.count(look) for group in self.groups[:groups])
        return before - grouped < self.alone[look]


def _look(kind: str, shape: Shape) -> tuple[str, Shape]:
    """What an op is recognised by: its kind and the shape of its first result."""
    return kind.removesuffix("Axis"), shape


def with_vendor_steps(
    graph: Graph, sections: list[Section], plan: VendorPlan, evaluator: GroupEvaluator, where: str
) -> list[Section]:
    """The sections of `vendor_sections` with the time steps and addresses of the plan.

    Groups for whose buffers it has not all addresses keep the time steps only, with a warning.

    Raises
    ------
    LgsimError
        If a group has other loads and stores than the plan says.
    """
    groups = iter(plan.groups)
    found = []
    for section in sections:
        if section.kind == "global":
            found.append(section)
            continue
        group = next(groups)
        pattern, _ = pattern_of(graph, section.ops)
        absent = evaluator.book.statics(pattern, group.type).absent
        given = recorded_group(pattern, group, absent)
        if given is None:
            raise LgsimError(
                f"the time steps of group '{section.name}' do not match its ops", where=where
            )
        assert section.type, "a group of the plan has a type"
        fits = evaluator.evaluate_section(pattern, section.type, section.secs, given)
        if isinstance(fits, Failure) and fits.rule == "addresses":
            given = Given(given.table)
        found.append(replace(section, given=given))
    unplaced = sum(each.given is not None and not each.given.addresses for each in found)
    warning = f"the plan has no addresses for {unplaced} of {len(plan.groups)} groups: found anew"
    if unplaced and warning not in graph.warnings:
        graph.warnings.append(warning)
    return found
