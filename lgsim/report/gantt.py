"""The timeline picture: what both engines do over time, and how far they overlap.

Two rows, GDMA and BDC (TIU), coloured by category; where many short commands share a pixel, the
filled height is the share of the time they take. A third row shows the time split into overlap,
one engine only, and neither. The slowest sections are numbered above and listed below.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from lgsim.errors import LgsimError
from lgsim.op_names import find_name
from lgsim.report import palette
from lgsim.report.density import time_edges
from lgsim.report.gantt_rows import (
    draw_command_names,
    draw_engines,
    draw_seams,
    draw_sections,
    draw_shares,
    draw_states,
    style_axes,
)
from lgsim.report.pictures import (
    WIDTH_INCHES,
    picture_suffix,
    save_figure,
    section_swatches,
    settings_line,
    write_title,
)
from lgsim.report.summary import section_titles, slowest_sections
from lgsim.report.tables import shorten
from lgsim.run_data import RunData
from lgsim.simulator.program import Category
from lgsim.simulator.timeline import State

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PIXELS = 1700
_BASE_HEIGHT = 4.2
_LABELLED = 8
_NAME_WIDTH = 46


def plot_gantt(
    run: RunData,
    path: str | os.PathLike[str],
    focus: str | None = None,
    window: tuple[int, int] | None = None,
) -> None:
    """Draw the timeline of a run into a file; equal runs give equal files.

    Parameters
    ----------
    run : RunData
        The simulation.
    path : path
        ``.png``, ``.svg`` or ``.pdf``.
    focus : str, optional
        Name of a section or of an op: show the time it takes instead of the whole run.
    window : (int, int), optional
        Show the cycles from the first number to just before the second.

    Raises
    ------
    LgsimError
        For another suffix, a name that does not occur, an empty window, or a file that cannot be
        written.
    """
    picture_suffix(path)
    save_figure(gantt_figure(run, focus, window), path)


def gantt_figure(
    run: RunData, focus: str | None = None, window: tuple[int, int] | None = None
) -> Figure:
    """The picture as a matplotlib figure; arguments as in `plot_gantt`."""
    from matplotlib.figure import Figure

    view = find_window(run, focus, window)
    shown = _shown_sections(run, view)
    lines = -(-len(shown) // 2)
    height = _BASE_HEIGHT + 0.19 * lines
    figure = Figure(figsize=(WIDTH_INCHES, height), facecolor="white")
    figure.subplots_adjust(
        left=0.085, right=0.905, top=1 - 0.62 / height, bottom=(1.05 + 0.19 * lines) / height
    )
    axes = figure.add_subplot()
    edges = time_edges(run.timeline, *view, _PIXELS)
    draw_sections(axes, run, view, shown)
    draw_engines(axes, run, edges)
    draw_states(axes, run, edges)
    draw_seams(axes, run, view, _PIXELS)
    draw_command_names(axes, run, view, _PIXELS)
    draw_shares(axes, run, edges)
    style_axes(axes, run, view)
    _write_title(figure, run, view, focus)
    _write_legend(figure, run, height)
    _write_key(figure, run, shown, height)
    return figure


def find_window(run: RunData, focus: str | None, window: tuple[int, int] | None) -> tuple[int, int]:
    """The cycles to show; the whole run unless a name or a window is given."""
    if not run.cycles:
        raise LgsimError("nothing to draw: the run takes no time", where=run.model)
    first, after = window or (0, run.cycles)
    if focus is not None:
        first, after = _window_of(run, focus)
    first, after = max(first, 0), min(after, run.cycles)
    if first >= after:
        limit = f"the run has cycles 0 to {run.cycles:,}"
        raise LgsimError(f"no cycles from {first:,} to {after:,}", limit=limit)
    return first, after


def _window_of(run: RunData, name: str) -> tuple[int, int]:
    """Cycles of a section, or of the commands of an op."""
    timeline, program = run.timeline, run.program
    sections = [section.name for section in program.sections]
    ops = [op.name for op in program.ops]
    name = find_name(name, [*ops, *sections], run.model)
    if name in sections:
        number = sections.index(name)
        first, after = int(timeline.section_start[number]), int(timeline.section_end[number])
    else:
        mine = program.op == ops.index(name)
        first = int(timeline.start[mine].min(initial=run.cycles))
        after = int(timeline.end[mine].max(initial=-1)) + 1
    if first >= after:
        raise LgsimError(f"nothing to draw: '{name}' takes no time", where=run.model)
    return first, after


def _shown_sections(run: RunData, view: tuple[int, int]) -> list[int]:
    """The sections to label: the slowest ones in the window, in order of time."""
    timeline = run.timeline
    inside = [
        number
        for number in slowest_sections(run, len(run.program.sections))
        if timeline.section_start[number] < view[1] and timeline.section_end[number] > view[0]
    ]
    return sorted(inside[:_LABELLED])


def _write_title(figure: Figure, run: RunData, view: tuple[int, int], focus: str | None) -> None:
    """Two lines: what ran and how long it took; what part of it is shown, and the totals."""
    timeline = run.timeline
    left, right = figure.subplotpars.left, figure.subplotpars.right
    title = f"{run.model}: {run.latency_ms:,.3f} ms"
    write_title(figure, title, settings_line(run), (left, right), 0.985)
    shown = f"all {run.cycles:,} cycles"
    if view != (0, timeline.total_cycles):
        part = f"{run.microseconds(view[1] - view[0]):,.1f} µs"
        shown = f"cycles {view[0]:,} to {view[1]:,} ({part})" + (f", '{focus}'" if focus else "")
    moved = (run.program.gmem_load_bytes + run.program.gmem_store_bytes) / 1e6
    figure.text(
        left,
        1 - 0.38 / figure.get_figheight(),
        f"{shown} · {len(run.program.sections):,} sections · {run.program.size:,} commands · "
        f"{moved:,.1f} MB to and from DDR",
        va="top",
        fontsize=9,
        color=palette.MUTED_INK,
    )


def _write_legend(figure: Figure, run: RunData, height: float) -> None:
    """One line of swatches below the axis; categories that do not occur are left out."""
    from matplotlib.patches import Patch

    used = set(np.unique(run.program.category).tolist())
    entries = {kind.label: palette.CATEGORY_COLORS[kind] for kind in Category if kind in used}
    entries["both busy (overlap)"] = palette.STATE_COLORS[State.OVERLAP]
    entries["GDMA only"] = palette.STATE_COLORS[State.TRANSFER_ONLY]
    entries["BDC only"] = palette.STATE_COLORS[State.COMPUTE_ONLY]
    entries["idle"] = palette.IDLE_FILL
    entries |= section_swatches({section.kind for section in run.program.sections})
    patches = [
        Patch(facecolor=color, edgecolor=palette.GRID, linewidth=0.5, label=label)
        for label, color in entries.items()
    ]
    lines = height - _BASE_HEIGHT
    figure.legend(
        handles=patches,
        loc="lower center",
        bbox_to_anchor=(0.5, (lines + 0.16) / height),
        ncols=len(patches),
        frameon=False,
        fontsize=8.5,
        handlelength=1.1,
        handletextpad=0.4,
        columnspacing=1.3,
    )


def _write_key(figure: Figure, run: RunData, shown: list[int], height: float) -> None:
    """What the numbers stand for, in two columns."""
    cycles, titles = run.timeline.section_cycles(), section_titles(run.program)
    half = -(-len(shown) // 2)
    left, right = figure.subplotpars.left, figure.subplotpars.right
    for label, number in enumerate(shown, 1):
        column, line = divmod(label - 1, half)
        span = int(cycles[number])
        text = (
            f"{label}  {shorten(run.program.sections[number].name, _NAME_WIDTH)}"
            f"  ({titles[number]})  {run.milliseconds(span):,.3f} ms, "
            f"{100 * span / run.cycles:.1f} %"
        )
        figure.text(
            left + column * (right - left + 0.06) / 2,
            (0.12 + 0.19 * (half - 1 - line)) / height,
            text,
            fontsize=8,
            color=palette.INK,
        )
