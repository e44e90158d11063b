"""The picture of a group's local memory: what lies where, from time step to time step.

Time runs to the right, a column per time step, as wide as the step takes; the addresses of a lane
run upwards, with its banks. Above, how busy both engines are in each step. A group of several
slices is shown as it repeats itself: what lives across the end of a round goes on at its beginning.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lgsim.report import palette
from lgsim.report.lmem_view import (
    Box,
    Floats,
    LmemView,
    lmem_boxes,
    lmem_view,
    peak_bytes,
    step_edges,
)
from lgsim.report.pictures import (
    WIDTH_INCHES,
    picture_suffix,
    save_figure,
    time_unit,
    write_legend,
    write_title,
)
from lgsim.run_data import RunData
from lgsim.target.chip import Chip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 7.6
_LEFT, _RIGHT = 0.075, 0.985
_KIB = 1024
_CHARACTER = 0.0052
"""Width of a character of a label, as a share of the axis."""

_SHORTEST_NAME = 6
"""Letters of a name below which it says nothing."""

_THINNEST = 0.004
"""The least height of a buffer that can be seen, as a share of the axis."""

_LINE = 0.021
"""Height of a label, as a share of the axis."""

ROLE_COLORS = {
    "activation": "#0072B2",
    "weight": "#56B4E9",
    "weight that stays": "#009E73",
    "scratch": "#B0B0B0",
}
_INK_ON = {"activation": "white", "weight": "#10303F", "weight that stays": "white"}


def plot_lmem(run: RunData, path: str | os.PathLike[str], focus: str | None = None) -> None:
    """Draw the local memory of a group into a file; equal runs give equal files.

    Parameters
    ----------
    run : RunData
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

    room = chip.lmem_bytes / _KIB
    drawn = [box for box in boxes if edges[box.after_step] > edges[box.first_step]]
    for box in drawn:
        begin, end = float(edges[box.first_step]), float(edges[box.after_step])
        low, high = box.address / _KIB, box.nbytes / _KIB
        axes.add_patch(
            Rectangle(
                (begin, low),
                end - begin,
                max(high, _THINNEST * room),
                facecolor=ROLE_COLORS[box.role],
                edgecolor="white",
                linewidth=0.6 if high > _LINE * room else 0,
                zorder=2,
            )
        )
        text = _label(box, int((end - begin) / float(edges[-1]) / _CHARACTER) - 1)
        inside = high > _LINE * room
        if not text or not (inside or _free_above(box, drawn, _LINE * chip.lmem_bytes)):
            continue
        axes.text(
            (begin + end) / 2,
            low + high / 2 if inside else low + max(high, _THINNEST * room),
            text,
            ha="center",
            va="center" if inside else "bottom",
            fontsize=6.5,
            color=_INK_ON.get(box.role, palette.INK) if inside else palette.INK,
            zorder=3,
        )


def _free_above(box: Box, boxes: list[Box], nbytes: float) -> bool:
    """Whether nothing lies in some bytes above a buffer while it lives."""
    low, high = box.address + box.nbytes, box.address + box.nbytes + nbytes
    return not any(
        other.address < high
        and other.address + other.nbytes > low
        and other.first_step < box.after_step
        and other.after_step > box.first_step
        for other in boxes
        if other is not box
    )


def _label(box: Box, letters: int) -> str:
    """Name and KiB of a buffer; where it is too long the end of the name, or the KiB alone."""
    kib = box.nbytes / _KIB
    size = f"{kib:,.0f}" if kib >= 10 else f"{kib:,.1f}"
    room = letters - len(size) - 1
    if len(box.name) <= room:
        return f"{box.name} {size}"
    if room > _SHORTEST_NAME:
        return f"…{box.name[1 - room :]} {size}"
    return size if len(size) <= letters else ""


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
        f" {peak_bytes(view) / _KIB:,.1f} of {view.chip.lmem_bytes / _KIB:,.0f} KiB of each lane"
        f" in use at a time, {view.chip.banks} banks",
        va="top",
        fontsize=9,
        color=palette.MUTED_INK,
    )
    used = {box.role for box in boxes}
    colors = {role: color for role, color in ROLE_COLORS.items() if role in used}
    write_legend(figure, colors, (_LEFT - 0.004, 0.012))
    figure.text(
        _RIGHT,
        0.016,
        "numbers: KiB in each lane",
        ha="right",
        fontsize=8.5,
        color=palette.MUTED_INK,
    )
