"""`Cut`: how an axis of a tensor is cut into pieces; equal cuts are one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from math import prod
from typing import TypeAlias
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from lgsim.kernels.commands.tiling import even_chunks
from lgsim.kernels.views import View

Int64s: TypeAlias = NDArray[np.int64]
Piece = tuple[int, int]
Lengths = tuple[int, int, int, int, int]
Secs = tuple[int, int, int, int, int]

WHOLE: Secs = (1, 1, 1, 1, 1)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Cut:
    """The pieces of one axis; ask `cut_of` for one.

    Equal cuts are the same object: they are compared and hashed without a look at the pieces,
    since they are part of the keys of all costs.

    Attributes
    ----------
    pieces : tuple of (int, int)
        Start and length of each piece; a single one if the axis is not cut.
    lengths : tuple of int
        The lengths alone.
    shortest : int
        The smallest of them.
    """

    pieces: tuple[Piece, ...]
    lengths: tuple[int, ...] = field(init=False)
    shortest: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", tuple([length for _, length in self.pieces]))
        object.__setattr__(self, "shortest", min(self.lengths))

    def piece(self, section: int) -> Piece:
        """What a section has of the axis: its piece, or all of what is not cut."""
        return self.pieces[section if len(self.pieces) > 1 else 0]


Cuts = tuple[Cut, Cut, Cut, Cut, Cut]
"""How a value is cut along n, c, d, h and w."""

_known: WeakValueDictionary[tuple[Piece, ...], Cut] = WeakValueDictionary()


def cut_of(pieces: tuple[Piece, ...]) -> Cut:
    """The cut into these pieces."""
    return _known.setdefault(pieces, Cut(pieces))


@lru_cache(maxsize=1 << 14)
def even_cut(size: int, pieces: int, unit: int) -> Cut:
    """The pieces an axis is cut into: of equal sizes as far as whole units allow."""
    return cut_of(tuple(even_chunks(size, pieces, unit)))


@lru_cache(maxsize=1 << 14)
def uncut(sizes: View) -> Cuts:
    """A value that is not cut at all."""
    n, c, d, h, w = (cut_of(((0, size),)) for size in sizes)
    return n, c, d, h, w


@dataclass(frozen=True, slots=True)
class Kinds:
    """Slices of some values with different lengths, and which of them every slice is.

    Attributes
    ----------
    shapes : list of tuple
        Lengths of each value, for every different slice; that of the first slice comes first.
    counts : list of int
        How many slices are like each of them.
    numbers : array, shape (slices,)
        Indices of `shapes`, in the order in which slices run.
    """

    shapes: list[tuple[Lengths, ...]]
    counts: list[int]
    numbers: Int64s


def different_slices(cuts: Sequence[Cuts], secs: Secs) -> Kinds:
    """The different slices of some values."""
    found = [
        _different_pieces(tuple([cut[axis] for cut in cuts]), sections)
        for axis, sections in enumerate(secs)
    ]
    rows, counts, numbers = zip(*found, strict=True)
    shapes = [tuple(zip(*each, strict=True)) for each in product(*rows)]
    if len(shapes) == 1:
        return Kinds(shapes, [prod(secs)], np.zeros(prod(secs), dtype=np.int64))
    total = numbers[0]
    for row, number in zip(rows[1:], numbers[1:], strict=True):
        total = (total[:, None] * len(row) + number).ravel()
    return Kinds(shapes, [prod(each) for each in product(*counts)], total)


@lru_cache(maxsize=1 << 14)
def _different_pieces(
    cuts: tuple[Cut, ...], sections: int
) -> tuple[list[tuple[int, ...]], list[int], Int64s]:
    """Along one axis: different lengths of the values, how many sections have them, and which."""
    lengths = [cut.lengths if len(cut.lengths) > 1 else cut.lengths * sections for cut in cuts]
    kinds: dict[tuple[int, ...], int] = {}
    numbers = [kinds.setdefault(row, len(kinds)) for row in zip(*lengths, strict=True)]
    counts = [0] * len(kinds)
    for number in numbers:
        counts[number] += 1
    return list(kinds), counts, np.array(numbers, dtype=np.int64)
