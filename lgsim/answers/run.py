"""`Run`: a finished simulation, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

from lgsim.answers import values_of
from lgsim.errors import LgsimError
from lgsim.run_data import RunData

PICTURES = ("gantt", "groups", "lmem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(RunData):
    """A finished simulation; see `RunData` for what it holds."""

    @classmethod
    def of(cls, data: RunData) -> Self:
        """The same simulation, to be looked at."""
        return cls(**values_of(data))

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
