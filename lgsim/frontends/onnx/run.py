"""Running nodes: fold, hand to the handler, or take as unknown; errors say which node it was."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.fallback import unknown
from lgsim.frontends.onnx.folding import fold
from lgsim.frontends.onnx.registry import HANDLERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node


def run_nodes(ctx: ImportContext, nodes: Iterable[Node]) -> None:
    """Import nodes, in topological order, into the context's graph.

    Raises
    ------
    LgsimError
        If a node is malformed, unsupported, or its operands do not fit.
    """
    for node in nodes:
        try:
            _run(ctx, node)
        except LgsimError as error:
            # an error of a shape rule names the op inside the graph: the node says it better
            if not error.where.startswith(("node ", "initializer ")):
                error.where = f"node '{node.name}' ({node.key})"
            raise
        except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise LgsimError(
                f"it is malformed: {_reason(error)}", where=f"node '{node.name}' ({node.key})"
            ) from error


def _run(ctx: ImportContext, node: Node) -> None:
    _check_inputs(ctx, node)
    if not any(node.outputs):
        raise LgsimError("it has no output")
    if fold(ctx, node):
        return
    HANDLERS.get(node.key, unknown)(ctx, node)


def _check_inputs(ctx: ImportContext, node: Node) -> None:
    """Refuse a node with fewer or more inputs than ONNX's schema of the op allows."""
    least, most = _input_counts(node.key, ctx.opset)
    given = sum(map(node.has, range(least)))
    if given < least:
        raise LgsimError(f"it has {given} of its {least} required input(s)")
    if len(node.inputs) > most:
        raise LgsimError(f"it has {len(node.inputs)} inputs", limit=f"at most {most}")


@cache
def _input_counts(key: str, opset: int) -> tuple[int, int]:
    """Fewest and most inputs of an op; anything goes for ops ONNX does not define."""
    from onnx import defs

    try:
        schema = defs.get_schema(key, opset)
    except defs.SchemaError:
        return 0, sys.maxsize
    optional = defs.OpSchema.FormalParameterOption.Optional
    leading = schema.inputs[: schema.min_input]  # those of a Loop may be left out all the same
    return sum(x.option != optional for x in leading), schema.max_input


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"attribute or tensor {error} is missing"
    return str(error) or type(error).__name__
