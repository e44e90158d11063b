"""Checks: each holds where it should, and says what it compared."""

import pytest

from lgsim.studies import checks
from lgsim.studies.experiment import Experiment, Finding, Row


@pytest.mark.parametrize(
    ("check", "holds"),
    [
        (checks.equal("n", 3, 3), True),
        (checks.equal("n", 3, 4), False),
        (checks.equal("share", 0.4906, 0.49061, "{:.4f}"), True),
        (checks.between("r", 2.0, 1.0, 2.0), True),
        (checks.between("r", 2.01, 1.0, 2.0), False),
        (checks.near("ms", 1.2, 1.0, 0.2), True),
        (checks.near("ms", 0.79, 1.0, 0.2), False),
        (checks.at_least("n", 1, 1), True),
        (checks.at_most("n", 1, 0), False),
        (checks.order("ms", {"a": 1, "b": 2, "c": 3}), True),
        (checks.order("ms", {"a": 1, "b": 1}), False),
        (checks.order("ms", {"a": 1, "b": 1}, strict=False), True),
        (checks.order("ms", {"a": 1.0, "b": 0.9}, strict=False, slack=0.1), True),
        (checks.order("ms", {"a": 1.0, "b": 0.89}, strict=False, slack=0.1), False),
        (checks.pattern("local", [True, False], [True, False]), True),
        (checks.pattern("local", [True, True], [True, False]), False),
    ],
    ids=str,
)
def test_check(check: checks.Check, holds: bool) -> None:
    assert check.holds is holds
    assert check.measured
    assert check.expected


def row(*found: checks.Check, reason: str = "because") -> Row:
    finding = Finding(found, reason=reason, note="Measured so.")
    return Row(Experiment(1, "s", "E", "claim", "source", lambda lab: finding), finding)


def test_a_claim_holds_if_every_check_does() -> None:
    good, bad = checks.equal("a", 1, 1), checks.equal("b", 1, 2)
    assert row(good, good).verdict == "holds"
    assert row(good, bad).verdict == "does not hold"
    assert row().verdict == "cannot be tested here"


def test_the_reason_is_only_given_where_one_is_due() -> None:
    good, bad = checks.equal("a", 1, 1), checks.equal("b", 1, 2)
    assert row(good).remark == "Measured so."
    assert row(good, bad).remark == "Measured so. because"
    assert row(good, bad).measured == "a 1; b 1"
    assert row(good, bad).expected == "a 1; b 2"
