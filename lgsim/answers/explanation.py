"""`Explanation`: why ops are grouped as they are, to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from lgsim.analysis.explanation import ExplanationData
from lgsim.answers import values_of


@dataclass(frozen=True, slots=True)
class Explanation(ExplanationData):
    """Why ops are grouped as they are; see `ExplanationData` for what it holds."""

    @classmethod
    def of(cls, data: ExplanationData) -> Self:
        """The same findings, to be read."""
        return cls(**values_of(data))

    def text(self, op: str | None = None, *, every: bool = False) -> str:
        """What `lgsim explain` prints: an overview, or everything about one op."""
        from lgsim.report.explain_op import op_text
        from lgsim.report.explain_text import overview_text

        return overview_text(self, every) if op is None else op_text(self, self.find(op))

    def to_json(self, op: str | None = None) -> dict[str, Any]:
        """The values of `lgsim explain --json`; only one op's if it is given."""
        from lgsim.report.explain_json import explanation_json

        return explanation_json(self, op)
