"""Cuts runs of very many ops into pieces, so that planning grows with different blocks, not depth.

The borders lie whole periods apart wherever ops repeat: pieces of equal blocks are equal patterns,
which are planned once.
"""

from __future__ import annotations

import numpy as np

from lgsim.planner.group.pattern import Pattern

LONGEST = 512
"""Runs of no more ops are planned whole, as all in the networks of the reference are."""

PIECE = 144
"""Ops of a piece of longer ones at the most: about four blocks of a transformer. What is planned
are the first piece, one of those between, and the last; a border costs what the engines wait
there."""


def pieces(pattern: Pattern, longest: int = LONGEST, piece: int = PIECE) -> list[tuple[int, int]]:
    """(start, stop) of the pieces of a run, in order; one if it has no more than `longest` ops."""
    count = len(pattern.members)
    if count <= longest:
        return [(0, count)]
    first, period = _repetition(pattern, piece)
    found, start = [], 0
    while count - start > piece + period:
        lead = max(0, first - start)
        length = min(lead, piece)
        if lead + period <= piece:
            length = lead + (piece - lead) // period * period
        found.append((start, start + length))
        start += length
    return [*found, (start, count)]


def _repetition(pattern: Pattern, longest: int) -> tuple[int, int]:
    """First op and period of the longest stretch of ops that repeats; (0, longest) if none does."""
    tokens: dict[object, int] = {}
    numbers = []
    for position, member in enumerate(pattern.members):
        sources = tuple(_source(pattern, value, position, longest) for value in member.inputs)
        numbers.append(tokens.setdefault((member.site, sources), len(tokens)))
    kinds = np.array(numbers)
    best, first, period = 0, 0, longest
    for shift in range(1, min(longest, len(kinds) // 2) + 1):
        same = np.concatenate([[False], kinds[shift:] == kinds[:-shift], [False]])
        edges = np.flatnonzero(same[1:] != same[:-1])
        lengths = edges[1::2] - edges[::2]
        if len(lengths) and lengths.max() > best and lengths.max() >= shift:
            best, period = int(lengths.max()), shift
            first = int(edges[::2][lengths.argmax()])
    return first, period


def _source(pattern: Pattern, value: int, position: int, longest: int) -> tuple[str, int]:
    """Where a value comes from: how far away, or which op it is if it is read all along the run."""
    producer = pattern.values[value].producer
    if producer < 0:
        return "outside", 0
    if pattern.users[value][-1][0] - producer > longest:
        return "op", producer
    return "before", position - producer
