"""What the notebooks share: drawing areas and charts in lgsim's colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib import pyplot as plt

from lgsim import Run
from lgsim.report.palette import GRID, INK, MUTED_INK, SERIES, STATE_COLORS
from lgsim.simulator.timeline import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLE = {
    "font.size": 10,
    "text.color": INK,
    "axes.prop_cycle": mpl.cycler(color=SERIES),
    "axes.axisbelow": True,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED_INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "xtick.labelcolor": INK,
    "ytick.color": GRID,
    "ytick.labelcolor": INK,
}
_STATES = {
    State.OVERLAP: "both busy",
    State.TRANSFER_ONLY: "GDMA only",
    State.COMPUTE_ONLY: "BDC only",
    State.IDLE: "idle",
}


def panels(*titles: str, width: float = 11, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """Drawing areas side by side, one per title."""
    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(
            1, len(titles), figsize=(width, height), squeeze=False, layout="constrained"
        )
        for each, title in zip(axes[0], titles, strict=True):
            each.set_title(title)
    return figure, list(axes[0])


def legend(axes: Axes, place: str = "best") -> None:
    """Name what has a label."""
    axes.legend(frameon=False, fontsize=9, loc=place)


def bars(
    axes: Axes, values: dict[str, float], unit: str, form: str = "{:.2f}", color: str = SERIES[0]
) -> None:
    """A bar per name, with its value on top."""
    drawn = axes.bar(list(values), list(values.values()), 0.6, color=color)
    axes.bar_label(drawn, [form.format(value) for value in values.values()], fontsize=9, padding=2)
    axes.set_ylabel(unit)
    axes.margins(x=0.08, y=0.14)


def grouped_bars(
    axes: Axes, table: dict[str, dict[str, float]], unit: str, form: str = "{:.2f}"
) -> None:
    """A cluster of bars per row of a table, a colour per column."""
    columns = list(next(iter(table.values())))
    width = 0.8 / len(columns)
    for number, column in enumerate(columns):
        places = [row - 0.4 + width * (number + 0.5) for row in range(len(table))]
        values = [row[column] for row in table.values()]
        drawn = axes.bar(places, values, width * 0.94, label=column)
        axes.bar_label(drawn, [form.format(value) for value in values], fontsize=8, padding=2)
    axes.set_xticks(range(len(table)), list(table))
    axes.set_ylabel(unit)
    axes.margins(y=0.14)
    _legend_above(axes, len(columns))


def _legend_above(axes: Axes, columns: int) -> None:
    """Name the colours at the right end of the line of the title."""
    axes.legend(
        frameon=False,
        fontsize=9,
        loc="lower right",
        bbox_to_anchor=(1.01, 0.985),
        ncols=columns,
        handlelength=1.1,
        columnspacing=1.2,
    )


def engine_time(axes: Axes, runs: dict[str, Run]) -> None:
    """A bar per run: time in which both engines are busy, only one of them, or none."""
    begin = [0.0] * len(runs)
    longest = max(run.latency_ms for run in runs.values())
    for state, label in _STATES.items():
        times = [run.milliseconds(run.timeline.state_cycles()[state]) for run in runs.values()]
        if max(times) > 0.001 * longest:
            axes.barh(list(runs), times, 0.6, left=begin, color=STATE_COLORS[state], label=label)
        begin = [before + time for before, time in zip(begin, times, strict=True)]
    for row, run in enumerate(runs.values()):
        axes.text(run.latency_ms + 0.01 * longest, row, f"{run.latency_ms:.2f} ms", va="center")
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("ms")
    _legend_above(axes, len(_STATES))


def line(axes: Axes, points: dict[float, float], label: str, style: str = "o-") -> None:
    """A line through points, on a doubling horizontal axis."""
    axes.plot(list(points), list(points.values()), style, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(points), [f"{x:g}" for x in points])
    axes.minorticks_off()
