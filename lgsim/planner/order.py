"""In which order ops are planned and run: the one choice that decides who can share a group.

Layer groups are intervals of one order (docs/chip.md §8). The order is a topological one in which
ops that may be local stand together: as long as there is one that is ready, it comes next, and the
last one to become ready first, so that a branch is followed to its end before the next begins. Of
the readers of a result, the last one begins. On every graph in reference/ir this is the order in
which the vendor's compiler plans, op for op.
"""

from __future__ import annotations

from lgsim.graph import Graph
from lgsim.kernels import local_support
from lgsim.kernels.site import site_of
from lgsim.kernels.support import Features


def planning_order(graph: Graph, features: Features) -> list[str]:
    """Names of all ops of a typed graph, in the order in which they are planned.

    Parameters
    ----------
    graph : Graph
        A typed graph.
    features : Features
        What is switched on; it decides which ops may be local.
    """
    names = [op.name for op in graph]
    position = {name: number for number, name in enumerate(names)}
    local = {op.name: local_support(site_of(graph, op), features) is None for op in graph}
    missing = {
        op.name: len({made.name for tensor in op.inputs if (made := graph.producer(tensor))})
        for op in graph
    }
    ready: dict[bool, list[str]] = {True: [], False: []}
    for name in names:
        if not missing[name]:
            ready[local[name]].append(name)
    order: list[str] = []
    inside = True
    while ready[True] or ready[False]:
        inside = inside if ready[inside] else not inside
        order.append(ready[inside].pop())
        readers = {
            reader.name
            for tensor in graph.op(order[-1]).outputs
            for reader in graph.consumers(tensor)
        }
        for name in sorted(readers, key=position.__getitem__):
            missing[name] -= 1
            if not missing[name]:
                ready[local[name]].append(name)
    return order
