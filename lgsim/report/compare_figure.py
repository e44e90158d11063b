"""The picture of `lgsim compare`: how long, what waits, how it is cut, and what moves.

A row per run on one time axis: a bar of the total time split into both engines busy, one of them,
and none; below it a strip of the sections in the order they run, layer groups in violet and global
layers in grey. On the right the traffic with DDR by category.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lgsim.analysis.comparison import ComparisonData
from lgsim.report import palette
from lgsim.report.pictures import (
    WIDTH_INCHES,
    bare_axes,
    draw_section_strip,
    picture_suffix,
    save_figure,
    section_swatches,
    write_legend,
    write_title,
)
from lgsim.report.tables import counted
from lgsim.run_data import RunData
from lgsim.simulator.program import Category
from lgsim.simulator.timeline import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_INCHES = 0.88
_FRAME_INCHES = 1.75
_LEFT, _RIGHT = 0.085, 0.935
_BAR = (0.36, 0.46)
"""Bottom and height of the bar in a row of height 1."""

_STRIP = (0.12, 0.17)
_WIDE_ENOUGH = 0.055
"""A part of a bar at least this share of the axis is wide enough for its percentage."""

_ROOM_FOR_TEXT = 1.3
"""The axis of time goes on this much beyond the longest bar, for the words behind it."""

_STATES = (State.OVERLAP, State.TRANSFER_ONLY, State.COMPUTE_ONLY, State.IDLE)
_STATE_NAMES = {
    State.OVERLAP: "both busy (overlap)",
    State.TRANSFER_ONLY: "GDMA only",
    State.COMPUTE_ONLY: "BDC (TIU) only",
    State.IDLE: "both idle",
}


def plot_comparison(comparison: ComparisonData, path: str | os.PathLike[str]) -> None:
    """Draw a comparison into a file; LgsimError for another suffix, or one not writable."""
    picture_suffix(path)
    save_figure(comparison_figure(comparison), path)


def comparison_figure(comparison: ComparisonData) -> Figure:
    """The picture as a matplotlib figure."""
    from matplotlib.figure import Figure

    count = len(comparison.runs)
    height = _FRAME_INCHES + _ROW_INCHES * count
    figure = Figure(figsize=(WIDTH_INCHES, height), facecolor="white")
    grid = figure.add_gridspec(
        1,
        2,
        width_ratios=(2.5, 1),
        left=_LEFT,
        right=_RIGHT,
        top=1 - 0.72 / height,
        bottom=0.98 / height,
        wspace=0.06,
    )
    times, traffic = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    longest = max(run.latency_ms for run in comparison.runs) or 1.0
    for number, (label, run) in enumerate(zip(comparison.labels, comparison.runs, strict=True)):
        base = float(count - 1 - number)
        _draw_states(times, run, base, longest)
        _draw_sections(times, run, base)
        _write_time(times, comparison, number, base, longest)
        _draw_traffic(traffic, run, base)
        times.text(
            -0.012 * longest,
            base + _BAR[0] + _BAR[1] / 2,
            label,
            ha="right",
            va="center",
            fontsize=11,
            fontweight="bold" if number == comparison.fastest else "normal",
            color=palette.INK,
        )
    _style(times, count, (0, longest * _ROOM_FOR_TEXT), "ms", longest)
    most = max(map(_megabytes, comparison.runs)) or 1.0
    _style(traffic, count, (0, most), "MB", most)
    times.set_title("time", loc="left", fontsize=9.5, color=palette.MUTED_INK)
    traffic.set_title("to and from DDR", loc="left", fontsize=9.5, color=palette.MUTED_INK)
    _write_title(figure, comparison)
    _write_legends(figure, comparison, height)
    return figure


def _draw_states(axes: Axes, run: RunData, base: float, longest: float) -> None:
    cycles, begin = run.timeline.state_cycles(), 0.0
    for state in _STATES:
        width = run.milliseconds(cycles[state])
        color = palette.STATE_COLORS[state]
        axes.barh(
            base + _BAR[0],
            width,
            _BAR[1],
            left=begin,
            align="edge",
            color=palette.IDLE_FILL if state is State.IDLE else color,
            linewidth=0,
        )
        if width > _WIDE_ENOUGH * longest:
            axes.text(
                begin + width / 2,
                base + _BAR[0] + _BAR[1] / 2,
                f"{100 * cycles[state] / run.cycles:.0f} %",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if state is State.OVERLAP else palette.INK,
            )
        begin += width


def _draw_sections(axes: Axes, run: RunData, base: float) -> None:
    """The strip of sections, neighbours in two shades."""
    timeline, per_ms = run.timeline, run.clock_mhz * 1e3
    kinds = [section.kind for section in run.plan.sections]
    starts = (timeline.section_start / per_ms).tolist()
    widths = (timeline.section_cycles() / per_ms).tolist()
    draw_section_strip(axes, kinds, starts, widths, (base + _STRIP[0], _STRIP[1]))


def _write_time(
    axes: Axes, comparison: ComparisonData, number: int, base: float, longest: float
) -> None:
    run, first = comparison.runs[number], comparison.runs[0]
    place = run.latency_ms + 0.012 * longest
    best = number == comparison.fastest
    axes.text(
        place,
        base + _BAR[0] + _BAR[1] / 2,
        f"{run.latency_ms:,.3f} ms",
        va="center",
        fontsize=11,
        fontweight="bold" if best else "normal",
        color=palette.INK,
        clip_on=False,
    )
    groups = sum(section.kind == "group" for section in run.plan.sections)
    alone = len(run.plan.sections) - groups
    note = f"{counted(groups, 'group')}, {counted(alone, 'global layer')}"
    if number and run.cycles:
        note = f"{first.cycles / run.cycles:.2f} x · {note}"
    axes.text(
        place,
        base + _STRIP[0] + _STRIP[1] / 2,
        note,
        va="center",
        fontsize=8,
        color=palette.MUTED_INK,
        clip_on=False,
    )


def _draw_traffic(axes: Axes, run: RunData, base: float) -> None:
    moved, begin = run.program.bytes_by_category(), 0.0
    for kind in Category:
        # A move reads and writes global memory.
        width = moved[kind] * (kind.loads + kind.stores) / 1e6
        color = palette.CATEGORY_COLORS[kind]
        axes.barh(
            base + _BAR[0], width, _BAR[1], left=begin, align="edge", color=color, linewidth=0
        )
        begin += width
    axes.annotate(
        f"{begin:,.1f} MB",
        (begin, base + _BAR[0] + _BAR[1] / 2),
        (5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9.5,
        color=palette.INK,
        annotation_clip=False,
    )


def _megabytes(run: RunData) -> float:
    return (run.program.gmem_load_bytes + run.program.gmem_store_bytes) / 1e6


def _style(axes: Axes, count: int, limits: tuple[float, float], unit: str, longest: float) -> None:
    """An axis that only shows its grid, up to the longest bar."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(*limits)
    axes.set_ylim(-0.02, count)
    axes.set_yticks([])
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(0, longest)
    axes.set_xticks([tick for tick in ticks if 0 <= tick <= longest])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} {unit}")
    axes.tick_params(axis="x", labelsize=8, color=palette.GRID, labelcolor=palette.INK)
    bare_axes(axes, "x")


def _write_title(figure: Figure, comparison: ComparisonData) -> None:
    run, best = comparison.runs[0], comparison.runs[comparison.fastest]
    label = comparison.labels[comparison.fastest]
    title = f"{run.model}: {best.latency_ms:,.3f} ms with {label}"
    settings = f"{run.target} · {run.precision} · {run.timing} timing"
    write_title(figure, title, settings, (_LEFT, _RIGHT), 1 - 0.10 / figure.get_figheight())


def _write_legends(figure: Figure, comparison: ComparisonData, height: float) -> None:
    """Two lines of swatches: time and sections, and traffic as far as it occurs."""
    time = {_STATE_NAMES[state]: palette.STATE_COLORS[state] for state in _STATES[:-1]}
    time[_STATE_NAMES[State.IDLE]] = palette.IDLE_FILL
    time |= section_swatches({part.kind for run in comparison.runs for part in run.plan.sections})
    moved = [run.program.bytes_by_category() for run in comparison.runs]
    traffic = {
        kind.label: palette.CATEGORY_COLORS[kind]
        for kind in Category
        if (kind.loads or kind.stores) and any(each[kind] for each in moved)
    }
    for colors, line in ((time, 0.34), (traffic, 0.10)):
        write_legend(figure, colors, (_LEFT - 0.004, line / height), outlined=True)
