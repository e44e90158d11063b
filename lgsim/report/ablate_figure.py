"""The picture of `lgsim ablate`: a waterfall from all off to all on, and what each is worth alone.

On the left every row begins where the one above it has ended, so that the steps add up. On the
right the network with only that feature off, against all on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lgsim.analysis.ablation import AblationData
from lgsim.report import palette
from lgsim.report.pictures import (
    WIDTH_INCHES,
    bare_axes,
    picture_suffix,
    save_figure,
    settings_line,
    write_legend,
    write_title,
)
from lgsim.report.tables import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_INCHES = 0.30
_FRAME_INCHES = 1.75
_LEFT, _RIGHT = 0.165, 0.955
_NAME_WIDTH = 26
_THICK = 0.62
_SMALLEST = 0.004
"""Bars shorter than this share of the axis are drawn this long, to be seen at all."""

KIND_COLORS = {"rewrite": "#0072B2", "capability": "#009E73", "planner": "#CC79A7"}
_KIND_NAMES = {
    "rewrite": "rewrite of the graph",
    "capability": "what ops can do in local memory",
    "planner": "how groups are arranged",
}
_WORSE = "#D55E00"
_TOTAL = "#8E7FB3"


def plot_ablation(ablation: AblationData, path: str | os.PathLike[str]) -> None:
    """Draw an ablation into a file; LgsimError for another suffix, or one not writable."""
    picture_suffix(path)
    save_figure(ablation_figure(ablation), path)


def ablation_figure(ablation: AblationData) -> Figure:
    """The picture as a matplotlib figure."""
    from matplotlib.figure import Figure

    names = ["all off", *(part.name for part in ablation.effective), "all on"]
    count = len(names)
    height = _FRAME_INCHES + _ROW_INCHES * count
    figure = Figure(figsize=(WIDTH_INCHES, height), facecolor="white")
    grid = figure.add_gridspec(
        1,
        2,
        width_ratios=(2.1, 1),
        left=_LEFT,
        right=_RIGHT,
        top=1 - 0.88 / height,
        bottom=0.80 / height,
        wspace=0.07,
    )
    left = figure.add_subplot(grid[0])
    right = figure.add_subplot(grid[1], sharey=left)
    _draw_waterfall(left, ablation)
    _draw_alone(right, ablation)
    for axes in (left, right):
        _style(axes, count)
    left.set_yticks(range(count), [shorten(name, _NAME_WIDTH) for name in names], fontsize=9.5)
    for label in (left.get_yticklabels()[0], left.get_yticklabels()[-1]):
        label.set_fontweight("bold")
    right.tick_params(axis="y", labelleft=False)
    left.set_title(
        "switched on one after the other", loc="left", fontsize=9.5, color=palette.MUTED_INK
    )
    right.set_title(
        "only this one off, against all on", loc="left", fontsize=9.5, color=palette.MUTED_INK
    )
    _write_title(figure, ablation)
    _write_legend(figure, ablation, height)
    return figure


def _draw_waterfall(axes: Axes, ablation: AblationData) -> None:
    parts = ablation.effective
    top = max([ablation.none_cycles, *(part.to_cycles for part in parts)])
    longest = ablation.milliseconds(top) or 1.0
    axes.set_xlim(0, longest * 1.13)
    for row, cycles in ((0, ablation.none_cycles), (len(parts) + 1, ablation.full_cycles)):
        width = ablation.milliseconds(cycles)
        axes.barh(row, width, _THICK, color=_TOTAL, linewidth=0)
        _label(axes, width, row, f"{width:,.3f} ms", bold=True)
    for row, part in enumerate(parts, 1):
        begin, end = map(ablation.milliseconds, (part.from_cycles, part.to_cycles))
        low, width = min(begin, end), max(abs(begin - end), _SMALLEST * longest)
        if begin == end:
            axes.plot([begin, begin], [row - 0.31, row + 0.31], color=palette.GRID, linewidth=1)
            _label(axes, begin, row, "0")
        else:
            color = KIND_COLORS[part.kind] if end < begin else _WORSE
            axes.barh(row, width, _THICK, left=low, color=color, linewidth=0)
            _label(axes, max(begin, end), row, f"{end - begin:+,.3f}")
        # A thin thread leads from the end of this row to the beginning of the next.
        axes.plot([end, end], [row, row + 1], color=palette.MUTED_INK, linewidth=0.6, zorder=0)
    start = ablation.milliseconds(ablation.none_cycles)
    axes.plot([start, start], [0, 1], color=palette.MUTED_INK, linewidth=0.6, zorder=0)


def _draw_alone(axes: Axes, ablation: AblationData) -> None:
    parts = ablation.effective
    losses = [ablation.milliseconds(part.without_cycles - ablation.full_cycles) for part in parts]
    most, least = max([*losses, 0.0]), min([*losses, 0.0])
    span = (most - least) or 1.0
    axes.set_xlim(least - 0.02 * span, most + 0.62 * span)
    axes.axvline(0, color=palette.MUTED_INK, linewidth=0.8)
    for row, (part, lost) in enumerate(zip(parts, losses, strict=True), 1):
        if lost:
            color = KIND_COLORS[part.kind] if lost > 0 else _WORSE
            axes.barh(row, lost, _THICK, color=color, linewidth=0)
        share = 100 * (part.without_cycles / ablation.full_cycles - 1)
        text = f"{lost:+,.3f} ms ({share:+.1f} %)" if lost else "0"
        _label(axes, max(lost, 0.0), row, text)


def _label(axes: Axes, place: float, row: int, text: str, *, bold: bool = False) -> None:
    axes.annotate(
        text,
        (place, row),
        (4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        fontweight="bold" if bold else "normal",
        color=palette.INK,
        annotation_clip=False,
    )


def _style(axes: Axes, count: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(count - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} ms")
    axes.tick_params(axis="x", labelsize=8, color=palette.GRID, labelcolor=palette.INK)
    axes.tick_params(axis="y", length=0, labelcolor=palette.INK)
    bare_axes(axes, "x")


def _write_title(figure: Figure, ablation: AblationData) -> None:
    top = 1 - 0.10 / figure.get_figheight()
    ratio = ablation.none_cycles / ablation.full_cycles if ablation.full_cycles else 1.0
    title = (
        f"{ablation.model}: {ablation.milliseconds(ablation.none_cycles):,.3f} →"
        f" {ablation.milliseconds(ablation.full_cycles):,.3f} ms, {ratio:.2f} x"
    )
    write_title(figure, title, settings_line(ablation), (0.02, _RIGHT), top)


def _write_legend(figure: Figure, ablation: AblationData, height: float) -> None:
    kinds = {part.kind for part in ablation.effective}
    entries = {_KIND_NAMES[kind]: KIND_COLORS[kind] for kind in KIND_COLORS if kind in kinds}
    if any(
        part.to_cycles > part.from_cycles or part.without_cycles < ablation.full_cycles
        for part in ablation.effective
    ):
        entries["makes it slower"] = _WORSE
    write_legend(figure, entries, (_LEFT - 0.004, 0.10 / height))
