"""Tokens of MLIR's textual form, with the line and column each one starts at."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from lgsim.errors import LgsimError

# One alternative per token kind; the name of the group is the kind. A tensor shape such as
# `1x64xf32` comes out as a number followed by a word that starts with `x`.
_TOKEN = re.compile(
    r"""(?P<space>(?:\s+|//[^\n]*)+)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<number>-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
      | (?P<value>%[\w$.-]+(?:\#\d+)?)
      | (?P<alias>\#[A-Za-z_][\w$.-]*)
      | (?P<symbol>@(?:[\w$.-]+|"[^"\n]*"))
      | (?P<dialect>![A-Za-z_][\w$.]*)
      | (?P<word>[A-Za-z_][\w$.]*)
      | (?P<punct>->|[(){}\[\]<>,:=?*^+/-])""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A lexical unit: its kind, its text, and its offset in the source."""

    kind: str
    text: str
    offset: int


class Source:
    """The text of a file and where it came from; turns offsets into lines and columns.

    Parameters
    ----------
    text : str
        The whole file.
    where : str
        Its name for error messages.
    """

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def position(self, offset: int) -> str:
        """``file:line:column`` of an offset, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return f"{self.where}:{line}:{offset - self._line_starts[line - 1] + 1}"

    def error(self, what: str, offset: int, hint: str = "") -> LgsimError:
        """An error at an offset of this source."""
        return LgsimError(what, where=self.position(offset), hint=hint)

    def tokens(self) -> list[Token]:
        """All tokens, ending with one of kind ``end``.

        Raises
        ------
        LgsimError
            At the first character that starts no token.
        """
        found: list[Token] = []
        offset = 0
        for match in _TOKEN.finditer(self.text):
            if match.start() != offset:
                break
            offset = match.end()
            kind = match.lastgroup or ""
            if kind != "space":
                found.append(Token(kind, match.group(), match.start()))
        if offset != len(self.text):
            raise self.error(f"unexpected character {self.text[offset]!r}", offset)
        found.append(Token("end", "", offset))
        return found
