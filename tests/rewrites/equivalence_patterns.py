"""The patterns of the rewrites in many spellings, near misses among them.

A pattern takes a builder and a function that picks one of its arguments; the first one is always
the plain form, the others depart from it. It returns the outputs of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lgsim.graph import ops
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Tensor

Pick = Callable[..., Any]
Pattern = Callable[[GraphBuilder, Pick], list[Tensor]]

# Orders of four dimensions: the swap of heads and tokens first.
ORDERS = (
    (0, 2, 1, 3), (0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2), (0, 1, 2, 3), (1, 0, 2, 3),
    (2, 0, 1, 3), (3, 0, 1, 2),
)  # fmt: skip


def window_attention(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """One projection for queries, keys and values, as in Swin and ViT."""
    windows, tokens, heads, dim = pick(4, 2, 1), pick(5, 3, 1), pick(3, 2, 1), pick(2, 3, 1)
    x = b.input("x", (windows, tokens, 6))
    y = b.linear(x, 3 * heads * dim, bias=pick(True, False), name="qkv")
    sizes = {"p": 3, "w": windows, "t": tokens, "h": heads, "d": dim}
    inner = pick("wtphd", "wthpd", "wthdp")  # windows, tokens, parts, heads, dim
    y = b.reshape(y, [sizes[axis] for axis in inner])
    shared = pick([], [y])
    outer = pick("pwhtd", "wtphd", "pwthd", "wphtd", "hpwtd")
    y = b.permute(y, [inner.index(axis) for axis in outer])
    indices = pick((0, 1, 2), (2, 1, 0), (0, 1, 1))
    cut = pick(b.select, renamed(b, 4), renamed(b, 3))
    parts = [cut(y, outer.index("p"), index) for index in indices]
    rest = [axis for axis in outer if axis != "p"]
    swaps = [[rest.index(axis) for axis in "whtd"]] * 3
    q, k, v = (p if o == [0, 1, 2, 3] else b.permute(p, o) for p, o in zip(parts, swaps))  # noqa: B905
    q = scaled(b, pick, q)
    k = pick(lambda: k, lambda: b.add(k, 0.25), lambda: b.relu(k))()
    scores = masked(b, pick, b.matmul(q, b.transpose(k, -2, -1)))
    y = b.matmul(b.softmax(scores, axis=pick(-1, -2, 1)), v)
    also = pick([], [scores], [q], [parts[2]])
    y = b.permute(y, pick((0, 2, 1, 3), (0, 1, 2, 3), (2, 0, 1, 3)))
    y = b.linear(b.reshape(y, (windows, tokens, -1)), 6, name="proj")
    return [b.add(x, y), *shared, *also]


def renamed(b: GraphBuilder, rank: int) -> Callable[[Tensor, int, int], Tensor]:
    """A slice whose axis is dropped by a reshape, maybe to fewer dimensions at first."""

    def cut(y: Tensor, axis: int, index: int) -> Tensor:
        part = b.slice(y, axis, index, index + 1)
        shape = (*part.shape[:axis], *part.shape[axis + 1 :])
        return b.reshape(b.relu(b.reshape(part, (*shape[: rank - 1], -1))), shape)

    return cut


def sliced_projection(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """A projection that is reshaped and cut up, in the middle of its rows or columns."""
    x = b.input("x", (2, 3, 4))
    attrs = ops.MatMul(left_transpose=pick(False, True), relu=pick(False, True))
    bias = pick([], [b.weight("bias", (12,))])
    y = b.op(attrs, x, b.weight("weight", (3 if attrs.left_transpose else 4, 12)), *bias)
    rows = y.shape[1]
    shapes = ((2, rows, 3, 4), (rows, 2, 3, 4), (2 * rows, 3, 4), (2, rows, 4, 3), (2, rows, 2, 6),
              (2, rows, 3, 2, 2), (rows, 3, 4, 2), (2, 3 * rows, 4))  # fmt: skip
    y = b.reshape(y, pick(*shapes))
    axis = pick(2, 0, 1, len(y.shape) - 1)
    cut = pick(b.select, renamed(b, len(y.shape) - 1), renamed(b, 2))
    parts = [cut(y, axis, i) for i in range(y.shape[axis])]
    return parts[: pick(12, 1)] if pick(True, False) else [b.concat(parts[::-1], 0)]


def scaled(b: GraphBuilder, pick: Pick, x: Tensor) -> Tensor:
    """A number times x, or what looks like it."""
    spell = pick(
        lambda: b.mul(x, 0.5),
        lambda: x,
        lambda: b.op(ops.SubConst(0.5, reverse=True), x),
        lambda: b.op(ops.MulConst(-0.5, relu=True), x),
        lambda: b.mul(x, b.weight("scale", x.shape[-1:])),
    )
    return spell()


def masked(b: GraphBuilder, pick: Pick, scores: Tensor) -> Tensor:
    """Position bias, then the mask of shifted windows: weights and inputs of several shapes."""
    windows, heads, rows, columns = scores.shape
    for number in range(pick(2, 1, 0, 3)):
        shape = [pick(1, windows), pick(heads, 1), rows, pick(columns, 1)][pick(0, 1, 2) :]
        bias = pick(b.weight, b.input)(f"bias{number}", shape)
        pair = pick((scores, bias), (bias, scores))
        scores = b.op(ops.Add(relu=pick(False, True)), *pair)
        if number == 0:
            scores = pick(lambda x: x, lambda x: masked_windows(b, pick, x))(scores)
    return scores


def masked_windows(b: GraphBuilder, pick: Pick, scores: Tensor) -> Tensor:
    """The mask of shifted windows, added in five dimensions; maybe of several images."""
    windows, heads, rows, columns = scores.shape
    images = pick(1, windows)
    mask = b.weight("mask", (1, windows // images, pick(1, heads), rows, columns))
    seen = b.reshape(scores, (images, windows // images, heads, rows, columns))
    return b.reshape(b.add(seen, mask), scores.shape)


def separate_attention(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Three projections, as in BERT and in cross attention."""
    batch, tokens, heads, dim = pick(2, 1), pick(5, 3, 1), pick(3, 2, 1), pick(2, 3)
    x = b.input("x", (batch, tokens, 4))
    length = pick(tokens, 4)
    keys = pick(lambda: x, lambda: b.input("keys", (batch, length, 4)))()
    values = pick(lambda: keys, lambda: b.input("values", (batch, keys.shape[1], 4)))()
    width = pick(dim, dim + 1)  # of the values, which may differ
    shared = pick(heads, 1)  # heads of keys and values
    q, k, v = (
        b.reshape(
            b.linear(y, count * size, bias=pick(True, False), name=name),
            (batch, y.shape[1], count, size),
        )
        for y, name, count, size in (
            (x, "q", heads, dim),
            (keys, "k", shared, dim),
            (values, "v", shared, width),
        )
    )
    q, v = b.permute(q, (0, 2, 1, 3)), b.permute(v, (0, 2, 1, 3))
    k = pick(
        lambda: b.permute(k, (0, 2, 3, 1)),
        lambda: b.transpose(b.permute(k, (0, 2, 1, 3)), -2, -1),
    )()
    scores = b.matmul(pick(lambda: q, lambda: b.mul(q, 0.5))(), k)
    scores = pick(
        lambda: b.mul(scores, 0.5), lambda: scores, lambda: b.mul(b.mul(scores, 2.0), 3)
    )()
    scores = query_mask(b, pick, scores)
    probabilities = b.softmax(scores, axis=pick(-1, 2, 1))
    y = b.permute(b.matmul(probabilities, v), pick((0, 2, 1, 3), (0, 1, 2, 3)))
    y = b.reshape(y, pick((batch, tokens, -1), (1, batch * tokens, -1)))
    y = b.linear(y, 4, bias=pick(True, False), name="out")
    return [y, *pick([], [probabilities], [v])]


def query_mask(b: GraphBuilder, pick: Pick, scores: Tensor) -> Tensor:
    """A mask of keys, or of queries and keys, or of heads; an input or a weight, or none."""
    batch, heads, rows, columns = scores.shape
    shapes = ((batch, 1, 1, columns), (batch, 1, rows, columns), (1, heads, rows, columns),
              (rows, columns), (heads, rows, 1), (batch, 1, rows, 1), scores.shape, ())  # fmt: skip
    shape = pick(*shapes)
    if not shape:
        return scores
    mask = pick(b.input, b.weight)("mask", shape)
    scores = b.op(ops.Add(relu=pick(False, True)), *pick((scores, mask), (mask, scores)))
    return pick(lambda: scores, lambda: b.mul(scores, 2.0))()


def rolls(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Slices of an image put together the other way round, or almost."""
    x = b.input("x", (1, 4, pick(3, 4), 2))
    for axis in (pick(1, 3), pick(2, 3)):
        size = x.shape[axis]
        if size < 2:
            continue
        cut = pick(1, size - 1)
        tail = b.slice(x, axis, pick(cut, cut - 1), pick(size, cut + 1))
        other = pick(lambda x=x: x, lambda x=x: b.relu(x))()
        head = b.slice(other, axis, pick(0, 1 if cut > 1 else 0), cut)
        tail = b.slice(tail, axis, pick(0, 1) if tail.shape[axis] > 1 else 0)
        across = axis if tail.shape != head.shape else pick(axis, 0)
        x = b.concat(pick([tail, head], [head, tail]), across)
    return [x]


def patch_merging(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Strided slices put side by side in the channels, in any order and number."""
    height, width = pick((4, 6), (2, 6), (4, 5), (3, 3))
    x = b.input("x", (pick(2, 1), height, width, 3))
    phases = [(i, j) for j in range(2) for i in range(2)]
    orders = ([0, 1, 2, 3], [0, 2, 1, 3], [3, 1, 2, 0], [0, 0, 2, 3], [0, 1])
    step = pick(2, 3)
    less = pick(0, 1) if height > 3 else 0
    parts: list[Tensor] = []
    for number in pick(*orders):
        i, j = phases[number]
        part = b.slice(b.slice(x, 1, i, step=2), 2, j, step=step)
        skipped = 0 if parts else pick(0, 1) if height > 3 else 0
        part = b.slice(part, 1, skipped, height // 2 - less + skipped)
        parts.append(b.slice(part, 2, 0, width // step))
    y = b.concat(parts if len({part.shape for part in parts}) == 1 else parts[:1], pick(3, 0))
    return [b.layer_norm(y)]


def mlp(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Norm, matmul, activation, matmul; odd, narrow and shared ones too."""
    x = b.input("x", (pick(1, 2), 3, 4))
    y = pick(b.layer_norm, b.relu)(x)
    z = b.linear(y, pick(8, 7, 4, 6), bias=pick(True, False), name="fc1")
    active = pick(b.gelu, b.relu, b.softmax)(z)
    out = b.linear(active, pick(4, 8), bias=pick(True, False), name="fc2")
    out = b.slice(out, 2, 0, 4)
    return [b.add(pick(x, y), out), *pick([], [z], [active])]


def convolutions(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Convolutions followed by scales, ReLUs and means; grouped ones too."""
    x = b.input("x", (pick(1, 2), 4, 4, 5))
    conv = b.conv(x, 8, kernel=pick(3, 1), pad=pick(0, 1), groups=pick(1, 2, 4), bias=pick(1, 0))
    y = pick(lambda: conv, lambda: b.relu(conv), lambda: b.relu(conv, 1.0))()
    y = pick(lambda: y, lambda: b.reshape(y, (y.shape[0], 8, -1)))()
    z = pick(
        lambda: b.mul(y, -0.5),
        lambda: b.op(ops.MulConst(-0.5, relu=True), y),
        lambda: b.mul(b.mul(y, 0.5), 3.0),
        lambda: y,
    )()
    z = b.reshape(z, conv.shape)
    for limit in pick((), (-1.0,), (1.0,), (1.0, -1.0), (1.0, 2.0), (2.0, 1.0)):
        z = b.relu(z, limit)
    axes = pick((2, 3), (1, 2), (2,), (0, 1, 2, 3))
    mean = b.reduce(z, pick("mean", "max", "sum"), axes, keepdims=pick(True, False))
    return [mean, *pick([], [y], [z])]


def patches(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """A convolution with a large stride."""
    height, width = pick((16, 18), (16, 16), (17, 3))
    x = b.input("x", (pick(1, 2), 2, 2 * height, width + pick(0, 1)))
    stride = pick((height, width), (height, 8), (15, 16))
    pads = pick(0, (0, 1, 0, 0))
    groups, bias, dilation = pick(1, 2), pick(True, False), pick(1, (2, 1))
    x = b.pad(x, (0, 0, 0, 0, 0, 0, height if dilation != 1 else 0, 0))
    y = b.conv(x, 4, (height, width), stride, pads, dilation, groups, bias)
    z = pick(lambda: y, lambda: b.relu(y), lambda: b.relu(y, 1.0))()
    return [z, *pick([], [y])]


def permuted_operands(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """A product of permuted operands, weights among them, and what may follow it."""
    shape = pick((2, 3, 3, 3), (2, 2, 2, 2))
    x = b.input("x", shape)
    left = b.permute(x, pick(*ORDERS))
    left = pick(lambda: left, lambda: b.add(b.mul(left, 0.5), 1.0))()
    right = pick(
        lambda: b.permute(b.relu(x), pick(*ORDERS)),
        lambda: b.weight("w", left.shape),
        lambda: b.permute(b.weight("w", left.shape), ORDERS[0]),
        lambda: b.weight("w", left.shape[:2]),
        lambda: b.weight("w", (left.shape[3], 4)),
        lambda: b.permute(b.input("one", (1, *shape[1:])), ORDERS[0]),
    )()
    left, right = pick((left, right), (right, left))
    attrs = ops.MatMul(pick(False, True), pick(False, True), relu=pick(False, True))
    if not multiplies(attrs, left, right):
        left = left if len(left.shape) == 4 else right
        right = b.permute(b.relu(left), (0, 1, 3, 2))
        attrs = ops.MatMul()
    y = b.op(attrs, left, right)
    y = masked(b, pick, scaled(b, pick, y))
    y = pick(b.softmax, b.relu, lambda y: b.softmax(y, axis=1))(y)
    for _ in range(pick(1, 2, 0)):
        y = b.permute(y, pick(*ORDERS))
    return [y, *pick([], [left], [y])]


def multiplies(attrs: ops.MatMul, left: Tensor, right: Tensor) -> bool:
    """Whether two operands have the same inner size, and a result of four dimensions."""
    inner = left.shape[-2 if attrs.left_transpose else -1]
    same = inner == right.shape[-1 if attrs.right_transpose else -2]
    batches = zip(left.shape[:-2], right.shape[:-2], strict=False)
    return same and len(left.shape) == 4 and all(m == n or 1 in (m, n) for m, n in batches)


def permute_chain(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """A permute in front of sums and a softmax, with a product or another permute behind."""
    y = b.permute(b.input("x", (2, 3, 4, 5)), pick((0, 2, 3, 1), *ORDERS))
    shared = pick([], [y])
    y = masked(b, pick, scaled(b, pick, y))
    y = pick(lambda: y, lambda: b.softmax(y), lambda: b.softmax(y, axis=1))()
    y = pick(
        lambda: b.permute(y, pick(*ORDERS)),
        lambda: b.matmul(y, b.weight("right", (*y.shape[:2], y.shape[3], 2))),
        lambda: b.add(y, b.weight("spread", (3, 1, 1, 1, 1))),
        lambda: b.add(y, y),
    )()
    return [y, *shared]


def five_dimensions(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """A permute that takes two moves, or departs from that."""
    x = b.input("x", pick((2, 3, 4, 5, 6), (2, 3, 1, 5, 6)))
    y = b.permute(x, pick((2, 0, 3, 1, 4), (1, 3, 0, 2, 4), (3, 2, 1, 0, 4), (2, 0, 4, 1, 3)))
    shared = pick([], [y])
    return [pick(b.relu, lambda y: b.permute(y, (1, 0, 3, 2, 4)))(y), *shared]


def channel_shuffle(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Channels seen as groups and exchanged, or almost."""
    x = b.input("x", (pick(2, 1), 6, *pick((4, 3), (6,), ())))
    rest = x.shape[2:]
    split = pick((x.shape[0], 2, 3, *rest), (x.shape[0], 3, 2, *rest), (1, 2, -1, *rest),
                 (x.shape[0], 6, 1, *rest), (-1, 3, 2, *rest[1:]))  # fmt: skip
    y = b.reshape(x, split)
    z = b.permute(y, (*pick((0, 2, 1), (1, 2, 0), (2, 0, 1)), *range(3, len(y.shape))))
    shape = pick(x.shape, x.shape[::-1], (x.shape[0], -1))
    return [b.relu(b.reshape(z, shape)), *pick([], [y], [z])]


def renamings(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Reshapes, squeezes and permutes of axes of size 1 one after the other."""
    x = b.input("x", (1, 2, 1, 3))
    shapes = ((2, 1, 3, 1), (1, 2, 1, 3), (1, 1, 2, 3), (6,), (1, 6), (2, 3))
    also = []
    for _ in range(pick(3, 4)):
        order = range(len(x.shape))
        steps = [
            lambda y: b.reshape(y, pick(*shapes)),
            b.relu,
            lambda y, order=order: b.permute(y, pick(order, order[::-1])),
        ]
        if x.shape[0] == 1 and len(x.shape) > 1:
            steps.append(lambda y: b.squeeze(y, 0))
        if len(x.shape) < 5:
            steps.append(lambda y: b.unsqueeze(y, pick(0, -1)))
        x = pick(*steps)(x)
        also += pick([], [x])
    return [x, *also]


def sequence_first(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Rows (tokens, batch, features) through ops on rows and elements, reshaped now and then."""
    tokens, batch = pick(5, 2, 1), pick(1, 2)
    shape = pick((tokens, batch, 6), (tokens * batch, 6), (batch, tokens, 6))
    x = b.reshape(b.input("x", (batch, tokens, 6)), shape)
    y = b.linear(x, 6, bias=pick(True, False))
    also = pick([], [y])
    y = pick(b.relu, lambda y: b.mul(y, 0.5), lambda y: b.softmax(y, axis=pick(-1, 0)))(y)
    form = pick(None, shape, (6,), (*shape[:-1], 1))
    other = b.weight("other", form) if form else x
    y = b.layer_norm(b.add(y, other)) if pick(True, False) else b.add(other, y)
    y = b.slice(y, pick(-1, 0), 0, pick(2, 1))
    y = pick(lambda y: y, lambda y: b.unsqueeze(y, 0), lambda y: b.reshape(y, (-1, 1)))(y)
    return [y, *also]


def unit_axes(b: GraphBuilder, pick: Pick) -> list[Tensor]:
    """Permutes that move axes of size 1 along, with reshapes around them."""
    shape = pick((1, 3, 1, 2, 4), (3, 1, 2, 1), (1, 2, 3), (2, 3, 4, 2))
    x = b.reshape(b.input("x", shape), shape)
    orders = [(3, 1, 2, 0, 4), (2, 0, 3, 1, 4), (1, 3, 0, 2, 4), (4, 0, 1, 2, 3)]
    order = tuple(axis for axis in pick(*orders) if axis < len(shape))
    y = b.permute(x, order)
    units = [size for size in y.shape if size > 1]
    seen = pick(
        (*units[:1], 1, *units[1:]), tuple(units), (1, *units), (-1, y.shape[-1]), (1, -1, 1)
    )
    return [b.relu(b.reshape(y, seen)), *pick([], [y])]


PATTERNS: dict[str, Pattern] = {
    pattern.__name__: pattern
    for pattern in (
        window_attention,
        sliced_projection,
        separate_attention,
        rolls,
        patch_merging,
        mlp,
        convolutions,
        patches,
        permuted_operands,
        permute_chain,
        five_dimensions,
        channel_shuffle,
        renamings,
        sequence_first,
        unit_axes,
    )
}
