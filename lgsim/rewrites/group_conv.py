"""Rewrite `group_conv`: a grouped convolution with few channels is a plain one."""

from __future__ import annotations

from dataclasses import replace

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import Array, Rewrite, derived_weight, is_weight, live_ops

# The cube multiplies 64 bytes of input channels at once (BM1684X's IC_PARALLEL), so up to so
# many channels a full filter costs no more than a grouped one, which runs on vectors.
CHANNEL_BYTES = 64
_ELEMENT_BYTES = {"f16": 2, "bf16": 2, "int8": 1}


class GroupConv(Rewrite):
    """conv(x, groups) → conv(x) with a filter that has zeros between the groups."""

    name = "group_conv"
    summary = "grouped convolutions with few channels get a full filter and run on the cube"
    precisions = ("f16", "bf16", "int8")

    def apply(self, graph: Graph) -> int:
        """Rewrite every 2-D grouped convolution whose channels fit one step of the cube."""
        limit = CHANNEL_BYTES // _ELEMENT_BYTES[self.precision]
        count = 0
        for op in live_ops(graph):
            if not isinstance(op.attrs, ops.Conv) or len(op.attrs.kernel) != 2:
                continue
            channels = graph.tensor(op.inputs[0]).shape[1]
            if op.attrs.groups == 1 or channels > limit or not is_weight(graph, op.inputs[1]):
                continue
            _rewrite(graph, op)
            count += 1
        return count


def _rewrite(graph: Graph, op: Op) -> None:
    assert isinstance(op.attrs, ops.Conv)
    groups = op.attrs.groups
    shape = graph.tensor(op.inputs[1]).shape
    full = (shape[0], shape[1] * groups, *shape[2:])

    def spread(value: Array) -> Array:
        import numpy as np

        result: Array = np.zeros(full, value.dtype)
        rows, columns = shape[0] // groups, shape[1]
        for group in range(groups):
            row, column = slice(group * rows, (group + 1) * rows), group * columns
            result[row, column : column + columns] = value[row]
        return result

    weight = derived_weight(graph, f"{op.inputs[1]}/full", full, [op.inputs[1]], spread)
    inputs = [op.inputs[0], weight, *op.inputs[2:]]
    graph.replace_op(op.name, replace(op.attrs, groups=1), inputs)
