"""The one exception root: what went wrong, where, against which limit, and what to try."""

from __future__ import annotations


class LgsimError(Exception):
    """An error its reader can act on; the command line prints it as one line.

    Parameters
    ----------
    what : str
        What is wrong, as a short sentence without a full stop.
    where : str
        File, operator, key or option the problem is at.
    limit : str
        The rule or number that was violated.
    hint : str
        What the user can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", limit: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.limit = limit
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.limit:
            text += f" ({self.limit})"
        if self.hint:
            text += f"; {self.hint}"
        return text


class InfeasibleError(LgsimError):
    """Nothing that was tried fits the chip."""

    exit_code = 2


class CheckError(LgsimError):
    """A check of a schedule, or a comparison the user asked for, failed."""

    exit_code = 3
