"""Sizes of a matrix product, and where its batch elements lie in global memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from lgsim.graph.dtypes import DType
from lgsim.graph.ops import MatMul
from lgsim.kernels.site import OpSite


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product: batch × (m, k) × (k, n), with `heads` products inside a batch element."""

    batch: int
    heads: int
    m: int
    k: int
    n: int
    dtype: DType
    result: DType
    bias: DType | None
    relu: bool

    @property
    def integer(self) -> bool:
        """Whether operands are 8-bit integers, summed in int32."""
        return not self.dtype.is_float

    @property
    def requant(self) -> bool:
        """Whether the sums are brought back to 8 bits by the op itself."""
        return self.integer and self.result.bits <= 8


@lru_cache(maxsize=4096)
def product_of(site: OpSite) -> Product:
    """The sizes of a `MatMul` site."""
    attrs = site.attrs
    assert isinstance(attrs, MatMul)
    batch, m, k, n = attrs.sizes([operand.type for operand in site.inputs])
    count, heads = 1, 1
    for size in batch:
        count *= size
    if attrs.hdim_is_batch:
        count, heads = batch[0], batch[1]
    bias = site.inputs[2].type.dtype if len(site.inputs) > 2 else None
    dtype = site.inputs[0].type.dtype
    return Product(count, heads, m, k, n, dtype, site.outputs[0].dtype, bias, attrs.relu)


def folded(site: OpSite, product: Product) -> Product:
    """The batch as further rows, where the right operand is the same for all of it."""
    attrs = site.attrs
    assert isinstance(attrs, MatMul)
    right = site.inputs[1].type.shape
    shared = all(size == 1 for size in right[:-2])
    if attrs.hdim_is_batch or attrs.left_transpose or not shared:
        return product
    return replace(product, batch=1, m=product.batch * product.m)


@dataclass(frozen=True, slots=True)
class Offsets:
    """First elements of a batch element in its operands and in the result."""

    left: int
    right: int
    result: int


def batch_offsets(site: OpSite, product: Product) -> list[Offsets]:
    """Where every batch element (and head) begins in the operands and the result."""
    attrs = site.attrs
    assert isinstance(attrs, MatMul)
    left, right = site.inputs[0].type.shape, site.inputs[1].type.shape
    if attrs.hdim_is_batch:
        sizes = (left[1] * left[2] * left[3], right[1] * right[2] * right[3])
        columns = (left[3], right[3], product.n)
        return [
            Offsets(
                b * sizes[0] + h * columns[0],
                b * sizes[1] + h * columns[1],
                (b * product.m * product.heads + h) * product.n,
            )
            for b in range(product.batch)
            for h in range(product.heads)
        ]
    if product.batch == 1:
        return [Offsets(0, 0, 0)]
    batch = attrs.sizes([operand.type for operand in site.inputs])[0]
    strides = [
        _batch_strides(left[:-2], batch, product.m * product.k),
        _batch_strides(right[:-2], batch, product.k * product.n),
        _batch_strides(batch, batch, product.m * product.n),
    ]
    result = [Offsets(0, 0, 0)]
    for axis, size in enumerate(batch):
        result = [
            Offsets(
                at.left + i * strides[0][axis],
                at.right + i * strides[1][axis],
                at.result + i * strides[2][axis],
            )
            for at in result
            for i in range(size)
        ]
    return result


def _batch_strides(own: tuple[int, ...], batch: tuple[int, ...], matrix: int) -> list[int]:
    """Elements from one batch index to the next; 0 where the operand is broadcast."""
    missing = len(batch) - len(own)
    return [
        0
        if axis < missing or own[axis - missing] == 1
        else matrix * prod(own[axis - missing + 1 :])
        for axis in range(len(batch))
    ]
