"""Rewrite `attention_fuse`: attention with separate projections becomes one op per head."""

from __future__ import annotations

from dataclasses import dataclass

from lgsim.graph import ops
from lgsim.graph.core import Graph, Op
from lgsim.rewrites.base import (
    Array,
    Rewrite,
    append,
    derived_weight,
    is_weight,
    live_ops,
    replace_result,
    sole_consumer,
)


@dataclass(frozen=True, slots=True)
class _Projection:
    """Linear layer (C → heads · dim) of x, reshaped to (B, M, heads, dim), permuted, scaled."""

    matmul: Op
    heads: int
    dim: int
    scale: float


@dataclass(frozen=True, slots=True)
class _Match:
    queries: _Projection
    keys: _Projection
    values: _Projection
    output: Op
    scale: float
    mask: str | None


class AttentionFuse(Rewrite):
    """softmax(scale · q·kᵀ + mask)·v with linear layers around it → Σ over heads of Attention.

    Each head keeps its scores in local memory; the sum over the heads is the output projection,
    whose bias the first head adds. Only attention whose queries, keys and values come from
    linear layers of their own is fused, as a mask or scale of another form has no such op: each
    image has one row of the mask, which all queries share.
    """

    name = "attention_fuse"
    summary = "attention with separate q, k, v projections becomes one fused op per head"

    def apply(self, graph: Graph) -> int:
        """Fuse every such attention."""
        count = 0
        for op in live_ops(graph):
            match = _match(graph, op)
            if match is None:
                continue
            _rewrite(graph, match)
            count += 1
        if count:
            graph.sort()
        return count


def _producer(graph: Graph, tensor: str, kind: type[ops.OpKind]) -> Op | None:
    """The op of a kind that computes `tensor` for one reader."""
    op = graph.producer(tensor)
    alone = sole_consumer(graph, tensor) is not None
    return op if op is not None and isinstance(op.attrs, kind) and alone else None


def _is_linear(graph: Graph, op: Op | None) -> bool:
    if op is None or op.attrs != ops.MatMul():
        return False
    weights = all(is_weight(graph, tensor) for tensor in op.inputs[1:])
    return weights and len(graph.tensor(op.inputs[1]).shape) == 2


def _projection(graph: Graph, tensor: str, order: tuple[int, ...]) -> _Projection | None:
    before, tensor = _unscaled(graph, tensor)
    permute = _producer(graph, tensor, ops.Permute)
    if permute is None or permute.attrs != ops.Permute(order):
        return None
    between, tensor = _unscaled(graph, permute.inputs[0])
    reshape = _producer(graph, tensor, ops.Reshape)
    if reshape is None:
        return None
    first, tensor = _unscaled(graph, reshape.inputs[0])
    matmul = _producer(graph, tensor, ops.MatMul)
    shape = graph.tensor(reshape.outputs[0]).shape
    if matmul is None or not _is_linear(graph, matmul) or len(shape) != 4:
        return None
    if graph.tensor(matmul.outputs[0]).shape[:2] != shape[:2]:
        return None
    return _Projection(matmul, shape[2], shape[3], before * between * first)


def _unscaled(graph: Graph, tensor: str) -> tuple[float, str]:
    """(factor, x) if a tensor is a number times x, else (1, tensor)."""
    factor = _producer(graph, tensor, ops.MulConst)
    if factor is None or not isinstance(factor.attrs, ops.MulConst) or factor.attrs.relu:
        return 1.0, tensor
    return factor.attrs.value, factor.inputs[0]


def _match(graph: Graph, output: Op) -> _Match | None:
    if not _is_linear(graph, output) or len(graph.tensor(output.inputs[0]).shape) != 3:
        return None
    reshape = _producer(graph, output.inputs[0], ops.Reshape)
    permute = _producer(graph, reshape.inputs[0], ops.Permute) if reshape else None
    if permute is None or permute.attrs != ops.Permute((0, 2, 1, 3)):
        return None
    rows = graph.tensor(permute.outputs[0]).shape[:2]
    if graph.tensor(output.inputs[0]).shape[:2] != rows:
        return None
    context = _producer(graph, permute.inputs[0], ops.MatMul)
    if context is None or context.attrs != ops.MatMul():
        return None
    softmax = _producer(graph, context.inputs[0], ops.Softmax)
    values = _projection(graph, context.inputs[1], (0, 2, 1, 3))
    if softmax is None or softmax.attrs != ops.Softmax(3) or values is None:
        return None
    if values.scale != 1.0:
        return None
    return _scores(graph, softmax.inputs[0], values, output)


def _scores(graph: Graph, tensor: str, values: _Projection, output: Op) -> _Match | None:
    """Match mask, scale and the product of queries and keys, from the softmax backwards."""
    mask: str | None = None
    add = _producer(graph, tensor, ops.Add)
    if add is not None:
        if add.attrs != ops.Add():
            return None
        shapes = [graph.tensor(operand).shape for operand in add.inputs]
        position = 1 if shapes[0] == graph.tensor(tensor).shape else 0
        tensor, mask = add.inputs[1 - position], add.inputs[position]
        if len(shapes[position]) != 4 or shapes[position][1:3] != (1, 1):
            return None
    scale, tensor = _unscaled(graph, tensor)
    product = _producer(graph, tensor, ops.MatMul)
    if product is None or product.attrs != ops.MatMul():
        return None
    queries = _projection(graph, product.inputs[0], (0, 2, 1, 3))
    keys = _projection(graph, product.inputs[1], (0, 2, 3, 1))
    if queries is None or keys is None:
        return None
    same = queries.heads == keys.heads == values.heads and queries.dim == keys.dim == values.dim
    scale *= queries.scale * keys.scale
    return _Match(queries, keys, values, output, scale, mask) if same else None


def _rewrite(graph: Graph, match: _Match) -> None:
    projections = (match.queries, match.keys, match.values)
    sources = [projection.matmul.inputs[0] for projection in projections]
    if len(set(sources)) == 1:
        sources = sources[:1]
    elif sources[1] == sources[2]:
        sources = sources[:2]
    total = ""
    for head in range(match.queries.heads):
        inputs = list(sources)
        biases = []
        for projection in projections:
            inputs += [
                _columns(graph, tensor, projection.dim, head)
                for tensor in projection.matmul.inputs[1:]
            ]
            biases.append(len(projection.matmul.inputs) == 3)
        inputs.append(_rows(graph, match.output.inputs[1], match.values.dim, head))
        biases.append(head == 0 and len(match.output.inputs) == 3)
        if biases[3]:
            inputs.append(_row_vector(graph, match.output.inputs[2]))
        if match.mask is not None:
            inputs.append(match.mask)
        attrs = ops.Attention(
            1,
            match.queries.dim,
            match.scale,
            (biases[0], biases[1], biases[2], biases[3]),
            match.mask is not None,
            len(sources),
        )
        result = append(graph, attrs, inputs, f"{match.output.name}/head{head}")
        total = result if head == 0 else append(graph, ops.Add(), [total, result], f"{result}/sum")
    replace_result(graph, match.output, total)


def _columns(graph: Graph, tensor: str, dim: int, head: int) -> str:
    """The columns of a head: (C, heads · dim) → (C, dim), a bias → (1, 1, dim)."""
    shape = graph.tensor(tensor).shape
    target = (shape[0], dim) if len(shape) == 2 else (1, 1, dim)

    def cut(value: Array) -> Array:
        return value[..., head * dim : (head + 1) * dim]

    return derived_weight(graph, f"{tensor}/head{head}", target, [tensor], cut)


def _rows(graph: Graph, tensor: str, dim: int, head: int) -> str:
    """The rows of a head: (heads · dim, C) → (1, dim, C)."""
    shape = (1, dim, graph.tensor(tensor).shape[1])

    def cut(value: Array) -> Array:
        return value[head * dim : (head + 1) * dim]

    return derived_weight(graph, f"{tensor}/head{head}", shape, [tensor], cut)


def _row_vector(graph: Graph, tensor: str) -> str:
    """A bias (C,) as (1, 1, C)."""
    shape = (1, 1, graph.tensor(tensor).shape[-1])
    return derived_weight(graph, f"{tensor}/row", shape, [tensor], lambda value: value)
