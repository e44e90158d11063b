"""`Experiment`: a claim of the literature as code; its verdict follows from measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lgsim.studies.checks import Check

if TYPE_CHECKING:
    from lgsim.studies.lab import Lab

Kind = Literal["E", "D", "E/D", "R", "H"]

KINDS: dict[Kind, str] = {
    "E": "exact: must hold to the digit",
    "D": "direction: an order or a sign must hold",
    "E/D": "figures exact, and a direction",
    "R": "ratio: must lie in a band around the source's figure",
    "H": "honest report: the source is silent or contradicted by first estimates",
}

Verdict = Literal["holds", "does not hold", "cannot be tested here"]

VERDICTS: tuple[Verdict, ...] = ("holds", "does not hold", "cannot be tested here")


@dataclass(frozen=True, slots=True)
class Finding:
    """What an experiment measured.

    Attributes
    ----------
    checks : tuple of Check
        Comparisons with what is expected; none if the claim cannot be tested.
    reason : str
        Why the claim does not hold or cannot be tested, supported by numbers; shown only then.
    note : str
        Under what assumptions it was measured; may be empty.
    data : mapping
        Measured values for figures and JSON, by name.
    """

    checks: tuple[Check, ...]
    reason: str = ""
    note: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Whether every check holds."""
        if not self.checks:
            return "cannot be tested here"
        return "holds" if all(check.holds for check in self.checks) else "does not hold"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A claim, where it comes from, and the function that tests it.

    Attributes
    ----------
    number : int
        Its number, unique over all studies.
    study : str
        Name of the study it belongs to.
    kind : {"E", "D", "E/D", "R", "H"}
        What sort of agreement is asked for; see `KINDS`.
    claim : str
        One sentence.
    source : str
        The work that claims it.
    measure : function
        Tests it.
    """

    number: int
    study: str
    kind: Kind
    claim: str
    source: str
    measure: Callable[[Lab], Finding]


@dataclass(frozen=True, slots=True)
class Row:
    """An experiment that has been run."""

    experiment: Experiment
    finding: Finding

    @property
    def verdict(self) -> Verdict:
        """Whether the claim holds."""
        return self.finding.verdict

    @property
    def measured(self) -> str:
        """All measured values, in one line."""
        return "; ".join(check.measured for check in self.finding.checks)

    @property
    def expected(self) -> str:
        """What was expected of them, in one line."""
        texts = dict.fromkeys(check.expected for check in self.finding.checks)
        return "; ".join(texts)

    @property
    def remark(self) -> str:
        """The note, and the reason unless the claim holds."""
        finding = self.finding
        parts = (finding.note, finding.reason if self.verdict != "holds" else "")
        return " ".join(part for part in parts if part)


EXPERIMENTS: dict[int, Experiment] = {}
"""All experiments by number; `lgsim.studies.studies` imports the modules that declare them."""


def experiment(
    number: int, *, study: str, kind: Kind, claim: str, source: str
) -> Callable[[Callable[[Lab], Finding]], Callable[[Lab], Finding]]:
    """Declare the decorated function to be the test of a claim."""

    def declare(measure: Callable[[Lab], Finding]) -> Callable[[Lab], Finding]:
        if number in EXPERIMENTS:
            raise ValueError(f"experiment {number} is declared twice")
        EXPERIMENTS[number] = Experiment(number, study, kind, claim, source, measure)
        return measure

    return declare
