"""What pictures have in common: titles, legends, axes, and files that are equal if figures are."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lgsim.errors import LgsimError
from lgsim.report import palette
from lgsim.report.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lgsim.analysis.ablation import AblationData
    from lgsim.run_data import RunData

SUFFIXES = ("png", "svg", "pdf")
WIDTH_INCHES = 13.0
DPI = 160
NOTEBOOK_DPI = 80


def picture_suffix(path: str | os.PathLike[str]) -> str:
    """Format of a picture, by the suffix of its path; LgsimError if there is no such format."""
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in SUFFIXES:
        hint = f"end the name in {', '.join('.' + name for name in SUFFIXES)}"
        raise LgsimError("cannot draw into this kind of file", where=str(path), hint=hint)
    return suffix


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure; LgsimError for another suffix, or a file that cannot be written."""
    suffix = picture_suffix(path)
    import matplotlib

    stream = io.BytesIO()
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix, {})
    # A fixed salt keeps the identifiers inside an SVG the same from run to run.
    with matplotlib.rc_context({"svg.hashsalt": "lgsim", "svg.fonttype": "none"}):
        figure.savefig(stream, format=suffix, dpi=DPI, metadata=metadata)
    write_atomic(path, stream.getvalue())


def settings_line(of: RunData | AblationData) -> str:
    """What a picture shows was made with, for its corner."""
    return f"{of.target} · {of.precision} · strategy {of.strategy} · {of.timing} timing"


def write_title(
    figure: Figure, title: str, settings: str, sides: tuple[float, float], top: float
) -> None:
    """The title at the left side and the settings at the right, below `top`."""
    left, right = sides
    figure.text(left, top, title, va="top", fontsize=14, fontweight="bold", color=palette.INK)
    figure.text(right, top, settings, ha="right", va="top", fontsize=10, color=palette.INK)


def write_legend(
    figure: Figure,
    colors: Mapping[str, str],
    corner: tuple[float, float],
    *,
    outlined: bool = False,
) -> None:
    """One line of swatches by label, its lower left at `corner`; light ones want an outline."""
    from matplotlib.patches import Patch

    swatches = [Patch(facecolor=color, label=label) for label, color in colors.items()]
    if outlined:
        for swatch in swatches:
            swatch.set(edgecolor=palette.GRID, linewidth=0.5)
    figure.legend(
        handles=swatches,
        loc="lower left",
        bbox_to_anchor=corner,
        ncols=len(colors),
        frameon=False,
        fontsize=8.5,
        handlelength=1.1,
        handletextpad=0.4,
        columnspacing=1.4,
        borderaxespad=0,
    )


def bare_axes(axes: Axes, grid: Literal["x", "y"]) -> None:
    """Nothing but a grid, behind what is drawn."""
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=palette.GRID, linewidth=0.6)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_section_strip(
    axes: Axes,
    kinds: Sequence[str],
    starts: Sequence[float],
    widths: Sequence[float],
    row: tuple[float, float],
) -> None:
    """A strip of sections by kind, neighbours of a kind in two shades; `row` is bottom, height."""
    for kind, shades in palette.SECTION_SHADES.items():
        mine = [k for k, width in enumerate(widths) if width > 0 and kinds[k] == kind]
        for shade, part in zip(shades, (mine[::2], mine[1::2]), strict=True):
            spans = [(starts[k], widths[k]) for k in part]
            axes.broken_barh(spans, row, facecolor=shade, linewidth=0)


def section_swatches(kinds: Collection[str]) -> dict[str, str]:
    """Entries of a legend for the kinds of sections that occur."""
    names = {"group": "layer group", "global": "global layer"}
    return {name: palette.SECTION_SHADES[kind][0] for kind, name in names.items() if kind in kinds}


def time_unit(cycles: float, clock_mhz: int) -> tuple[str, float]:
    """The unit that suits some cycles on an axis, and how many cycles it is."""
    per_ms = clock_mhz * 1e3
    return ("ms", per_ms) if cycles >= per_ms else ("µs", float(clock_mhz))


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that a notebook shows when it is the value of a cell."""

    figure: Figure

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.figure.savefig(stream, format="png", dpi=NOTEBOOK_DPI)
        return stream.getvalue()
