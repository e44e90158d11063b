"""Arithmetic that several shape rules share: operand counts, axes, broadcasting, windows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lgsim.graph.dtypes import DType
from lgsim.graph.ops.base import refuse
from lgsim.graph.tensor_type import Shape, TensorType


def shape_text(shape: Sequence[int]) -> str:
    """A shape as people write it: ``1x3x224x224``, or ``scalar``."""
    return "x".join(str(size) for size in shape) or "scalar"


def result(shape: Sequence[int], dtype: DType) -> tuple[TensorType]:
    """The type of an only output; refuses shapes with an empty dimension."""
    if any(size < 1 for size in shape):
        raise refuse(f"the result {shape_text(shape)} would be empty")
    return (TensorType(tuple(shape), dtype),)


def check_operands(inputs: Sequence[TensorType], least: int, most: int | None = None) -> None:
    """Refuse fewer than `least` or more than `most` (default: `least`) operands."""
    most = least if most is None else most
    if not least <= len(inputs) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise refuse(f"{len(inputs)} operand(s) given", limit=f"takes {wanted}")


def check_axis(axis: int, rank: int) -> None:
    """Refuse an axis that does not exist; axes count from the front."""
    if not 0 <= axis < rank:
        raise refuse(f"there is no axis {axis}", limit=f"axes of rank {rank} are 0 to {rank - 1}")


def check_axes(axes: Sequence[int], rank: int) -> None:
    """Refuse axes that do not exist or stand twice."""
    for axis in axes:
        check_axis(axis, rank)
    if len(set(axes)) != len(axes):
        raise refuse(f"axes {tuple(axes)} name one axis twice")


def check_choice(what: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse a word that is not one of `allowed`."""
    if value not in allowed:
        raise refuse(f"{what} '{value}' is not known", limit="one of " + ", ".join(allowed))


def check_rank(x: TensorType, least: int, most: int | None = None) -> None:
    """Refuse a tensor whose rank is not within `least` to `most` (default: any above)."""
    rank = len(x.shape)
    if rank < least or (most is not None and rank > most):
        limit = f"rank {least}" if least == most else f"rank {least} to {most or 'any'}"
        raise refuse(f"operand {shape_text(x.shape)} has rank {rank}", limit=limit)


def check_shape(what: str, x: TensorType, shape: Shape) -> None:
    """Refuse an operand whose shape is not exactly `shape`."""
    if x.shape != shape:
        raise refuse(f"{what} is {shape_text(x.shape)}, not {shape_text(shape)}")


def check_per_dimension(what: str, values: Sequence[int], count: int, least: int) -> None:
    """Refuse an attribute that has not `count` numbers of at least `least`."""
    if len(values) != count:
        raise refuse(f"{what} {tuple(values)} has {len(values)} number(s)", limit=f"takes {count}")
    if any(value < least for value in values):
        raise refuse(f"{what} {tuple(values)} is out of range", limit=f"at least {least}")


def check_integer(what: str, x: TensorType) -> None:
    """Refuse an index operand of a floating-point or boolean type."""
    if x.dtype.is_float or x.dtype is DType.BOOL:
        raise refuse(f"{what} are {x.dtype.value}", limit="integers")


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """Shape that all `shapes` broadcast to by NumPy's rule.

    Raises
    ------
    LgsimError
        If two sizes of a dimension differ and neither is 1.
    """
    if len(set(shapes)) == 1:  # by far the most frequent case
        return shapes[0]
    rank = max((len(shape) for shape in shapes), default=0)
    joint: list[int] = []
    for distance in range(rank, 0, -1):
        sizes = {shape[-distance] for shape in shapes if len(shape) >= distance} - {1}
        if len(sizes) > 1:
            raise refuse("shapes " + ", ".join(map(shape_text, shapes)) + " do not broadcast")
        joint.append(sizes.pop() if sizes else 1)
    return tuple(joint)


def check_window(
    kernel: Shape, strides: Shape, pads: Shape, dilations: Shape, spatial_rank: int
) -> None:
    """Refuse window attributes that do not fit `spatial_rank` dimensions."""
    if not 1 <= len(kernel) <= 3:
        raise refuse(f"kernel {kernel} is not 1-D to 3-D")
    check_per_dimension("kernel", kernel, spatial_rank, 1)
    check_per_dimension("strides", strides, spatial_rank, 1)
    check_per_dimension("dilations", dilations, spatial_rank, 1)
    check_per_dimension("pads", pads, 2 * spatial_rank, 0)


def windows(x: Shape, kernel: Shape, strides: Shape, pads: Shape, dilations: Shape) -> Shape:
    """Window positions per spatial dimension of `x` (N, C, *spatial).

    Each is (size + pads − dilation·(kernel − 1) − 1) // stride + 1.
    """
    rank = len(kernel)
    spans = [
        x[2 + i] + pads[i] + pads[rank + i] - dilations[i] * (kernel[i] - 1) - 1
        for i in range(rank)
    ]
    if min(spans) < 0:
        raise refuse(f"kernel {kernel} is larger than the padded input {shape_text(x)}")
    return tuple(span // stride + 1 for span, stride in zip(spans, strides, strict=True))


def matches_elements(shape: Sequence[int], x: TensorType) -> bool:
    """Whether `shape` holds exactly the elements of `x`."""
    return prod(shape) == x.elements
