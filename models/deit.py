"""Vision Transformer: ViT (Dosovitskiy et al. 2020), DeiT (Touvron et al. 2020), with iRPE.

The plain networks are those of timm. iRPE (Wu et al. 2021) adds relative position to attention:
as a bias per head, or as tables of `buckets` vectors that meet the query (letter k of `rpe`), the
key (q) or the attention weights (v). All heads of a layer share its tables; positions are put
into buckets by the product of the piecewise index of rows and columns, with one more bucket for
the class token.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from lgsim.errors import LgsimError
from lgsim.graph import Graph, Tensor
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.graph.ops import ScatterElements
from lgsim.graph.transformer import attend, merge_heads, mlp, patch_embed, qkv_heads

TINY: dict[str, object] = {"dim": 192, "heads": 3}
SMALL: dict[str, object] = {"dim": 384, "heads": 6}
BASE: dict[str, object] = {"dim": 768, "heads": 12}
MODELS: dict[str, dict[str, object]] = {
    "deit_tiny": TINY,
    "deit_small": SMALL,
    "deit_base": BASE,
    "vit_b16": BASE,
    # With relative position: those iRPE was published with, and all forms at one size.
    "deit_tiny_rpe_k": {**TINY, "rpe": "k"},
    "deit_small_rpe_bias": {**SMALL, "rpe": "bias"},
    "deit_small_rpe_k": {**SMALL, "rpe": "k"},
    "deit_small_rpe_q": {**SMALL, "rpe": "q"},
    "deit_small_rpe_qk": {**SMALL, "rpe": "qk"},
    "deit_small_rpe_qkv": {**SMALL, "rpe": "qkv"},
    "deit_small_rpe_qkv_bucket": {**SMALL, "rpe": "qkv", "rpe_v": "bucket"},
    "deit_base_rpe_k": {**BASE, "rpe": "k"},
    "deit_base_rpe_qkv": {**BASE, "rpe": "qkv"},
}

Rpe = Literal["none", "bias", "q", "k", "v", "qk", "qv", "kv", "qkv"]

LAYER_NORM_EPS = 1e-6  # timm's choice for Vision Transformers
RATIO = 1.9  # of iRPE's published networks: 7 x 7 buckets, and one for the class token


def build(
    dim: int = 192,
    heads: int = 3,
    depth: int = 12,
    image: int = 224,
    patch: int = 16,
    mlp_ratio: int = 4,
    classes: int = 1000,
    batch: int = 1,
    rpe: Rpe = "none",
    rpe_v: Literal["gather", "bucket"] = "gather",
    class_token: bool = True,
    pool: int = 1,
) -> Graph:
    """Build a Vision Transformer without a distillation token.

    Parameters
    ----------
    dim : int
        Features of a token; divisible by `heads`.
    heads : int
        Attention heads.
    depth : int
        Transformer blocks.
    image, patch : int
        Sides of the square image and of its patches in pixels.
    mlp_ratio : int
        Hidden features of the MLP, in units of `dim`.
    classes : int
        Outputs of the classifier.
    batch : int
        Images per inference.
    rpe : {"none", "bias", "q", "k", "v", "qk", "qv", "kv", "qkv"}
        Relative position encoding.
    rpe_v : {"gather", "bucket"}
        How iRPE meets the values: one vector per pair of tokens, gathered offline, or attention
        weights summed per bucket first.
    class_token : bool
        Classify by a token of its own; otherwise by the mean of all tokens.
    pool : int
        Attention sees the mean of `pool` x `pool` tokens; needs to do without a class token.
    """
    b = GraphBuilder("deit")
    x = patch_embed(b, b.input("input", (batch, 3, image, image)), dim, patch)
    if class_token:
        # One vector, which exporters store repeated for every image of the batch.
        x = b.concat([b.weight("cls_token", (batch, 1, dim), trained=dim), x], axis=1)
    x = b.add(x, b.weight("pos_embed", (1, *x.shape[1:])))
    side = image // patch
    if pool > 1 and (class_token or side % pool):
        raise LgsimError(f"{pool} x {pool} tokens cannot be pooled", limit="no class token")
    encoding = RelativePosition(b, rpe, rpe_v, side // pool, class_token)
    for number in range(depth):
        with b.scope(f"blocks.{number}"):
            x = block(b, x, heads, mlp_ratio, encoding, pool)
    x = b.layer_norm(x, LAYER_NORM_EPS, name="norm")
    x = b.select(x, axis=1, index=0) if class_token else b.reduce(x, "mean", 1)
    b.output(b.linear(x, classes, name="head"))
    return b.build()


def block(
    b: GraphBuilder,
    x: Tensor,
    heads: int,
    mlp_ratio: int = 4,
    encoding: RelativePosition | None = None,
    pool: int = 1,
) -> Tensor:
    """Attention, then an MLP, each behind a LayerNorm and with a residual."""
    with b.scope("attn"):
        y = pooled(b, b.layer_norm(x, LAYER_NORM_EPS, name="norm"), pool)
        y = unpooled(b, attention(b, y, heads, encoding), pool)
    x = b.add(x, y)
    with b.scope("mlp"):
        y = b.layer_norm(x, LAYER_NORM_EPS, name="norm")
        y = mlp(b, y, x.shape[-1] * mlp_ratio)
    return b.add(x, y)


def attention(
    b: GraphBuilder, x: Tensor, heads: int, encoding: RelativePosition | None = None
) -> Tensor:
    """Self-attention of (B, L, dim) with a fused query-key-value projection."""
    q, k, v = qkv_heads(b, x, heads)
    y = attend(b, q, k, v) if encoding is None else encoding.attend(q, k, v)
    return b.linear(merge_heads(b, y), x.shape[-1], name="proj")


class RelativePosition:
    """iRPE for the attention over `side` x `side` tokens, and a class token if there is one.

    Its ops stand in scopes ``rpe_bias``, ``rpe_q``, ``rpe_k`` and ``rpe_v``.
    """

    def __init__(self, b: GraphBuilder, rpe: Rpe, rpe_v: str, side: int, class_token: bool) -> None:
        self.b = b
        self.side, self.class_token = side, class_token
        self.kind: str = rpe
        self.summed = rpe_v == "bucket"
        reach = int(2 * RATIO)
        self.buckets = (2 * reach + 1) ** 2 + class_token
        self.tokens = side * side + class_token
        self._indices: dict[tuple[int, ...], Tensor] = {}

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention of (B, heads, L, d) with the terms of `kind`."""
        b, dim = self.b, q.shape[-1]
        if self.kind in ("none", "bias"):
            return attend(b, q, k, v, self._bias(q.shape[1]) if self.kind == "bias" else None)
        scores = b.matmul(q, b.transpose(k, -2, -1), name="qk")
        if "k" in self.kind:
            scores = b.add(scores, self._looked_up(q, "rpe_k"))
        if "q" in self.kind:
            r = self._looked_up(b.mul(k, dim**-0.5), "rpe_q")
            with b.scope("rpe_q"):
                r = b.transpose(r, -2, -1)
            scores = b.add(scores, r)
        weights = b.softmax(scores)
        y = b.matmul(weights, v, name="av")
        if "v" in self.kind:
            with b.scope("rpe_v"):
                r = self._by_bucket(weights, dim) if self.summed else self._by_pair(weights, dim)
            y = b.add(y, r)
        return y

    def _bias(self, heads: int) -> Tensor:
        """What a compiler sees of a table (heads, buckets): one weight, gathered offline."""
        with self.b.scope("rpe_bias"):
            shape = (1, heads, self.tokens, self.tokens)
            return self.b.weight("table", shape, trained=heads * self.buckets)

    def _looked_up(self, x: Tensor, name: str) -> Tensor:
        """Products of (B, heads, L, d) with all vectors of the table, and those of each pair."""
        b, (batch, heads, length, _) = self.b, x.shape
        with b.scope(name):
            products = b.linear(x, self.buckets, bias=False, name="lookup")
            products = b.reshape(products, (batch, heads, length * self.buckets))
            r = b.gather(products, self._index((length * length,)), axis=2, name="index")
            return b.reshape(r, (batch, heads, length, length))

    def _by_pair(self, weights: Tensor, dim: int) -> Tensor:
        """Attention weights times one vector per pair of tokens: a constant (L, L, d)."""
        b, length = self.b, self.tokens
        table = b.weight("table", (length, length, dim), trained=self.buckets * dim)
        rows = b.permute(weights, (1, 2, 0, 3))
        return b.permute(b.matmul(rows, table, name="pairs"), (2, 0, 1, 3))

    def _by_bucket(self, weights: Tensor, dim: int) -> Tensor:
        """Attention weights summed per bucket, times the table."""
        b, (batch, heads, length, _) = self.b, weights.shape
        shape = (batch, heads, length, self.buckets)
        zeros = b.weight("zeros", shape, data=np.broadcast_to(0.0, shape), trained=0)
        index = self._index((batch, heads, length, length))
        sums = b.op(ScatterElements(3, "add"), zeros, index, weights, name="sums")
        return b.linear(sums, dim, bias=False, name="buckets")

    def _index(self, shape: tuple[int, ...]) -> Tensor:
        """Bucket of each pair of tokens; a flat one counts through the products of all tokens.

        Every layer reads the same constant, as exporters store it once.
        """
        if shape not in self._indices:
            data = bucket_table(self.side, self.class_token)
            if len(shape) == 1:
                data = (data + self.buckets * np.arange(self.tokens)[:, None]).ravel()
            data = np.broadcast_to(data, shape)
            name = f"index_{len(shape)}d"
            self._indices[shape] = self.b.weight(name, shape, DType.I32, data, trained=0)
        return self._indices[shape]


def bucket_table(side: int, class_token: bool) -> np.ndarray[Any, Any]:
    """Bucket of every pair of tokens, (L, L) integers; a class token comes first."""
    reach = int(2 * RATIO)
    rows, columns = (axis.ravel() for axis in np.indices((side, side)))
    across = 2 * reach + 1
    pairs = piecewise(rows, reach) * across + piecewise(columns, reach)
    table: np.ndarray[Any, Any] = pairs
    if class_token:
        table = np.pad(pairs, ((1, 0), (1, 0)), constant_values=across**2)
    return table


def piecewise(positions: np.ndarray[Any, Any], reach: int) -> np.ndarray[Any, Any]:
    """Index of all distances along one axis, 0 … 2 · reach: exact when near, then by logarithm."""
    distance = positions[:, None] - positions[None, :]
    near, middle, far = RATIO, 2 * RATIO, 8 * RATIO
    size = np.maximum(np.abs(distance), 1)
    scaled = near + np.log(size / near) / np.log(far / near) * (middle - near)
    steps = np.where(size <= near, np.abs(distance), np.minimum(middle, scaled.round()))
    index: np.ndarray[Any, Any] = np.sign(distance) * steps.astype(int) + reach
    return index


def pooled(b: GraphBuilder, x: Tensor, pool: int) -> Tensor:
    """Means of `pool` x `pool` neighbouring tokens of a square image."""
    return x if pool == 1 else to_tokens(b, b.avg_pool(to_image(b, x), pool))


def unpooled(b: GraphBuilder, x: Tensor, pool: int) -> Tensor:
    """Each token `pool` x `pool` times."""
    return x if pool == 1 else to_tokens(b, b.upsample(to_image(b, x), pool))


def to_image(b: GraphBuilder, x: Tensor) -> Tensor:
    """Tokens (B, side², C) as an image (B, C, side, side)."""
    batch, length, dim = x.shape
    side = round(length**0.5)
    return b.reshape(b.transpose(x, 1, 2), (batch, dim, side, side))


def to_tokens(b: GraphBuilder, x: Tensor) -> Tensor:
    """An image (B, C, H, W) as tokens (B, H · W, C)."""
    return b.transpose(b.flatten(x, 2), 1, 2)
