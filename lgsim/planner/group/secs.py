"""Which sections to try: how often each axis may be cut, and in which order.

Limits and order follow docs/chip.md §8: n before c before d, h and w; rows are
preferred to columns, since every cut repeats the rows or columns of the halo.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from lgsim.kernels import splittable
from lgsim.kernels.commands.tiling import ceil_div
from lgsim.kernels.site import OpSite
from lgsim.kernels.support import AXES, GroupType
from lgsim.kernels.views import view
from lgsim.planner.group.cuts import Secs
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.group.slicing import cut_values, value_views
from lgsim.target.chip import Chip

MOST_TRIES = 60
"""How many sections are tried at the most (that many in the vendor's search on newer chips)."""

FINENESS = 8
"""A coarse search tries no number of slices that is closer than this part to the one before."""

WIDE_ROW_BYTES = 512
"""Columns are cut only in rows longer than this, and into pieces of at least half of it."""


def most_secs(pattern: Pattern, group_type: GroupType, chip: Chip) -> Secs:
    """How often each axis may be cut at the most."""
    limits = [member_limits(member.site, group_type, chip.lanes) for member in pattern.members]
    n, c, d, h, w = map(min, zip(*limits, strict=True))
    return n, c, d, h, w


@lru_cache(maxsize=1 << 14)
def member_limits(site: OpSite, group_type: GroupType, lanes: int) -> Secs:
    """How often one op, with what it reads and makes, lets each axis be cut."""
    near = [operand.type for operand in site.inputs if not operand.weight]
    near += site.outputs
    views = [view(type_.shape, group_type) for type_ in near]
    n, c, d, h, _ = map(min, zip(*views, strict=True))
    row_bytes = min(type_.dtype.nbytes(w) for type_, (*_, w) in zip(near, views, strict=True))
    sizes = (
        n,
        ceil_div(c, lanes) if group_type in ("MM", "SMALL_C") else 1,
        d if group_type == "3D" else 1,
        h,
        row_bytes // (WIDE_ROW_BYTES // 2) if row_bytes > WIDE_ROW_BYTES else 1,
    )
    n, c, d, h, w = (
        size if size > 1 and splittable(site, axis, group_type) else 1
        for axis, size in zip(AXES, sizes, strict=True)
    )
    return n, c, d, h, w


def candidates(
    pattern: Pattern, group_type: GroupType, chip: Chip, at_least: int, *, coarse: bool = False
) -> Iterator[Secs]:
    """Sections to try, those with fewer slices first.

    Parameters
    ----------
    pattern : Pattern
        The group.
    group_type : str
        How it sees tensors.
    at_least : int
        Fewer slices than this cannot fit.
    coarse : bool
        Whether to leave out numbers of slices that are close to others.
    """
    most = most_secs(pattern, group_type, chip)
    yield from islice(_in_order(pattern, group_type, most, at_least, coarse), MOST_TRIES)


def _in_order(
    pattern: Pattern, group_type: GroupType, most: Secs, at_least: int, coarse: bool
) -> Iterator[Secs]:
    most_n, most_c, most_d, most_h, most_w = most
    for n in _shrinking(most_n):
        if n >= at_least:
            yield n, 1, 1, 1, 1
    for c in _shrinking(most_c):
        if c > 1 and most_n * c >= at_least:
            yield most_n, c, 1, 1, 1
    fewest = max(2, ceil_div(at_least, most_n * most_c))
    pieces = 2 if coarse else fewest
    views = value_views(pattern, group_type)
    cut = cut_values(pattern)
    rows, columns = (
        sum(sizes[axis] for sizes, cuts in zip(views, cut, strict=True) if cuts) for axis in (3, 4)
    )
    seen: set[tuple[int, int, int]] = set()
    while pieces <= most_d * most_h * most_w:
        d = min(most_d, pieces)
        rest = ceil_div(pieces, d)
        cuts = [
            (h - 1 + (w - 1) * rows / max(columns, 1), h, w)
            for h in range(1, min(most_h, rest) + 1)
            if (w := ceil_div(rest, h)) <= most_w
        ]
        if cuts:
            _, h, w = min(cuts, key=lambda cut: (cut[0], -cut[1]))
            if (d, h, w) not in seen and pieces >= fewest:
                seen.add((d, h, w))
                yield most_n, most_c, d, h, w
        pieces += max(1, pieces // FINENESS) if coarse else 1


def _shrinking(most: int) -> Iterator[int]:
    """Numbers of sections up to `most` that make the largest piece smaller, counted in units."""
    size = 0
    for count in range(1, most + 1):
        piece = ceil_div(most, count)
        if piece != size:
            size = piece
            yield count
