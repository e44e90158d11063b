"""Finds the op that somebody means by its name, or by a part of it."""

from __future__ import annotations

from collections.abc import Iterable

from lgsim.errors import LgsimError


def find_name(text: str, names: Iterable[str], where: str = "", hint: str = "") -> str:
    """The name that `text` is, or the only one that it is a part of.

    Parameters
    ----------
    text : str
        What the user wrote.
    names : iterable of str
        What there is.
    where, hint : str
        For the message: where they are, and what to do if none is like it.

    Raises
    ------
    LgsimError
        If no name, or more than one, is meant.
    """
    known = list(names)
    if text in known:
        return text
    found = [name for name in known if text in name]
    if len(found) == 1:
        return found[0]
    if found:
        few = ", ".join(f"'{name}'" for name in found[:3])
        raise LgsimError(
            f"{len(found)} ops are called like '{text}'", where=where, hint=f"give one: {few}"
        )
    from difflib import get_close_matches

    near = get_close_matches(text, known, n=1)
    raise LgsimError(
        f"there is no op '{text}'",
        where=where,
        hint=f"did you mean '{near[0]}'?" if near else hint,
    )
