"""`Comparison`: one network scheduled in several ways, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

from lgsim.analysis.comparison import ComparisonData
from lgsim.answers.run import Run


@dataclass(frozen=True, slots=True)
class Comparison(ComparisonData):
    """One network scheduled in several ways; see `ComparisonData` for what it holds."""

    runs: tuple[Run, ...]

    def table(self) -> str:
        """One line per run: time, sections, traffic, busy engines, speed against the first."""
        from lgsim.report.compare import comparison_table

        return comparison_table(self)

    def text(self, top: int = 8) -> str:
        """What `lgsim compare` prints: the table, and the `top` stretches that differ most."""
        from lgsim.report.compare import comparison_text

        return comparison_text(self, top)

    def to_json(self) -> dict[str, Any]:
        """The values of `lgsim compare --json`."""
        from lgsim.report.compare import comparison_json

        return comparison_json(self)

    def plot(self, path: str | PathLike[str]) -> None:
        """Draw the runs one above the other into `path` (.png, .svg or .pdf)."""
        from lgsim.report.compare_figure import plot_comparison

        plot_comparison(self, path)
