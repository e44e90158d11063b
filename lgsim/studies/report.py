"""`Report`: rows of experiments that have been run, as text, JSON, Markdown and pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from lgsim.report.tables import Column, table
from lgsim.studies.experiment import VERDICTS, Row
from lgsim.studies.markdown import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTHS = {"#": 2, "claim and source": 34, "measured": 38, "expected": 32, "verdict": 8}


@dataclass(frozen=True, slots=True)
class Report:
    """What a study found.

    Attributes
    ----------
    rows : tuple of Row
        Experiments in order of their numbers.
    """

    rows: tuple[Row, ...]

    def row(self, number: int) -> Row:
        """The experiment of that number; KeyError if the study has none."""
        found = {row.experiment.number: row for row in self.rows}
        return found[number]

    def data(self, number: int) -> Mapping[str, Any]:
        """Measured values of an experiment, by name."""
        return self.row(number).finding.data

    def counts(self) -> dict[str, int]:
        """How many claims there are of each verdict."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in VERDICTS}

    def figures(self) -> dict[str, Figure]:
        """Pictures of what was measured, by name; only those all of whose rows are here."""
        from lgsim.studies.figures import figures

        return figures(self.rows)

    def text(self) -> str:
        """A table for the terminal, the remarks below it."""
        cells = [line for row in self.rows for line in _lines(row)]
        columns = [Column(title, "left") for title in _WIDTHS]
        remarks = [
            line
            for row in self.rows
            if row.remark
            for line in wrap(
                row.remark,
                sum(_WIDTHS.values()) + 8,
                initial_indent=f"{row.experiment.number:>2}  ",
                subsequent_indent="    ",
            )
        ]
        return "\n".join([table(columns, cells).rstrip(), "", *remarks, "", self.summary()])

    def summary(self) -> str:
        """One line: how many claims hold."""
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items())
        return f"{len(self.rows)} claims: {counts}"

    def to_json(self) -> dict[str, Any]:
        """The values of `lgsim study --json`."""
        rows = [
            {
                "number": row.experiment.number,
                "study": row.experiment.study,
                "type": row.experiment.kind,
                "claim": row.experiment.claim,
                "source": row.experiment.source,
                "measured": row.measured,
                "expected": row.expected,
                "verdict": row.verdict,
                "remark": row.remark,
                "data": row.finding.data,
            }
            for row in self.rows
        ]
        # Through JSON, so that numbers as keys become text here and not at the reader's.
        plain: dict[str, Any] = json.loads(json.dumps({"schema": 1, "rows": rows}))
        return plain | {"counts": self.counts()}

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        return f"{markdown_table(self.rows)}\n\n{self.summary()}"


def _lines(row: Row) -> list[list[str]]:
    """The table lines of one row, each cell wrapped to its column, and an empty one."""
    found = row.experiment
    texts = (
        str(found.number),
        f"{found.claim} ({found.source})",
        row.measured,
        row.expected,
        row.verdict,
    )
    cells = [
        wrap(text, width, break_on_hyphens=False)
        for text, width in zip(texts, _WIDTHS.values(), strict=True)
    ]
    height = max(map(len, cells)) + 1
    return [[cell[k] if k < len(cell) else "" for cell in cells] for k in range(height)]
