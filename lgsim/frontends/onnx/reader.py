"""Reading ONNX files: bytes to a checked ModelProto, with errors a user can act on."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.node import STANDARD_DOMAINS, Node

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Opset 7 brought today's broadcasting; handlers also know the attribute spellings up to 10.
OLDEST_OPSET = 7
FIRST_TESTED_OPSET = 11
NEWEST_OPSET = 20


def read_model(path: Path) -> Any:
    """Read a ``.onnx`` or ``.onnx.gz`` file without its external data.

    Raises
    ------
    LgsimError
        If the file cannot be read, is damaged, or holds no network.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # has no stubs

    data = _read_bytes(path)
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise LgsimError(
            "this is not an ONNX model, or it is truncated",
            where=str(path),
            hint="export or copy the file again",
        ) from error
    if not model.graph.node:
        raise LgsimError("the model has no nodes", where=str(path), hint="is the file truncated?")
    if not model.graph.output:
        raise LgsimError("the model has no outputs", where=str(path), hint="is the file truncated?")
    return _inlined(model) if model.functions else model


def _inlined(model: Any) -> Any:
    """The model with its own functions written out."""
    from onnx.inliner import inline_local_functions

    # The inliner leaves functions of another opset alone. Handlers know the spellings of all
    # opsets, so that the model's version may stand for the function's.
    versions = {opset.domain: opset.version for opset in model.opset_import}
    for function in model.functions:
        for opset in function.opset_import:
            opset.version = versions.get(opset.domain, opset.version)
    return inline_local_functions(model)


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise LgsimError("no such file", where=str(path)) from error
    except OSError as error:
        raise LgsimError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise LgsimError("this is not a whole gzip file", where=str(path)) from error


def opset_of(model: Any, path: Path, warnings: list[str]) -> int:
    """Version of ONNX's own operator set; warns or refuses outside the tested range."""
    versions = [o.version for o in model.opset_import if o.domain in STANDARD_DOMAINS]
    if not versions:
        raise LgsimError("the model declares no operator set", where=str(path))
    opset = int(max(versions))
    if opset < OLDEST_OPSET:
        raise LgsimError(
            f"opset {opset} is too old",
            where=str(path),
            limit=f"opsets {FIRST_TESTED_OPSET} to {NEWEST_OPSET} are supported",
            hint="export it again, or convert it with onnx.version_converter",
        )
    if opset < FIRST_TESTED_OPSET or opset > NEWEST_OPSET:
        warnings.append(
            f"opset {opset} is outside {FIRST_TESTED_OPSET} to {NEWEST_OPSET}; "
            "operators are read by the rules of the nearest of these"
        )
    return opset


def sort_nodes(nodes: list[Node], known: Iterable[str], where: str) -> list[Node]:
    """Bring nodes into topological order (ONNX demands it, some writers ignore it).

    Parameters
    ----------
    nodes : list of Node
        All nodes of a graph.
    known : iterable of str
        Tensors that need no producer: inputs and initializers.
    where : str
        File, for errors.

    Raises
    ------
    LgsimError
        If a tensor is written twice or by nobody, or the nodes form a cycle.
    """
    producers: dict[str, Node] = {}
    ready = {"", *known}
    for node in nodes:
        for output in filter(None, node.outputs):
            if output in producers or output in ready:
                raise LgsimError(f"tensor '{output}' is written twice", where=where)
            producers[output] = node
    ordered = True
    for node in nodes:
        for name in node.inputs:
            if name not in ready:
                ordered = False
                if name not in producers:
                    raise _missing(node, name, where)
        ready.update(node.outputs)
    return nodes if ordered else _topological(nodes, producers, where)


def _missing(node: Node, name: str, where: str) -> LgsimError:
    return LgsimError(
        f"'{name}' is given by no node, input or initializer",
        where=f"{where}: node '{node.name}' ({node.key})",
        hint="is the file complete?",
    )


def _topological(nodes: list[Node], producers: dict[str, Node], where: str) -> list[Node]:
    from graphlib import CycleError, TopologicalSorter

    by_name = {node.name: node for node in nodes}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for node in nodes:
        sources = [producers[name].name for name in node.inputs if name in producers]
        sorter.add(node.name, *sources)
    try:
        return [by_name[name] for name in sorter.static_order()]
    except CycleError as error:
        raise LgsimError("the graph has a cycle", where=where) from error
