"""`Run`, `Comparison`, `Ablation`, `Explanation`: results, with the ways to look at them.

Each is a plain value of `run_data` or `analysis` with its reports as methods. Reports read the
plain values, and whatever makes a value knows of no report.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from os import PathLike
from typing import Any, Self

from lgsim.analysis.ablation import AblationData
from lgsim.analysis.comparison import ComparisonData
from lgsim.analysis.explanation import ExplanationData
from lgsim.errors import LgsimError
from lgsim.run_data import RunData

PICTURES = ("gantt", "groups", "lmem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(RunData):
    """A finished simulation; see `RunData` for what it holds."""

    @classmethod
    def of(cls, data: RunData) -> Self:
        """The same simulation, to be looked at."""
        return cls(**_values(data))

    def summary(self, top: int = 10) -> str:
        """The text of `lgsim simulate`, with the `top` slowest sections."""
        from lgsim.report.summary import summary_text

        return summary_text(self, top)

    def to_json(self) -> dict[str, Any]:
        """The values of `lgsim simulate --json`."""
        from lgsim.report.result_json import result_json

        return result_json(self)

    def plot(
        self, path: str | PathLike[str], kind: str = "gantt", focus: str | None = None
    ) -> None:
        """Draw a picture of the run into `path` (.png, .svg or .pdf).

        Parameters
        ----------
        path : path
            File to write.
        kind : {"gantt", "groups", "lmem"}
            Both engines over time, all sections over time, or the local memory of one group.
        focus : str, optional
            Name of an op: show the time it takes, or the group it is in.
        """
        if kind not in PICTURES:
            raise LgsimError(
                f"unknown kind of picture '{kind}'", hint=f"one of: {', '.join(PICTURES)}"
            )
        if kind == "gantt":
            from lgsim.report.gantt import plot_gantt

            plot_gantt(self, path, focus)
        elif kind == "lmem":
            from lgsim.report.lmem_figure import plot_lmem

            plot_lmem(self, path, focus)
        else:
            from lgsim.report.groups_figure import plot_groups

            plot_groups(self, path, focus)

    def trace(self, path: str | PathLike[str]) -> None:
        """Write a trace for Perfetto into `path` (.json or .json.gz)."""
        from lgsim.report.trace import write_trace

        write_trace(self, path)


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


@dataclass(frozen=True, slots=True)
class Ablation(AblationData):
    """What features are worth; see `AblationData` for what it holds."""

    @classmethod
    def of(cls, data: AblationData) -> Self:
        """The same figures, to be looked at."""
        return cls(**_values(data))

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


@dataclass(frozen=True, slots=True)
class Explanation(ExplanationData):
    """Why ops are grouped as they are; see `ExplanationData` for what it holds."""

    @classmethod
    def of(cls, data: ExplanationData) -> Self:
        """The same findings, to be read."""
        return cls(**_values(data))

    def text(self, op: str | None = None, *, every: bool = False) -> str:
        """What `lgsim explain` prints: an overview, or everything about one op."""
        from lgsim.report.explain_op import op_text
        from lgsim.report.explain_text import overview_text

        return overview_text(self, every) if op is None else op_text(self, self.find(op))

    def to_json(self, op: str | None = None) -> dict[str, Any]:
        """The values of `lgsim explain --json`; only one op's if it is given."""
        from lgsim.report.explain_json import explanation_json

        return explanation_json(self, op)


def _values(of: RunData | AblationData | ExplanationData) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in fields(of)}
