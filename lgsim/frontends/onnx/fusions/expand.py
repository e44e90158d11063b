"""Broadcasts written out as an Expand, for a reader that broadcasts by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lgsim.graph.ops import Add, Compare, Div, Max, Min, Mod, Mul, Pow, Sub, Where

if TYPE_CHECKING:
    from lgsim.graph.core import Graph, Op

_BROADCASTING = (Add, Compare, Div, Max, Min, Mod, Mul, Pow, Sub, Where)


def drop_expand(graph: Graph, op: Op) -> bool:
    """A Tile along dimensions of size 1: elementwise ops read what it repeats (x / ‖x‖ has one).

    A reader whose other operands do not have the whole shape keeps it.
    """
    source, repeated = op.inputs[0], op.outputs[0]
    sizes = zip(graph.tensor(source).shape, graph.tensor(repeated).shape, strict=True)
    if any(before not in (1, after) for before, after in sizes):
        return False
    readers = [x for x in graph.consumers(repeated) if isinstance(x.attrs, _BROADCASTING)]
    spared = [reader for reader in readers if _reads_instead(graph, reader, repeated, source)]
    if spared and not graph.consumers(repeated) and repeated not in graph.outputs:
        graph.remove_op(op.name)
    return bool(spared)


def _reads_instead(graph: Graph, reader: Op, repeated: str, source: str) -> bool:
    """Let the reader take the source; whether its result keeps its shape by that."""
    inputs = [source if tensor == repeated else tensor for tensor in reader.inputs]
    wanted = graph.tensor(reader.outputs[0]).type
    if reader.attrs.infer([graph.tensor(tensor).type for tensor in inputs])[0] != wanted:
        return False
    graph.replace_op(reader.name, inputs=inputs)
    return True
