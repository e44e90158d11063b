"""Static types of the graph inputs, after ``--batch`` and ``--shape``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.tensors import onnx_dtype
from lgsim.graph.core import TensorType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Dims = tuple["int | str", ...]


def input_types(
    graph: Any,
    batch: int | None,
    shapes: Mapping[str, Sequence[int]] | None,
    where: str,
) -> dict[str, TensorType]:
    """Types of the real inputs of a GraphProto (initializers listed as inputs are left out).

    Parameters
    ----------
    graph : GraphProto
        The ONNX graph.
    batch : int, optional
        Dimension 0 of every input that `shapes` does not name.
    shapes : mapping of str to sequence of int, optional
        All dimensions of some inputs.
    where : str
        File, for errors.

    Raises
    ------
    LgsimError
        For a dimension that stays dynamic, an unknown input, or numbers that do not fit.
    """
    if batch is not None and batch < 1:
        raise LgsimError(f"batch {batch} is not positive", where=where)
    weights = {tensor.name for tensor in graph.initializer}
    declared = {i.name: i for i in graph.input if i.name not in weights}
    shapes = shapes or {}
    for name in shapes:
        if name not in declared:
            raise LgsimError(
                f"there is no input '{name}'",
                where=where,
                hint=f"the inputs are {', '.join(declared) or 'none'}",
            )
    types: dict[str, TensorType] = {}
    for name, info in declared.items():
        place = f"{where}: input '{name}'"
        if not info.type.HasField("tensor_type"):
            raise LgsimError("it is no tensor", where=place)
        dims = _declared_dims(info, name in shapes, place)
        if name in shapes:
            dims = _overridden(dims, shapes[name], place)
        elif batch is not None and dims:
            dims = (batch, *dims[1:])
        dtype = onnx_dtype(info.type.tensor_type.elem_type, place)
        types[name] = TensorType(_static(name, dims, place), dtype)
    return types


def declared_types(graph: Any) -> dict[str, TensorType] | None:
    """Types of the inputs exactly as declared; None if one is dynamic."""
    try:
        return input_types(graph, None, None, "")
    except LgsimError:
        return None


def _declared_dims(info: Any, optional: bool, place: str) -> Dims | None:
    """Dimensions as declared; a dynamic one by its name, or ``?``."""
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        if optional:
            return None
        raise LgsimError(
            "it has no shape", where=place, hint=f"give --shape {info.name}=1x3x224x224"
        )
    return tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else dim.dim_param or "?"
        for dim in tensor.shape.dim
    )


def _overridden(declared: Dims | None, wanted: Sequence[int], place: str) -> Dims:
    text = "x".join(map(str, wanted))
    if any(dim < 1 for dim in wanted):
        raise LgsimError(f"shape {text} has a dimension that is not positive", where=place)
    if declared is not None and len(declared) != len(wanted):
        raise LgsimError(
            f"shape {text} has {len(wanted)} dimensions",
            where=place,
            limit=f"the model declares {'x'.join(map(str, declared))}",
        )
    return tuple(int(dim) for dim in wanted)


def _static(name: str, dims: Dims | None, place: str) -> tuple[int, ...]:
    assert dims is not None  # a missing shape was refused or overridden
    static = tuple(dim for dim in dims if isinstance(dim, int))
    if len(static) == len(dims):
        return static
    index = next(i for i, dim in enumerate(dims) if not isinstance(dim, int))
    hint = f"give --shape {name}={_example(dims)}"
    if index == 0 and len(static) == len(dims) - 1:
        hint = f"give --batch 1 or --shape {name}={_example(dims)}"
    label = dims[index]
    named = f" ('{label}')" if label != "?" else ""
    raise LgsimError(f"dimension {index} is dynamic{named}", where=place, hint=hint)


def _example(dims: Dims) -> str:
    """A shape to start from: one sample, 224 pixels, 128 tokens."""
    typical = {0: "1"} if len(dims) < 4 else {0: "1", 2: "224", 3: "224"}
    return "x".join(
        str(dim) if isinstance(dim, int) else typical.get(i, "128") for i, dim in enumerate(dims)
    )
