"""Saving pictures: the same figure gives the same file, whatever its format."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.report.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that a notebook shows when it is the value of a cell."""

    figure: Figure

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.figure.savefig(stream, format="png", dpi=NOTEBOOK_DPI)
        return stream.getvalue()
