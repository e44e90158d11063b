"""`ImportContext`: what handlers work with while one ONNX graph becomes a `Graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.frontends.onnx.tensors import Array, Constant
from lgsim.graph.core import Graph, Shape, Tensor, TensorType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lgsim.frontends.onnx.node import Node
    from lgsim.graph.ops.base import OpKind

# Weights of a graph carry their values when these may matter to the schedule: integers
# (indices) up to the folding limit, and a few floats (scalars, the ones
# and zeros around a normalisation).
_FLOAT_DATA_LIMIT_ELEMENTS = 128


class ImportContext:
    """The graph under construction, its constants, and the names that stand for others.

    Handlers name tensors as ONNX does; the context resolves aliases, creates weights when an op
    first reads them, and folds ops whose operands are all constant into new constants.

    Parameters
    ----------
    name : str
        Name of the network.
    opset : int
        Version of ONNX's own operator set.
    baseline : ImportContext, optional
        The same model imported at the batch it was exported with, when another one is wanted:
        tells which constants have that batch baked in.
    """

    def __init__(self, name: str, opset: int, baseline: ImportContext | None = None) -> None:
        self.graph = Graph(name)
        self.opset = opset
        self.baseline = baseline
        self.sequences: dict[str, tuple[str, ...]] = {}
        self.value_info: dict[str, Any] = {}
        self.unknown_counts: dict[str, int] = {}
        self.dropped_quantisation = 0
        self._constants: dict[str, Constant] = {}
        self._aliases: dict[str, str] = {}

    # -- reading ---------------------------------------------------------------------------

    def resolve(self, name: str) -> str:
        """The tensor that `name` stands for."""
        return self._aliases.get(name, name)

    def constant(self, name: str) -> Constant | None:
        """The constant behind `name`, if it is one."""
        return self._constants.get(self._aliases.get(name, name))

    def type_of(self, name: str) -> TensorType:
        """Type of a tensor; KeyError if it is not known."""
        name = self.resolve(name)
        constant = self._constants.get(name)
        return constant.type if constant else self.graph.tensor(name).type

    def shape(self, name: str) -> Shape:
        """Shape of a tensor."""
        return self.type_of(name).shape

    def rank(self, name: str) -> int:
        """Number of dimensions of a tensor."""
        return len(self.type_of(name).shape)

    def value(self, name: str) -> Array | None:
        """Value of a tensor if it is constant, known and not large."""
        constant = self._constants.get(self._aliases.get(name, name))
        return constant.value if constant else None

    def require(self, name: str, what: str) -> Array:
        """Value of a tensor that must be known, or an LgsimError that says `what` it is."""
        value = self.value(name)
        if value is None:
            constant = self.constant(name) is not None
            raise LgsimError(
                f"{what} '{name}' is " + ("missing its data" if constant else "not constant"),
                limit="shapes must not depend on values computed at run time",
                hint="export again with constant folding and fixed input sizes",
            )
        return value

    def require_ints(self, name: str, what: str) -> tuple[int, ...]:
        """Value of a constant tensor of integers, flattened."""
        return tuple(int(number) for number in self.require(name, what).reshape(-1))

    def scalar(self, name: str) -> float | None:
        """Value of a constant of one element, if known."""
        constant = self.constant(name)
        if constant is None or constant.type.elements != 1 or constant.value is None:
            return None
        return float(constant.value.reshape(-1)[0])

    def ints(self, node: Node, attribute: str, index: int) -> tuple[int, ...] | None:
        """Integers given as an attribute (older opsets) or as a constant input (newer ones)."""
        if node.has(index):
            return self.require_ints(node.inputs[index], attribute)
        value = node.attrs.get(attribute)
        if value is None:
            return None
        return (value,) if isinstance(value, int) else tuple(value)

    def axis(self, node: Node, default: int, rank: int | None = None) -> int:
        """The node's ``axis`` attribute, counted from the front."""
        rank = self.rank(node.inputs[0]) if rank is None else rank
        return normal_axis(int(node.get("axis", default)), rank)

    # -- writing ---------------------------------------------------------------------------

    def add_constant(self, name: str, constant: Constant) -> str:
        """Make `name` a constant; returns the name."""
        self._constants[name] = constant
        return name

    def weight(self, node: Node, suffix: str, type_: TensorType) -> str:
        """A new constant of unknown value that belongs to a node; returns its name."""
        return self.add_constant(f"{node.name}/{suffix}", Constant(type_))

    def alias(self, name: str, source: str) -> None:
        """Let `name` stand for the tensor `source`."""
        self._aliases[name] = self.resolve(source)

    def operand(self, name: str) -> str:
        """The graph's tensor for `name`; constants become weights when first read."""
        name = self._aliases.get(name, name)
        constant = self._constants.get(name)
        if constant is not None and not self.graph.has_tensor(name):
            data = None
            limit = None if not constant.type.dtype.is_float else _FLOAT_DATA_LIMIT_ELEMENTS
            if limit is None or constant.type.elements <= limit:
                data = constant.value
            self.graph.add_tensor(Tensor(name, constant.type, weight=True, data=data))
        return name

    def emit(
        self, attrs: OpKind, inputs: Sequence[str], outputs: Sequence[str], name: str
    ) -> tuple[str, ...]:
        """Append an op, or fold it into constants if all its operands are; returns `outputs`."""
        sources = [self._aliases.get(source, source) for source in inputs]
        if sources and all(source in self._constants for source in sources):
            types = attrs.infer([self._constants[source].type for source in sources])
            for output, type_ in zip(outputs, types, strict=True):
                self._constants[output] = Constant(type_)
            return tuple(outputs)
        operands = [self.operand(source) for source in sources]
        if self.graph.has_op(name):
            name = self.graph.unique_name(name)
        self.graph.add_op(attrs, operands, outputs, name)
        return tuple(outputs)

    def final(self, node: Node, attrs: OpKind, inputs: Sequence[str]) -> None:
        """Append the op that writes the node's first output, under the node's name."""
        self.emit(attrs, inputs, node.outputs[:1], node.name)

    def step(self, node: Node, suffix: str, attrs: OpKind, inputs: Sequence[str]) -> str:
        """Append an intermediate op of a node; returns the tensor it writes."""
        name = f"{node.name}/{suffix}"
        return self.emit(attrs, inputs, (name,), name)[0]

    def unary(self, node: Node, attrs: OpKind) -> None:
        """Append an op that reads the node's first input and writes its first output."""
        self.final(node, attrs, node.inputs[:1])

    def outputs_of(self, node: Node, types: Sequence[TensorType]) -> tuple[str, ...]:
        """Names for all outputs an op writes, also those the node leaves unnamed."""
        return tuple(
            node.outputs[i] if node.uses_output(i) else f"{node.name}/unused_{i}"
            for i in range(len(types))
        )


def normal_axis(axis: int, rank: int) -> int:
    """An axis counted from the front; LgsimError if there is no such axis."""
    if not -rank <= axis < max(rank, 1):
        raise LgsimError(f"there is no axis {axis}", limit=f"the rank is {rank}")
    return axis % rank if rank else 0


def normal_axes(axes: Sequence[int], rank: int) -> tuple[int, ...]:
    """Sorted axes counted from the front."""
    return tuple(sorted(normal_axis(axis, rank) for axis in axes))
