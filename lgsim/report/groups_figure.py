"""The picture of a plan: every section as wide as the time it takes.

Above, how much local memory each section uses at its busiest moment, coloured by its kind; below,
how busy both engines are in it. The slowest sections are numbered and listed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from lgsim.errors import LgsimError
from lgsim.report import palette
from lgsim.report.pictures import (
    WIDTH_INCHES,
    bare_axes,
    picture_suffix,
    save_figure,
    settings_line,
    time_unit,
    write_legend,
    write_title,
)
from lgsim.report.summary import section_titles, slowest_sections
from lgsim.report.tables import counted, shorten
from lgsim.run_data import RunData
from lgsim.simulator.lifetimes import section_peaks
from lgsim.simulator.timeline import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FRAME_INCHES = 5.4
_LINE_INCHES = 0.19
_LEFT, _RIGHT = 0.075, 0.985
_LISTED = 12
_NAME_WIDTH = 40
_KIB = 1024

KIND_COLORS = {
    "NORMAL": "#0072B2",
    "MM": "#8E7FB3",
    "SMALL_C": "#009E73",
    "3D": "#CC79A7",
    "": "#B0B0B0",
}
_STATES = (State.OVERLAP, State.TRANSFER_ONLY, State.COMPUTE_ONLY)


def plot_groups(run: RunData, path: str | os.PathLike[str], focus: str | None = None) -> None:
    """Draw the sections of a run into a file; equal runs give equal files.

    Raises
    ------
    LgsimError
        For another suffix, if an op is asked for, or if the file cannot be written.
    """
    picture_suffix(path)
    if focus is not None:
        hint = "--kind lmem or gantt show one"
        raise LgsimError("this picture shows all operators", where=focus, hint=hint)
    save_figure(groups_figure(run), path)


def groups_figure(run: RunData) -> Figure:
    """The picture as a matplotlib figure."""
    from matplotlib.figure import Figure

    if not run.cycles:
        raise LgsimError("nothing to draw: the run takes no time", where=run.model)
    shown = sorted(slowest_sections(run, _LISTED))
    lines = -(-len(shown) // 2)
    height = _FRAME_INCHES + _LINE_INCHES * lines
    figure = Figure(figsize=(WIDTH_INCHES, height), facecolor="white")
    grid = figure.add_gridspec(
        2,
        1,
        height_ratios=(2.6, 1),
        left=_LEFT,
        right=_RIGHT,
        top=1 - 0.85 / height,
        bottom=(0.95 + _LINE_INCHES * lines) / height,
        hspace=0.08,
    )
    memory = figure.add_subplot(grid[0])
    engines = figure.add_subplot(grid[1], sharex=memory)
    _draw_memory(memory, run, shown)
    _draw_engines(engines, run)
    _style(memory, engines, run)
    _write(figure, run, shown, height)
    return figure


def _draw_memory(axes: Axes, run: RunData, shown: list[int]) -> None:
    """A bar per section: as high as the local memory in use at its busiest moment."""
    starts = run.timeline.section_start.astype(float)
    widths = run.timeline.section_cycles().astype(float)
    tops = section_peaks(run.timeline) / _KIB
    kinds = [section.type for section in run.plan.sections]
    for kind, color in KIND_COLORS.items():
        mine = [k for k in np.flatnonzero(widths > 0).tolist() if kinds[k] == kind]
        axes.bar(
            starts[mine],
            tops[mine],
            widths[mine],
            align="edge",
            color=color,
            edgecolor="white",
            linewidth=0.4,
        )
    for label, number in enumerate(shown, 1):
        axes.annotate(
            str(label),
            (starts[number] + widths[number] / 2, float(tops[number])),
            (0, 7),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7.5,
            fontweight="bold",
            color="white",
            bbox={"boxstyle": "circle,pad=0.2", "facecolor": palette.INK, "linewidth": 0},
            zorder=6,
        )
    room = run.chip.lmem_bytes / _KIB
    axes.axhline(room, color=palette.INK, linewidth=0.9)
    axes.annotate(
        f"{room:,.0f} KiB in each lane",
        (1, room),
        (0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
        color=palette.MUTED_INK,
    )
    axes.set_ylim(0, room * 1.12)


def _draw_engines(axes: Axes, run: RunData) -> None:
    """Stacked shares of each section's time: both engines, one of them; idle stays open."""
    timeline = run.timeline
    spans = timeline.section_cycles()
    real = np.flatnonzero(spans > 0)
    edges = np.append(timeline.section_start[real], run.cycles).astype(float)
    filled = np.zeros(len(real))
    for state in _STATES:
        share = timeline.section_states[real, state] / spans[real]
        color = palette.STATE_COLORS[state]
        axes.stairs(filled + share, edges, baseline=filled, fill=True, color=color, linewidth=0)
        filled = filled + share


def _style(memory: Axes, engines: Axes, run: RunData) -> None:
    from matplotlib.ticker import MaxNLocator

    memory.set_xlim(0, run.cycles)
    memory.set_ylabel("local memory, KiB", fontsize=9, color=palette.INK)
    room = run.chip.lmem_bytes / _KIB
    memory.set_yticks([room * quarter / 4 for quarter in range(5)])
    memory.yaxis.set_major_formatter(lambda kib, _: f"{kib:g}")
    memory.tick_params(axis="x", length=0, labelbottom=False)
    engines.set_ylim(0, 1)
    engines.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    engines.set_ylabel("busy", fontsize=9, color=palette.INK)
    unit, per_unit = time_unit(run.cycles, run.clock_mhz)
    ticks = MaxNLocator(nbins=9, steps=[1, 2, 2.5, 5, 10]).tick_values(0, run.cycles / per_unit)
    engines.set_xticks([tick * per_unit for tick in ticks if tick * per_unit <= run.cycles])
    engines.xaxis.set_major_formatter(lambda cycle, _: f"{cycle / per_unit:g} {unit}")
    for axes in (memory, engines):
        axes.tick_params(labelsize=8, color=palette.GRID, labelcolor=palette.INK)
        bare_axes(axes, "y")


def _write(figure: Figure, run: RunData, shown: list[int], height: float) -> None:
    """Title, totals, the numbered sections in two columns, and the legend."""
    sections = run.plan.sections
    groups = sum(section.kind == "group" for section in sections)
    alone = counted(len(sections) - groups, "global layer")
    title = f"{run.model}: {counted(groups, 'layer group')}, {alone}"
    write_title(figure, title, settings_line(run), (0.012, _RIGHT), 1 - 0.10 / height)
    cycles = run.timeline.section_cycles()
    grouped = sum(int(cycles[k]) for k, part in enumerate(sections) if part.kind == "group")
    figure.text(
        0.012,
        1 - 0.42 / height,
        f"{run.latency_ms:,.3f} ms, {grouped / run.cycles:.0%} of it in groups; every section as"
        " wide as the time it takes",
        va="top",
        fontsize=9,
        color=palette.MUTED_INK,
    )
    titles, half = section_titles(run.program), -(-len(shown) // 2)
    for label, number in enumerate(shown, 1):
        column, line = divmod(label - 1, half)
        section, span = sections[number], int(cycles[number])
        cuts = " ".join(
            f"{axis}{count}" for axis, count in zip("ncdhw", section.secs, strict=True) if count > 1
        )
        figure.text(
            _LEFT + column * (_RIGHT - _LEFT) / 2,
            (0.50 + _LINE_INCHES * (half - 1 - line)) / height,
            f"{label}  {shorten(section.name, _NAME_WIDTH)}  ({titles[number]}"
            f"{', slices ' + cuts if cuts else ''})  {run.milliseconds(span):,.3f} ms,"
            f" {100 * span / run.cycles:.1f} %",
            fontsize=8,
            color=palette.INK,
        )
    _write_legend(figure, run, height)


def _write_legend(figure: Figure, run: RunData, height: float) -> None:
    used = {section.type for section in run.plan.sections}
    entries = {
        f"group of type {kind}" if kind else "global layer": color
        for kind, color in KIND_COLORS.items()
        if kind in used
    }
    entries["both busy (overlap)"] = palette.STATE_COLORS[State.OVERLAP]
    entries["GDMA only"] = palette.STATE_COLORS[State.TRANSFER_ONLY]
    entries["BDC (TIU) only"] = palette.STATE_COLORS[State.COMPUTE_ONLY]
    write_legend(figure, entries, (_LEFT - 0.004, 0.12 / height))
