"""The parts of the timeline picture: rows of the engines, sections, labels, axis and legend."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lgsim.report import palette
from lgsim.report.density import category_share, state_shares
from lgsim.report.pictures import bare_axes, draw_section_strip, time_unit
from lgsim.run_data import RunData
from lgsim.simulator.engines import BDC, GDMA
from lgsim.simulator.program import Category
from lgsim.simulator.timeline import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats: TypeAlias = NDArray[np.float64]

# Vertical layout of the picture, in units of one engine row.
ENGINE_ROWS = {GDMA: 2.1, BDC: 1.0}
STATE_ROW = (0.3, 0.55)
SECTION_ROW = (3.25, 0.3)
TOP = 3.6

_CHARACTER_PIXELS = 8.0
_MOST_NAMES = 250
_SEAM_PIXELS = 12
_MARK_SHARE = 0.015  # of the width of the picture, so that two numbers do not touch


def draw_sections(axes: Axes, run: RunData, view: tuple[int, int], shown: list[int]) -> None:
    """A strip of all sections by kind, and a number in each of the slowest."""
    timeline, (first, after) = run.timeline, view
    bottom, height = SECTION_ROW
    starts = np.clip(timeline.section_start, first, after)
    ends = np.clip(timeline.section_end, first, after)
    kinds = [section.kind for section in run.program.sections]
    draw_section_strip(axes, kinds, starts.tolist(), (ends - starts).tolist(), SECTION_ROW)
    spans = [(int(starts[i]), int(ends[i])) for i in shown]
    axes.broken_barh(
        [(begin, end - begin) for begin, end in spans],
        SECTION_ROW,
        facecolor="none",
        edgecolor="white",
        linewidth=0.7,
    )
    gap = _MARK_SHARE * (after - first)
    middles = [max((begin + end) / 2, first + gap / 2) for begin, end in spans]
    for label, place in enumerate(set_apart(middles, gap, after), 1):
        axes.text(
            place,
            bottom + height / 2,
            str(label),
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            color="white",
            bbox={"boxstyle": "circle,pad=0.22", "facecolor": palette.INK, "linewidth": 0},
            zorder=6,
        )


def set_apart(places: list[float], gap: float, after: float) -> list[float]:
    """Ascending places, moved as far as they need to stand a gap apart and before `after`."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + gap) if found else place)
    limit = after - gap / 2
    for number in reversed(range(len(found))):
        found[number] = min(found[number], limit)
        limit = found[number] - gap
    return found


def draw_engines(axes: Axes, run: RunData, edges: Floats) -> None:
    """The rows of both engines: a pale bed that shows through where the engine is idle."""
    span = float(edges[-1] - edges[0])
    for engine, base in ENGINE_ROWS.items():
        axes.broken_barh([(edges[0], span)], (base, 1), facecolor=palette.IDLE_FILL, linewidth=0)
        filled = np.zeros(len(edges) - 1)
        for kind in Category:
            if (kind is Category.COMPUTE) != (engine == BDC):
                continue
            share = category_share(run.timeline, kind, edges)
            if share.any():
                color = palette.CATEGORY_COLORS[kind]
                _stack(axes, edges, base + filled, share, color)
                filled += share


def draw_states(axes: Axes, run: RunData, edges: Floats) -> None:
    """The row below: overlap from the ground up, then one engine alone; idle stays open."""
    base, height = STATE_ROW
    filled = np.zeros(len(edges) - 1)
    shares = state_shares(run.timeline, edges)
    for state in (State.OVERLAP, State.TRANSFER_ONLY, State.COMPUTE_ONLY):
        share = shares[state]
        color = palette.STATE_COLORS[state]
        _stack(axes, edges, base + height * filled, height * share, color)
        filled += share


def _stack(
    axes: Axes,
    edges: Floats,
    base: Floats,
    height: Floats,
    color: str,
) -> None:
    """One layer of a stack of steps; equal neighbours are merged to keep vector files small."""
    change = (np.diff(base) != 0) | (np.diff(height) != 0)
    keep = np.concatenate([[True], change])
    axes.stairs(
        (base + height)[keep],
        np.append(edges[:-1][keep], edges[-1]),
        baseline=base[keep],
        fill=True,
        facecolor=color,
        linewidth=0,
        zorder=3,
    )


def draw_command_names(axes: Axes, run: RunData, view: tuple[int, int], pixels: int) -> None:
    """Names inside the commands that are wide enough for them."""
    program, timeline, (first, after) = run.program, run.timeline, view
    begin = np.maximum(timeline.start, first)
    width = (np.minimum(timeline.end + 1, after) - begin) * (pixels / (after - first))
    wide = np.flatnonzero(width > 4 * _CHARACTER_PIXELS)
    if len(wide) > _MOST_NAMES:
        wide = np.sort(wide[np.argsort(-width[wide], kind="stable")[:_MOST_NAMES]])
    for command in wide.tolist():
        name = program.command_name(command)
        room = width[command] / _CHARACTER_PIXELS - 1
        if len(name) > room:
            name = name.split()[0]
        if len(name) > room:
            continue
        row = ENGINE_ROWS[int(program.engine[command])]
        middle = begin[command] + width[command] * (after - first) / pixels / 2
        kind = Category(int(program.category[command]))
        color = palette.TEXT_ON[kind]
        axes.text(
            middle, row + 0.5, name, ha="center", va="center", fontsize=6.5, color=color, zorder=5
        )


def draw_seams(axes: Axes, run: RunData, view: tuple[int, int], pixels: int) -> None:
    """Thin lines between commands that are wide enough to be told apart."""
    program, timeline, (first, after) = run.program, run.timeline, view
    width = (timeline.end + 1 - timeline.start) * (pixels / (after - first))
    inside = (timeline.start > first) & (timeline.start < after)
    for engine, row in ENGINE_ROWS.items():
        seams = timeline.start[inside & (program.engine == engine) & (width > _SEAM_PIXELS)]
        axes.vlines(seams, row, row + 1, color="white", linewidth=0.5, zorder=4)


def draw_shares(axes: Axes, run: RunData, edges: Floats) -> None:
    """Percentages at the right end of each row, for the time that is shown."""
    shares = state_shares(run.timeline, edges)
    weight = np.diff(edges) / (edges[-1] - edges[0])
    part = {state: 100 * float((share * weight).sum()) for state, share in shares.items()}
    both = part[State.OVERLAP]
    notes = {
        ENGINE_ROWS[GDMA] + 0.5: (both + part[State.TRANSFER_ONLY], "busy"),
        ENGINE_ROWS[BDC] + 0.5: (both + part[State.COMPUTE_ONLY], "busy"),
        STATE_ROW[0] + STATE_ROW[1] / 2: (both, "both busy"),
    }
    for height, (percent, word) in notes.items():
        axes.annotate(
            f"{percent:.1f} %",
            (1.008, height),
            xycoords=("axes fraction", "data"),
            va="bottom",
            fontsize=11,
            fontweight="bold",
            color=palette.INK,
        )
        axes.annotate(
            word,
            (1.008, height - 0.03),
            xycoords=("axes fraction", "data"),
            va="top",
            fontsize=8,
            color=palette.MUTED_INK,
        )


def style_axes(axes: Axes, run: RunData, view: tuple[int, int]) -> None:
    """Row names, and a time axis that also counts cycles."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    first, after = view
    axes.set_xlim(first, after)
    axes.set_ylim(0, TOP)
    names = {
        SECTION_ROW[0] + SECTION_ROW[1] / 2: "sections",
        ENGINE_ROWS[GDMA] + 0.5: "GDMA",
        ENGINE_ROWS[BDC] + 0.5: "BDC (TIU)",
        STATE_ROW[0] + STATE_ROW[1] / 2: "overlap",
    }
    axes.set_yticks(list(names), list(names.values()), fontsize=10, color=palette.INK)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8, color=palette.GRID, labelcolor=palette.INK)
    unit, per_unit = time_unit(after - first, run.clock_mhz)
    locator = MaxNLocator(nbins=9, steps=[1, 2, 2.5, 5, 10])
    ticks = [t * per_unit for t in locator.tick_values(first / per_unit, after / per_unit)]
    axes.set_xticks([tick for tick in ticks if first <= tick <= after])
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda cycle, _: f"{cycle / per_unit:g} {unit}\n({cycle:,.0f})")
    )
    bare_axes(axes, "x")
    axes.set_xlabel(
        "time (cycles); where commands are narrower than a pixel, the filled height is the share "
        "of the time they take",
        fontsize=9,
        color=palette.MUTED_INK,
    )
