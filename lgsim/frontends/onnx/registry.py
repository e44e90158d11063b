"""The registry of handlers: `@handles("Conv")` marks what imports an ONNX op."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lgsim.frontends.onnx.context import ImportContext
    from lgsim.frontends.onnx.node import Node

Handler = Callable[["ImportContext", "Node"], None]

HANDLERS: dict[str, Handler] = {}


def handles(*op_types: str) -> Callable[[Handler], Handler]:
    """Register the decorated function for these ONNX op types.

    Ops of another domain than ONNX's own are written ``domain:Type``. How many inputs a node
    must have is not said here: ONNX's own schemas tell.
    """

    def register(function: Handler) -> Handler:
        for op_type in op_types:
            HANDLERS[op_type] = function
        return function

    return register
