"""The picture of a group's local memory: what lies where, from time step to time step.

Time runs to the right, a column per time step, as wide as the step takes; the addresses of a lane
run upwards, with its banks. Above, how busy both engines are in each step. A group of several
slices is shown as it repeats itself: what lives across the end of a round goes on at its beginning.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.errors import InfeasibleError, LgsimError
from lgsim.graph import Graph
from lgsim.planner.anatomy import buffer_uses
from lgsim.planner.group import Binding, Evaluation, Failure, GroupEvaluator, pattern_of
from lgsim.planner.group.lmem import Placement, peak, runs
from lgsim.planner.group.price import engine_cycles
from lgsim.planner.plan import Section
from lgsim.report import palette
from lgsim.report.pictures import (
    WIDTH_INCHES,
    picture_suffix,
    save_figure,
    settings_line,
    time_unit,
    write_legend,
    write_title,
)
from lgsim.report.tables import shorten
from lgsim.run import Run
from lgsim.target.chip import Chip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats: TypeAlias = NDArray[np.float64]

_HEIGHT_INCHES = 7.6
_LEFT, _RIGHT = 0.075, 0.985
_KIB = 1024
_CHARACTER = 0.0052
"""Width of a character of a label, as a share of the axis."""

_LINE = 0.021
"""Height of a label, as a share of the axis."""

ROLE_COLORS = {
    "activation": "#0072B2",
    "weight": "#56B4E9",
    "weight that stays": "#009E73",
    "scratch": "#B0B0B0",
}
_INK_ON = {"activation": "white", "weight": "#10303F", "weight that stays": "white"}


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


def plot_lmem(run: Run, path: str | os.PathLike[str], focus: str | None = None) -> None:
    """Draw the local memory of a group into a file; equal runs give equal files.

    Parameters
    ----------
    run : Run
        The simulation.
    path : path
        ``.png``, ``.svg`` or ``.pdf``.
    focus : str, optional
        Name of an op of the group; the slowest group if there is none.

    Raises
    ------
    LgsimError
        For another suffix, a name that does not occur, an op that runs alone, or a file that
        cannot be written.
    """
    picture_suffix(path)
    save_figure(lmem_figure(lmem_view(run, focus)), path)


def lmem_view(run: Run, focus: str | None = None) -> LmemView:
    """The group an op is in, or the slowest one, evaluated and placed as in the run."""
    section = _section(run, focus)
    off = [name for name, on in run.features.items() if not on]
    evaluator = GroupEvaluator.without(run.chip, off)
    pattern, _ = pattern_of(run.graph, section.ops)
    assert section.type, "a group has a type"
    found = evaluator.finished(pattern, section.type, section.secs, section.steps)
    if isinstance(found, Failure):
        raise InfeasibleError(found.detail, where=section.name)
    title = f"{run.model}: local memory of {section.name}"
    placement = evaluator.placement(found)
    return LmemView(run.graph, section, found, placement, run.chip, title, settings_line(run))


def _section(run: Run, focus: str | None) -> Section:
    sections = run.plan.sections
    if focus is None:
        cycles = run.timeline.section_cycles().tolist()
        groups = [number for number, section in enumerate(sections) if section.kind == "group"]
        if not groups:
            hint = "another --strategy makes layer groups"
            raise LgsimError("the plan has no layer group", where=run.model, hint=hint)
        return sections[max(groups, key=lambda number: cycles[number])]
    for section in sections:
        if focus == section.name or focus in section.ops:
            if section.kind == "global":
                raise LgsimError(f"'{focus}' runs alone, in no layer group", where=run.model)
            return section
    near = get_close_matches(focus, [name for section in sections for name in section.ops], 1)
    hint = f"did you mean '{near[0]}'?" if near else ""
    raise LgsimError(f"no operator or section '{focus}'", where=run.model, hint=hint)


def lmem_boxes(view: LmemView) -> list[Box]:
    """Every buffer, once for each run of steps it lives in.

    With one slice, stages follow each other: step k of stage s is step s · (steps) + k.
    """
    return [
        Box(use.name, use.role, first, after, view.placement.addresses[buffer.owner], use.nbytes)
        for buffer, use in buffer_uses(view.found, _binding(view), view.chip)
        for first, after in runs(buffer.steps)
    ]


def _binding(view: LmemView) -> Binding:
    return pattern_of(view.graph, view.section.ops)[1]


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


def lmem_figure(view: LmemView) -> Figure:
    """The picture as a matplotlib figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, _HEIGHT_INCHES), facecolor="white")
    grid = figure.add_gridspec(
        2,
        1,
        height_ratios=(1, 9),
        left=_LEFT,
        right=_RIGHT,
        top=0.875,
        bottom=0.115,
        hspace=0.04,
    )
    busy = figure.add_subplot(grid[0])
    memory = figure.add_subplot(grid[1], sharex=busy)
    edges, bdc, gdma = step_edges(view.found)
    _draw_engines(busy, edges, bdc, gdma)
    boxes = lmem_boxes(view)
    _draw_boxes(memory, view.chip, edges, boxes)
    _style(busy, memory, view, edges)
    _write(figure, view, boxes)
    return figure


def _draw_engines(axes: Axes, edges: Floats, bdc: Floats, gdma: Floats) -> None:
    for base, shares, color in ((1.1, gdma, "#0072B2"), (0.0, bdc, "#009E73")):
        axes.broken_barh(
            [(0, edges[-1])], (base, 1), facecolor=palette.IDLE_FILL, linewidth=0, zorder=1
        )
        axes.stairs(base + shares, edges, baseline=base, fill=True, color=color, zorder=2)


def _draw_boxes(axes: Axes, chip: Chip, edges: Floats, boxes: list[Box]) -> None:
    from matplotlib.patches import Rectangle

    whole, room = edges[-1], chip.lmem_bytes / _KIB
    for box in boxes:
        begin, end = float(edges[box.first_step]), float(edges[box.after_step])
        low, high = box.address / _KIB, box.nbytes / _KIB
        if end <= begin:
            continue
        axes.add_patch(
            Rectangle(
                (begin, low),
                end - begin,
                high,
                facecolor=ROLE_COLORS[box.role],
                edgecolor="white",
                linewidth=0.6,
                zorder=2,
            )
        )
        letters = int((end - begin) / whole / _CHARACTER) - 1
        if high / room < _LINE or letters < 4:
            continue
        text = f"{box.name} {high:,.0f}" if high >= 10 else f"{box.name} {high:,.1f}"
        axes.text(
            (begin + end) / 2,
            low + high / 2,
            shorten(text, letters),
            ha="center",
            va="center",
            fontsize=6.5,
            color=_INK_ON.get(box.role, palette.INK),
            zorder=3,
        )


def _style(busy: Axes, memory: Axes, view: LmemView, edges: Floats) -> None:
    chip, room = view.chip, view.chip.lmem_bytes / _KIB
    memory.set_xlim(0, edges[-1])
    memory.set_ylim(0, room)
    memory.set_yticks(
        [bank * chip.bank_bytes / _KIB for bank in range(chip.banks + 1)],
        [f"{bank * chip.bank_bytes / _KIB:,.0f} KiB" for bank in range(chip.banks + 1)],
        fontsize=8,
    )
    memory.grid(axis="y", color=palette.GRID, linewidth=0.6)
    memory.set_axisbelow(True)
    unit, per_unit = time_unit(float(edges[-1]), chip.clock_mhz)
    memory.xaxis.set_major_formatter(lambda cycle, _: f"{cycle / per_unit:g} {unit}")
    memory.tick_params(axis="both", color=palette.GRID, labelcolor=palette.INK)
    memory.tick_params(axis="x", labelsize=8)
    for edge in edges[1:-1]:
        memory.axvline(edge, color=palette.GRID, linewidth=0.3, zorder=0)
    slices = view.found.costs.slices
    what = (
        "time of the group, step by step"
        if slices == 1
        else f"time of one round, averaged over its {slices} slices"
    )
    memory.set_xlabel(what, fontsize=9, color=palette.MUTED_INK)
    busy.set_ylim(0, 2.1)
    busy.set_yticks([1.6, 0.5], ["GDMA", "BDC (TIU)"], fontsize=9)
    busy.tick_params(axis="both", length=0, labelbottom=False, labelcolor=palette.INK)
    for axes in (busy, memory):
        for spine in axes.spines.values():
            spine.set_visible(False)


def _write(figure: Figure, view: LmemView, boxes: list[Box]) -> None:
    most, _ = peak([buffer for buffer, _ in buffer_uses(view.found, _binding(view), view.chip)])
    write_title(figure, view.title, view.settings, (0.012, _RIGHT), 0.985)
    cuts = ", ".join(
        f"{count} along {axis}"
        for axis, count in zip("ncdhw", view.section.secs, strict=True)
        if count > 1
    )
    figure.text(
        0.012,
        0.942,
        f"{len(view.section.ops)} ops · type {view.section.type} · slices: {cuts or 'one'} ·"
        f" {len(view.found.timetable)} steps · {view.found.price.cycles:,} cycles · at the most"
        f" {most / _KIB:,.1f} of {view.chip.lmem_bytes / _KIB:,.0f} KiB of each lane in use"
        f" at a time, {view.chip.banks} banks",
        va="top",
        fontsize=9,
        color=palette.MUTED_INK,
    )
    used = {box.role for box in boxes}
    colors = {role: color for role, color in ROLE_COLORS.items() if role in used}
    write_legend(figure, colors, (_LEFT - 0.004, 0.012))
