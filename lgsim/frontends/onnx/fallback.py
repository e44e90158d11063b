"""Ops the catalogue does not know: they become `Unknown`, with shapes from wherever possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.node import STANDARD_DOMAINS
from lgsim.frontends.onnx.tensors import ONNX_TYPES, onnx_dtype
from lgsim.graph.core import TensorType
from lgsim.graph.ops import Unknown

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node


def unknown(ctx: ImportContext, node: Node) -> None:
    """Import a node as a bandwidth-bound `Unknown`, and count it for the warning.

    Raises
    ------
    LgsimError
        If no source gives the shapes of its outputs.
    """
    wanted = [name for name in node.outputs if name]
    types = _inferred(ctx, node) or _declared(ctx, wanted)
    if types is None:
        raise LgsimError(
            "the operator is not supported and its output shape is not known",
            hint="cut the model before it, or store static shapes with the model (value_info)",
        )
    emit_unknown(ctx, node, tuple(types))


def emit_unknown(ctx: ImportContext, node: Node, types: tuple[TensorType, ...]) -> None:
    """Append an `Unknown` with these output types, one per named output."""
    wanted = [name for name in node.outputs if name]
    ctx.unknown_counts[node.key] = ctx.unknown_counts.get(node.key, 0) + 1
    inputs = [name for name in node.inputs if name]
    ctx.emit(Unknown(node.key, types), inputs, wanted, node.name)


def warn_of_unknowns(ctx: ImportContext) -> None:
    """Add one warning per kind of unsupported op to the graph."""
    for op_type, count in sorted(ctx.unknown_counts.items()):
        times = f"{count} nodes" if count > 1 else "1 node"
        ctx.graph.warnings.append(
            f"operator {op_type} has no cost model ({times}): taken as reading its inputs "
            "and writing its outputs once"
        )


def _declared(ctx: ImportContext, wanted: list[str]) -> list[TensorType] | None:
    """Types from the model's own value_info, if all are there and static."""
    types: list[TensorType] = []
    for name in wanted:
        type_ = _static_type(ctx.value_info.get(name), name)
        if type_ is None:
            return None
        types.append(type_)
    return types


def _static_type(info: Any, name: str) -> TensorType | None:
    if info is None or not info.type.HasField("tensor_type"):
        return None
    tensor = info.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    dims = tuple(dim.dim_value for dim in tensor.shape.dim)
    if any(dim < 1 for dim in dims):
        return None
    return TensorType(dims, onnx_dtype(tensor.elem_type, f"tensor '{name}'"))


def _inferred(ctx: ImportContext, node: Node) -> list[TensorType] | None:
    """Types from onnx's inference on a model of this node alone, its inputs fixed.

    One node at a time is enough, since everything before it is known, and it stays cheap and
    independent of the rest of the model.
    """
    import onnx
    from onnx import helper, numpy_helper, shape_inference

    domain = node.proto.domain
    if domain not in STANDARD_DOMAINS:
        return None
    infos, constants = [], []
    for name in dict.fromkeys(filter(None, node.inputs)):
        type_, value = ctx.type_of(name), ctx.value(name)
        infos.append(helper.make_tensor_value_info(name, ONNX_TYPES[type_.dtype], type_.shape))
        if value is not None:
            constants.append(numpy_helper.from_array(value, name))
    wanted = [name for name in node.outputs if name]
    outputs = [onnx.ValueInfoProto(name=name) for name in wanted]
    graph = helper.make_graph([node.proto], "node", infos, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", ctx.opset)])
    try:
        inferred = shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # onnx raises its own, undocumented types for ops it cannot infer
        return None
    types = [_static_type(info, info.name) for info in inferred.graph.output]
    known = [type_ for type_ in types if type_ is not None]
    return known if len(known) == len(wanted) else None
