"""`Ablation`: what features are worth, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

from lgsim.analysis.ablation import AblationData
from lgsim.answers import values_of


@dataclass(frozen=True, slots=True)
class Ablation(AblationData):
    """What features are worth; see `AblationData` for what it holds."""

    @classmethod
    def of(cls, data: AblationData) -> Self:
        """The same figures, to be looked at."""
        return cls(**values_of(data))

    def table(self) -> str:
        """A line per part that makes a difference."""
        from lgsim.report.ablate import ablation_table

        return ablation_table(self)

    def text(self) -> str:
        """What `lgsim ablate` prints."""
        from lgsim.report.ablate import ablation_text

        return ablation_text(self)

    def to_json(self) -> dict[str, Any]:
        """The values of `lgsim ablate --json`."""
        from lgsim.report.ablate import ablation_json

        return ablation_json(self)

    def plot(self, path: str | PathLike[str]) -> None:
        """Draw the waterfall into `path` (.png, .svg or .pdf)."""
        from lgsim.report.ablate_figure import plot_ablation

        plot_ablation(self, path)
