"""Cuts runs of very many ops into pieces, so that planning grows with different blocks, not depth.

The borders lie whole periods apart wherever ops repeat: pieces of equal blocks are equal patterns,
which are planned once.
"""

from __future__ import annotations

import numpy as np

from lgsim.planner.group.pattern import Pattern

LONGEST = 512
"""Ops of a piece at the most, some dozen blocks of a transformer: more than in any network of the
reference, since a border costs what the engines wait there (3 % where each piece has 100 ops)."""


def pieces(pattern: Pattern, longest: int = LONGEST) -> list[tuple[int, int]]:
    """(start, stop) of pieces of no more than `longest` ops, in order."""
    count = len(pattern.members)
    if count <= longest:
        return [(0, count)]
    first, period = _repetition(pattern, longest)
    found, start = [], 0
    while count - start > longest:
        lead = max(0, first - start)
        if lead + period <= longest:
            length = lead + (longest - lead) // period * period
        else:
            length = min(lead, longest)
        found.append((start, start + length))
        start += length
    return [*found, (start, count)]


def _repetition(pattern: Pattern, longest: int) -> tuple[int, int]:
    """First op and period of the longest stretch of ops that repeats; (0, longest) if none does."""
    tokens: dict[object, int] = {}
    numbers = []
    for position, member in enumerate(pattern.members):
        sources = [pattern.values[value].producer for value in member.inputs]
        near = tuple(position - source if source >= 0 else None for source in sources)
        numbers.append(tokens.setdefault((member.site, near), len(tokens)))
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
