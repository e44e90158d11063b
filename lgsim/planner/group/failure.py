"""`Failure`: why some ops cannot be a layer group, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One rule that a group breaks.

    Attributes
    ----------
    rule : str
        ``local`` (an op has no local form), ``type`` (no group type suits the ops), ``secs`` (an
        axis cannot be cut that often), ``slices`` (two readers need different slices of a value,
        or slices degenerate), ``steps`` (a value would live longer than a round), ``memory``,
        ``alone`` (no op reads what another one makes), ``permute`` (a permute beside it swaps axes
        that the group type does not see), ``addresses`` (a plan does not say where all buffers
        are), or ``price`` (the search gave up: it cannot be cheaper than asked for).
    member : int
        Op at fault, −1 for the group as a whole.
    axis : str
        n, c, d, h or w; empty if no axis is at fault.
    detail : str
        A sentence with the numbers.
    missing_bytes : int
        Bytes of a lane that are missing; 0 unless the rule is ``memory``.
    busy_cycles : int
        Cycles of the busier engine if they alone are too many; else 0.
    secs : tuple of int
        Slices per axis of the last try, of a search that tries several; else empty.
    reloaded : bool
        Whether constants were loaded again for every slice in that try.
    """

    rule: str
    detail: str
    member: int = -1
    axis: str = ""
    missing_bytes: int = 0
    busy_cycles: int = 0
    secs: tuple[int, ...] = ()
    reloaded: bool = False


def too_long(limit: int, busy_cycles: int = 0) -> Failure:
    """The failure of a group that cannot be cheaper than `limit` cycles."""
    return Failure("price", f"it takes {limit:,} cycles or longer", busy_cycles=busy_cycles)
