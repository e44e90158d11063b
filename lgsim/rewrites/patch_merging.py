"""Rewrite `patch_merging`: strided slices side by side in the channels are a Space2Depth."""

from __future__ import annotations

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Rewrite, append, live_ops, replace_result
from lgsim.rewrites.slices import Part, part_of


class PatchMerging(Rewrite):
    """concat of x[:, i::2, j::2] over i, j → Depth2Space, inverse, channels last."""

    name = "patch_merging"
    summary = "the strided slices and the concat of patch merging become one Space2Depth"

    def apply(self, graph: Graph) -> int:
        """Replace every such concatenation of (N, H, W, C) slices."""
        count = 0
        for op in live_ops(graph):
            found = _merging(graph, op)
            if not isinstance(found, tuple):
                continue
            source, attrs = found
            replace_result(graph, op, append(graph, attrs, [source], op.name))
            count += 1
        if count:
            graph.sort()
        return count

    def obstacle(self, graph: Graph, op: Op) -> str | None:
        """Which slices put side by side are not just those of patch merging."""
        found = _merging(graph, op)
        return found if isinstance(found, str) else None


def _merging(graph: Graph, op: Op) -> tuple[str, ops.Depth2Space] | str | None:
    """Source and attributes, or the condition that fails if strided slices are put together."""
    if not isinstance(op.attrs, ops.Concat) or op.attrs.axis != 3:
        return None
    parts = [part for tensor in op.inputs if (part := part_of(graph, tensor)) is not None]
    if len(parts) != len(op.inputs) or len({part.source for part in parts}) != 1:
        return None
    block_h, block_w = parts[0].steps[1:3]
    shape = graph.tensor(parts[0].source).shape
    if block_h == block_w == 1:
        return None
    if block_h * block_w != len(parts) or shape[1] % block_h or shape[2] % block_w:
        return "the slices are not one per position of a block that divides height and width"
    offsets = [(part.starts[1], part.starts[2]) for part in parts]
    if not all(_is_phase(part, shape, (block_h, block_w)) for part in parts):
        return "a slice does not take whole rows, columns and channels"
    rows = [(i, j) for i in range(block_h) for j in range(block_w)]
    columns = [(i, j) for j in range(block_w) for i in range(block_h)]
    if offsets not in (rows, columns):
        return "the slices are put together in another order than by rows or columns"
    attrs = ops.Depth2Space(
        block_h, block_w, inverse=True, channels_last=True, column_first=offsets != rows
    )
    return parts[0].source, attrs


def _is_phase(part: Part, shape: tuple[int, ...], block: tuple[int, int]) -> bool:
    """Whether a part takes every block_h-th row and block_w-th column of all channels."""
    if part.steps != (1, *block, 1) or part.starts[0] or part.starts[3]:
        return False
    if (part.ends[0], part.ends[3]) != (shape[0], shape[3]):
        return False
    return all(
        -((part.starts[i] - part.ends[i]) // part.steps[i]) == shape[i] // part.steps[i]
        for i in (1, 2)
    )
