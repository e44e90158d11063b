"""`import_onnx`: an ONNX file becomes a `Graph` of catalogue ops with static shapes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.frontends.onnx import handlers
from lgsim.frontends.onnx.context import ImportContext
from lgsim.frontends.onnx.fallback import warn_of_unknowns
from lgsim.frontends.onnx.fusions import fuse
from lgsim.frontends.onnx.inputs import declared_types, input_types
from lgsim.frontends.onnx.node import decode_nodes
from lgsim.frontends.onnx.reader import opset_of, read_model, sort_nodes
from lgsim.frontends.onnx.rebatch import REBATCH_HINT
from lgsim.frontends.onnx.run import run_nodes
from lgsim.frontends.onnx.tensors import Constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lgsim.graph.core import Graph, TensorType


def import_onnx(
    path: str | Path,
    *,
    batch: int | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Graph:
    """Import an ONNX model.

    Only shapes matter: weights may be inline, external or absent. Shape arithmetic is folded,
    usual spellings of normalisations and activations become one op, and floats of every width
    become F32, since lowering chooses the precision.

    Parameters
    ----------
    path : str or Path
        A ``.onnx`` or ``.onnx.gz`` file, opsets 11 to 20.
    batch : int, optional
        Dimension 0 of every input.
    shapes : mapping of str to sequence of int, optional
        All dimensions of some inputs, by name.

    Returns
    -------
    Graph
        The network; its `warnings` name what could only be approximated.

    Raises
    ------
    LgsimError
        If the file is no whole ONNX model, a dimension stays dynamic, or a node cannot be
        imported.
    """
    path = Path(path)
    warnings: list[str] = []
    model = read_model(path)
    opset = opset_of(model, path, warnings)
    types = input_types(model.graph, batch, shapes, str(path))
    declared = declared_types(model.graph)
    baseline = None
    if declared is not None and _batches(declared) != _batches(types):
        baseline = _run(model.graph, path, opset, declared)
    ctx = _run(model.graph, path, opset, types, baseline, trust_value_info=types == declared)
    graph = ctx.graph
    graph.warnings.extend(warnings)
    _set_outputs(ctx, [info.name for info in model.graph.output], path)
    fuse(graph)
    graph.prune()
    warn_of_unknowns(ctx)
    handlers.quant.warn_of_quantisation(ctx)
    return graph


def _batches(types: Mapping[str, TensorType]) -> list[int]:
    return [type_.shape[0] for type_ in types.values() if type_.shape]


def _run(
    source: Any,
    path: Path,
    opset: int,
    types: Mapping[str, TensorType],
    baseline: ImportContext | None = None,
    trust_value_info: bool = False,
) -> ImportContext:
    """Import all nodes of a GraphProto, given the types of its inputs."""
    name = path.name.removesuffix(".gz").removesuffix(".onnx")
    ctx = ImportContext(name, opset, baseline)
    if trust_value_info:
        ctx.value_info = {info.name: info for info in (*source.value_info, *source.output)}
    for input_name, type_ in types.items():
        ctx.graph.add_input(input_name, type_)
    known = {*types, *_add_initializers(ctx, source, path)}
    nodes = sort_nodes(decode_nodes(source.node), known, str(path))
    try:
        run_nodes(ctx, nodes)
    except LgsimError as error:
        error.where = f"{path}: {error.where}"
        if baseline is not None:
            error.hint = error.hint or REBATCH_HINT
        raise
    return ctx


def _add_initializers(ctx: ImportContext, source: Any, path: Path) -> Iterable[str]:
    names: set[str] = set()
    sparse = [(tensor.values.name, tensor) for tensor in source.sparse_initializer]
    for name, tensor in [(t.name, t) for t in source.initializer] + sparse:
        if name in names:
            raise LgsimError(f"initializer '{name}' is defined twice", where=str(path))
        names.add(name)
        try:
            constant = (
                Constant.from_sparse(tensor)
                if hasattr(tensor, "indices")
                else Constant.from_proto(tensor, path.parent)
            )
        except LgsimError as error:
            error.where = f"{path}: {error.where}"
            raise
        ctx.add_constant(name, constant)
    return names


def _set_outputs(ctx: ImportContext, names: Sequence[str], path: Path) -> None:
    """Declare the outputs; those no op computes are left out with a warning."""
    graph = ctx.graph
    for name in names:
        source = ctx.resolve(name)
        if ctx.constant(name) is not None or source in graph.inputs:
            graph.warnings.append(f"output '{name}' is not computed from the inputs: left out")
        elif not graph.has_tensor(source):
            raise LgsimError(f"output '{name}' is written by no node", where=str(path))
        elif source not in graph.outputs:
            graph.outputs.append(source)
    if not graph.outputs:
        raise LgsimError("no output is computed from the inputs", where=str(path))
