"""What the picture of a group's local memory shows: its buffers as boxes over time steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.errors import InfeasibleError, LgsimError
from lgsim.graph import Graph
from lgsim.op_names import find_name
from lgsim.planner.anatomy import BufferUse, buffer_uses
from lgsim.planner.group import Evaluation, Failure, GroupEvaluator, pattern_of
from lgsim.planner.group.lmem import Buffer, Placement, peak, runs
from lgsim.planner.group.price import engine_cycles
from lgsim.planner.plan import Section
from lgsim.report.pictures import settings_line
from lgsim.run_data import RunData
from lgsim.target.chip import Chip

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LmemView:
    """A placed group, and what the picture says about it."""

    graph: Graph
    section: Section
    found: Evaluation
    placement: Placement
    chip: Chip
    title: str
    settings: str


@dataclass(frozen=True, slots=True)
class Box:
    """A buffer over a run of steps without a gap."""

    name: str
    role: str
    first_step: int
    after_step: int
    address: int
    nbytes: int


def lmem_view(run: RunData, focus: str | None = None) -> LmemView:
    """The group an op is in, or the slowest one, evaluated and placed as in the run."""
    section = _section(run, focus)
    off = [name for name, on in run.features.items() if not on]
    evaluator = GroupEvaluator.without(run.chip, off)
    pattern, _ = pattern_of(run.graph, section.ops)
    assert section.type, "a group has a type"
    found = evaluator.finished(pattern, section.type, section.secs, section.given)
    if isinstance(found, Failure):
        raise InfeasibleError(found.detail, where=section.name)
    title = f"{run.model}: local memory of {section.name}"
    placement = evaluator.placement(found)
    return LmemView(run.graph, section, found, placement, run.chip, title, settings_line(run))


def _section(run: RunData, focus: str | None) -> Section:
    sections = run.plan.sections
    if focus is None:
        cycles = run.timeline.section_cycles().tolist()
        groups = [number for number, section in enumerate(sections) if section.kind == "group"]
        if not groups:
            hint = "another --strategy makes layer groups"
            raise LgsimError("the plan has no layer group", where=run.model, hint=hint)
        return sections[max(groups, key=lambda number: cycles[number])]
    owners = {name: section for section in sections for name in section.ops}
    owners |= {section.name: section for section in sections}
    name = find_name(focus, owners, run.model)
    if owners[name].kind == "global":
        raise LgsimError(f"'{name}' runs alone, in no layer group", where=run.model)
    return owners[name]


def lmem_boxes(view: LmemView) -> list[Box]:
    """Every buffer, once for each run of steps it lives in.

    With one slice, stages follow each other: step k of stage s is step s · (steps) + k.
    """
    return [
        Box(use.name, use.role, first, after, view.placement.addresses[buffer.owner], use.nbytes)
        for buffer, use in _uses(view)
        for first, after in runs(buffer.steps)
    ]


def peak_bytes(view: LmemView) -> int:
    """What a lane has in use at the busiest moment."""
    most, _ = peak([buffer for buffer, _ in _uses(view)])
    return most


def _uses(view: LmemView) -> list[tuple[Buffer, BufferUse]]:
    _, binding = pattern_of(view.graph, view.section.ops)
    return buffer_uses(view.found, binding, view.chip)


def step_edges(found: Evaluation) -> tuple[Floats, Floats, Floats]:
    """Where each step begins (and the last one ends), and both engines' busy shares of it.

    In cycles: of each stage for one slice, else of a round, averaged over the slices.
    """
    bdc, gdma = engine_cycles(found.timetable, found.costs)
    slices = found.costs.slices
    if slices == 1:
        works = [table.reshape(-1).astype(np.float64) for table in (bdc, gdma)]
        longer = np.maximum(*works)
    else:
        works = [table.sum(axis=0) / slices for table in (bdc, gdma)]
        longer = np.maximum(bdc, gdma).sum(axis=0) / slices
    edges = np.concatenate([[0.0], np.cumsum(longer)])
    shares = [np.divide(w, longer, out=np.zeros_like(w), where=longer > 0) for w in works]
    return edges, shares[0], shares[1]
