"""Checks: one measured value each, what is expected of it, and whether it is so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison that a verdict rests on.

    Attributes
    ----------
    measured, expected : str
        Both sides, as the table shows them.
    holds : bool
        Whether the measured value is as expected.
    """

    measured: str
    expected: str
    holds: bool


def equal(what: str, value: object, expected: object, form: str = "{}") -> Check:
    """A value that is known exactly; `form` formats both sides, and they are compared so."""
    shown, wanted = form.format(value), form.format(expected)
    return Check(f"{what} {shown}", f"{what} {wanted}", shown == wanted)


def between(what: str, value: float, low: float, high: float, form: str = "{:.2f}") -> Check:
    """A value in a band."""
    return Check(
        f"{what} {form.format(value)}",
        f"{what} {form.format(low)} to {form.format(high)}",
        low <= value <= high,
    )


def near(what: str, value: float, expected: float, tolerance: float, form: str = "{:.2f}") -> Check:
    """A value within a relative tolerance of what is expected."""
    return Check(
        f"{what} {form.format(value)}",
        f"{what} {form.format(expected)} ±{tolerance:.0%}",
        abs(value - expected) <= tolerance * abs(expected),
    )


def at_least(what: str, value: float, low: float, form: str = "{:.2f}") -> Check:
    """A value that must not be smaller."""
    return Check(
        f"{what} {form.format(value)}", f"{what} at least {form.format(low)}", value >= low
    )


def at_most(what: str, value: float, high: float, form: str = "{:.2f}") -> Check:
    """A value that must not be larger."""
    return Check(
        f"{what} {form.format(value)}", f"{what} at most {form.format(high)}", value <= high
    )


def order(
    what: str,
    values: Mapping[str, float],
    form: str = "{:.2f}",
    *,
    strict: bool = True,
    slack: float = 0.0,
) -> Check:
    """Values that must rise in the order given.

    Parameters
    ----------
    what : str
        What the values are; empty if the check before it says so.
    values : mapping of str to float
        Value by name.
    form : str
        How to write a value.
    strict : bool
        Whether equal neighbours break the order.
    slack : float
        By what share of itself a value may be smaller than the one before it.
    """
    pairs = pairwise(values.values())
    holds = all(a < b if strict else a * (1 - slack) <= b for a, b in pairs)
    listed = ", ".join(f"{name} {form.format(value)}" for name, value in values.items())
    wanted = (" < " if strict else " ≤ ").join(values)
    title = f"{what}: " if what else ""
    return Check(title + listed, title + wanted, holds)


def pattern(what: str, values: Sequence[bool], expected: Sequence[bool]) -> Check:
    """A row of a truth table."""
    shown, wanted = ("".join("T" if value else "F" for value in row) for row in (values, expected))
    return Check(f"{what} {shown}", f"{what} {wanted}", shown == wanted)
