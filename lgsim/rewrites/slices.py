"""What several rewrites ask of `Slice` ops: which part of which tensor they are."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op


@dataclass(frozen=True, slots=True)
class Part:
    """Elements start, start + step, … before end of each dimension of `source`."""

    source: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    steps: tuple[int, ...]


def part_of(graph: Graph, tensor: str) -> Part | None:
    """The part of another tensor that slices (one after the other) cut out as `tensor`.

    None if `tensor` is no result of a slice or some step is not positive.
    """
    producer = graph.producer(tensor)
    if producer is None or not isinstance(producer.attrs, ops.Slice):
        return None
    attrs = producer.attrs
    if min(attrs.steps) < 1:
        return None
    outer = part_of(graph, producer.inputs[0])
    if outer is None:
        return Part(producer.inputs[0], attrs.starts, attrs.ends, attrs.steps)
    starts = tuple(
        o + s * k for o, s, k in zip(outer.starts, attrs.starts, outer.steps, strict=True)
    )
    ends = tuple(
        min(o + (e - 1) * k + 1, outer_end)
        for o, e, k, outer_end in zip(
            outer.starts, attrs.ends, outer.steps, outer.ends, strict=True
        )
    )
    steps = tuple(a * b for a, b in zip(outer.steps, attrs.steps, strict=True))
    return Part(outer.source, starts, ends, steps)


def single_index(graph: Graph, op: Op) -> tuple[int, int] | None:
    """(axis, index) if a slice takes one index of one axis and all of the others, else None."""
    if not isinstance(op.attrs, ops.Slice):
        return None
    source, result = graph.tensor(op.inputs[0]).shape, graph.tensor(op.outputs[0]).shape
    changed = [axis for axis, size in enumerate(source) if result[axis] != size]
    if len(changed) != 1 or result[changed[0]] != 1:
        return None
    return changed[0], op.attrs.starts[changed[0]]
