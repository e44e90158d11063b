"""`Graph`: a network as ops in topological order over named tensors, and its editing.

A graph is edited in place by importers, rewrites and lowering, always through its methods, so
that producers and consumers stay consistent. Tensors and ops themselves are immutable values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.graph.order import reordered, topological
from lgsim.graph.tensor_type import Shape, TensorType
from lgsim.graph.values import Op, Tensor

if TYPE_CHECKING:
    import networkx
    import numpy as np

    from lgsim.graph.ops.base import OpKind

__all__ = ["Graph", "Op", "Shape", "Tensor", "TensorType"]


class Graph:
    """A directed acyclic graph of ops in topological order.

    Parameters
    ----------
    name : str
        Name of the network.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.warnings: list[str] = []
        # Element type the network computes in once it is lowered; None as imported.
        self.precision: str | None = None
        # Whether it stands in planning order, with nothing left to do before it is planned.
        self.prepared = False
        # What papers count: before BatchNorms fold and tables are gathered; None if unknown.
        self.trained_params: int | None = None
        self._tensors: dict[str, Tensor] = {}
        self._ops: dict[str, Op] = {}
        self._producer: dict[str, str] = {}
        self._consumers: dict[str, dict[str, None]] = {}

    # -- reading ---------------------------------------------------------------------------

    @property
    def ops(self) -> Sequence[Op]:
        """All ops, in topological order."""
        return tuple(self._ops.values())

    @property
    def tensors(self) -> Sequence[Tensor]:
        """All tensors, in order of creation."""
        return tuple(self._tensors.values())

    def __iter__(self) -> Iterator[Op]:
        return iter(tuple(self._ops.values()))

    def __len__(self) -> int:
        return len(self._ops)

    def op(self, name: str) -> Op:
        """The op called `name`; KeyError if there is none."""
        return self._ops[name]

    def tensor(self, name: str) -> Tensor:
        """The tensor called `name`; KeyError if there is none."""
        return self._tensors[name]

    def has_tensor(self, name: str) -> bool:
        """Whether a tensor of that name exists."""
        return name in self._tensors

    def has_op(self, name: str) -> bool:
        """Whether an op of that name exists."""
        return name in self._ops

    def producer(self, tensor: str) -> Op | None:
        """The op that writes `tensor`; None for graph inputs and weights."""
        op = self._producer.get(tensor)
        return None if op is None else self._ops[op]

    def consumers(self, tensor: str) -> tuple[Op, ...]:
        """The ops that read `tensor`, each once."""
        return tuple(self._ops[name] for name in self._consumers.get(tensor, ()))

    def input_types(self, op: Op) -> tuple[TensorType, ...]:
        """Types of the inputs of `op`."""
        return tuple(self._tensors[name].type for name in op.inputs)

    def output_types(self, op: Op) -> tuple[TensorType, ...]:
        """Types of the outputs of `op`."""
        return tuple(self._tensors[name].type for name in op.outputs)

    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(op.attrs.macs(self.input_types(op), self.output_types(op)) for op in self)

    def params(self) -> int:
        """Elements of all weights that some op reads, shared weights counted once."""
        used = {name for op in self for name in op.inputs}
        return sum(self._tensors[name].type.elements for name in used if self._tensors[name].weight)

    def op_counts(self) -> dict[str, int]:
        """Number of ops per kind, sorted by kind."""
        counts: dict[str, int] = {}
        for op in self:
            counts[op.kind] = counts.get(op.kind, 0) + 1
        return dict(sorted(counts.items()))

    # -- editing ---------------------------------------------------------------------------

    def add_tensor(self, tensor: Tensor) -> Tensor:
        """Add a tensor without a producer: a graph input or a weight."""
        if tensor.name in self._tensors:
            raise LgsimError(f"tensor '{tensor.name}' is defined twice", where=self.name)
        self._tensors[tensor.name] = tensor
        return tensor

    def add_input(self, name: str, type_: TensorType) -> Tensor:
        """Add a graph input."""
        tensor = self.add_tensor(Tensor(name, type_))
        self.inputs.append(name)
        return tensor

    def add_op(
        self,
        attrs: OpKind,
        inputs: Sequence[str],
        outputs: Sequence[str],
        name: str | None = None,
        before: str | None = None,
    ) -> Op:
        """Append an op, infer the types of its outputs and create their tensors.

        Parameters
        ----------
        attrs : OpKind
            Kind and attributes.
        inputs, outputs : sequence of str
            Tensor names; inputs must exist, outputs must not.
        name : str, optional
            Name of the op; the name of its first output by default.
        before : str, optional
            Place the op in front of this op instead of at the end.

        Raises
        ------
        LgsimError
            If the shape rule of the kind refuses the inputs, or a name is unknown or taken. The
            graph is then as it was.
        """
        op = Op(name or outputs[0], attrs, tuple(inputs), tuple(outputs))
        types = self._infer(op)
        if op.name in self._ops:
            raise LgsimError(f"op '{op.name}' is defined twice", where=self.name)
        if before is not None and before not in self._ops:
            raise LgsimError(f"there is no op '{before}'", where=f"{self.name}: op '{op.name}'")
        for output in op.outputs:
            if output in self._tensors or op.outputs.count(output) > 1:
                raise LgsimError(f"tensor '{output}' is defined twice", where=self.name)
        for output, type_ in zip(op.outputs, types, strict=True):
            self._tensors[output] = Tensor(output, type_)
            self._producer[output] = op.name
        for tensor in op.inputs:
            self._consumers.setdefault(tensor, {})[op.name] = None
        if before is None:
            self._ops[op.name] = op
        else:
            self._insert_before(op, before)
        return op

    def _infer(self, op: Op) -> tuple[TensorType, ...]:
        """Types of the outputs of `op`; errors tell which op it was."""
        where = f"{self.name}: {op.kind} '{op.name}'"
        for tensor in op.inputs:
            if tensor not in self._tensors:
                raise LgsimError(f"there is no tensor '{tensor}'", where=where)
        try:
            types = op.attrs.infer(self.input_types(op))
        except LgsimError as error:
            error.where = error.where or where
            raise
        if len(types) != len(op.outputs):
            raise LgsimError(
                f"{len(op.outputs)} output(s) named", where=where, limit=f"has {len(types)}"
            )
        return types

    def _insert_before(self, op: Op, before: str) -> None:
        reordered: dict[str, Op] = {}
        for name, existing in self._ops.items():
            if name == before:
                reordered[op.name] = op
            reordered[name] = existing
        self._ops = reordered

    def remove_op(self, name: str) -> Op:
        """Remove an op and the tensors it produced (which nothing may read any more)."""
        for tensor in self._ops[name].outputs:
            if self._consumers.get(tensor) or tensor in self.outputs:
                raise LgsimError(f"tensor '{tensor}' is still used", where=f"op '{name}'")
        op = self._ops.pop(name)
        for tensor in op.outputs:
            del self._tensors[tensor]
            del self._producer[tensor]
            self._consumers.pop(tensor, None)
        for tensor in set(op.inputs):
            self._consumers[tensor].pop(name, None)
        return op

    def replace_op(
        self, name: str, attrs: OpKind | None = None, inputs: Sequence[str] | None = None
    ) -> Op:
        """Give an op other attributes or inputs in place, and infer the types of its outputs.

        The types of ops further down are not touched. New inputs that are produced later in the
        order call for a `sort`.
        """
        old = self._ops[name]
        op = replace(
            old,
            attrs=attrs if attrs is not None else old.attrs,
            inputs=tuple(inputs) if inputs is not None else old.inputs,
        )
        types = self._infer(op)
        for tensor in set(old.inputs):
            self._consumers[tensor].pop(name, None)
        for tensor in op.inputs:
            self._consumers.setdefault(tensor, {})[name] = None
        self._ops[name] = op
        for output, type_ in zip(op.outputs, types, strict=True):
            self._tensors[output] = replace(self._tensors[output], type=type_)
        return op

    def replace_uses(self, old: str, new: str) -> None:
        """Make every reader of tensor `old`, and the graph's outputs, use `new` instead.

        The op that computes `new` goes on reading `old`, so that an op can be put behind it.
        """
        if old == new:
            return
        for op in self.consumers(old):
            if op.name == self._producer.get(new):
                continue
            self._ops[op.name] = replace(
                op, inputs=tuple(new if tensor == old else tensor for tensor in op.inputs)
            )
            self._consumers.setdefault(new, {})[op.name] = None
            del self._consumers[old][op.name]
        self.outputs = [new if tensor == old else tensor for tensor in self.outputs]

    def set_type(self, tensor: str, type_: TensorType) -> None:
        """Change the type of a tensor (lowering assigns element types)."""
        self._tensors[tensor] = replace(self._tensors[tensor], type=type_)

    def set_data(self, tensor: str, data: np.ndarray[Any, Any]) -> None:
        """Give a weight its values."""
        self._tensors[tensor] = replace(self._tensors[tensor], data=data)

    def prune(self) -> int:
        """Remove ops no output depends on, and tensors nobody uses; returns ops removed."""
        removed = 0
        for op in reversed(self.ops):
            if not any(self._consumers.get(t) or t in self.outputs for t in op.outputs):
                self.remove_op(op.name)
                removed += 1
        for tensor in self.tensors:
            used = self._consumers.get(tensor.name) or tensor.name in self._producer
            if not used and tensor.name not in self.inputs and tensor.name not in self.outputs:
                del self._tensors[tensor.name]
        return removed

    def reorder(self, names: Sequence[str]) -> None:
        """Put the ops in a given order.

        Raises
        ------
        LgsimError
            If it is not an order of the ops, or an op would stand before one it reads from.
        """
        self._ops = reordered(self._ops, self._producer, names, self.name)

    def sort(self) -> None:
        """Restore topological order after edits, keeping the present order where it is free.

        Raises
        ------
        LgsimError
            If the graph has a cycle.
        """
        self._ops = topological(self._ops, self._producer, self.name)

    def copy(self) -> Graph:
        """An independent copy; tensors and ops are immutable and shared."""
        twin = Graph(self.name)
        twin.inputs = list(self.inputs)
        twin.outputs = list(self.outputs)
        twin.warnings = list(self.warnings)
        twin.precision = self.precision
        twin.prepared = self.prepared
        twin.trained_params = self.trained_params
        twin._tensors = dict(self._tensors)
        twin._ops = dict(self._ops)
        twin._producer = dict(self._producer)
        twin._consumers = {tensor: dict(ops) for tensor, ops in self._consumers.items()}
        return twin

    def unique_name(self, stem: str) -> str:
        """A name like `stem` that no op and no tensor has."""
        name, number = stem, 1
        while name in self._tensors or name in self._ops:
            number += 1
            name = f"{stem}_{number}"
        return name

    def to_networkx(self) -> networkx.MultiDiGraph[str]:
        """Ops as nodes (attribute ``kind``), tensors as edges (``tensor``, ``nbytes``)."""
        import networkx

        view: networkx.MultiDiGraph[str] = networkx.MultiDiGraph(name=self.name)
        for op in self:
            view.add_node(op.name, kind=op.kind)
        for op in self:
            for tensor in op.inputs:
                if source := self._producer.get(tensor):
                    view.add_edge(
                        source, op.name, tensor=tensor, nbytes=self._tensors[tensor].nbytes
                    )
        return view
