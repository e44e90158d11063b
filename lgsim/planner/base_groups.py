"""Base groups: maximal runs of neighbouring ops that may be local; layer groups lie inside them.

Only intervals of the order of the graph are considered (docs/chip.md §8), so that the
order decides which branches can share a group.
"""

from __future__ import annotations

from itertools import groupby

from lgsim.graph import Graph
from lgsim.kernels import local_support
from lgsim.kernels.site import site_of
from lgsim.kernels.support import Features, Refusal


def base_groups(graph: Graph, features: Features) -> list[tuple[Refusal | None, tuple[str, ...]]]:
    """The ops of a graph, cut wherever an op may not be local.

    Parameters
    ----------
    graph : Graph
        A typed graph.
    features : Features
        Which historical restrictions are lifted.

    Returns
    -------
    list of (Refusal or None, tuple of str)
        In order: names of ops that may share local memory and None, or a single op and why it may
        not be local.
    """
    verdicts = [(local_support(site_of(graph, op), features), op.name) for op in graph]
    runs: list[tuple[Refusal | None, tuple[str, ...]]] = []
    for local, run in groupby(verdicts, key=lambda verdict: verdict[0] is None):
        listed = list(run)
        if local:
            runs.append((None, tuple(name for _, name in listed)))
        else:
            runs += [(refusal, (name,)) for refusal, name in listed]
    return runs
