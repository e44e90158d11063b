"""`BuilderCore`: names by scope, inputs, weights without values, and ops; no op in particular."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.graph.core import Graph
from lgsim.graph.dtypes import DType
from lgsim.graph.tensor_type import TensorType
from lgsim.graph.values import Tensor

if TYPE_CHECKING:
    import numpy as np

    from lgsim.graph.ops.base import OpKind


class BuilderCore:
    """Names, inputs, weights and outputs of a graph under construction.

    Ops are called ``scope/stem``; the stem is the given name, or the kind of the op with a
    number from the second on (``Add``, ``Add_1``, …). An op's result has the name of the op.

    Parameters
    ----------
    name : str
        Name of the network.
    dtype : DType
        Element type of inputs and weights that do not say otherwise.
    """

    def __init__(self, name: str, dtype: DType = DType.F32) -> None:
        self._graph = Graph(name)
        self._dtype = dtype
        self._scope = ""
        self._stems: dict[str, int] = {}
        self._folded_params = 0  # trained parameters less the elements of the weights

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Put ``name/`` in front of the names given inside the ``with`` block."""
        outer = self._scope
        self._scope = f"{outer}{name}/"
        try:
            yield
        finally:
            self._scope = outer

    def input(self, name: str, shape: Sequence[int], dtype: DType | None = None) -> Tensor:
        """Add a graph input; its name takes no scope."""
        _check_sizes(name, shape)
        return self._graph.add_input(name, TensorType(tuple(shape), dtype or self._dtype))

    def weight(
        self,
        name: str,
        shape: Sequence[int],
        dtype: DType | None = None,
        data: np.ndarray[Any, Any] | None = None,
        trained: int | None = None,
    ) -> Tensor:
        """Add a weight of the current scope.

        Trained weights have a shape only; `data` is for constants whose values matter to the
        schedule, such as indices. `trained` is the number of trained parameters behind a weight
        that was computed offline: 0 for a mask, the size of the table for gathered biases.
        """
        path = self._scope + name
        _check_sizes(path, shape)
        type_ = TensorType(tuple(shape), dtype or self._dtype)
        if trained is not None:
            self._folded_params += trained - type_.elements
        return self._graph.add_tensor(Tensor(path, type_, weight=True, data=data))

    def output(self, *tensors: Tensor) -> None:
        """Make tensors outputs of the graph, in this order."""
        self._graph.outputs.extend(tensor.name for tensor in tensors)

    def op(self, attrs: OpKind, *operands: Tensor, name: str | None = None) -> Tensor:
        """Add an op of any kind with one result."""
        path = self._path(name, type(attrs).__name__)
        self._graph.add_op(attrs, [x.name for x in operands], [path], name=path)
        return self._graph.tensor(path)

    def results(
        self, attrs: OpKind, *operands: Tensor, count: int, name: str | None = None
    ) -> tuple[Tensor, ...]:
        """Add an op of any kind with several results, called ``op:0``, ``op:1`` and so on."""
        path = self._path(name, type(attrs).__name__)
        outputs = [f"{path}:{number}" for number in range(count)]
        self._graph.add_op(attrs, [x.name for x in operands], outputs, name=path)
        return tuple(self._graph.tensor(output) for output in outputs)

    def build(self) -> Graph:
        """Return the finished graph; ops that no output needs are dropped with a warning.

        Raises
        ------
        LgsimError
            If no output was named.
        """
        if not self._graph.outputs:
            raise LgsimError(
                "no output was named", where=self._graph.name, hint="call builder.output(x)"
            )
        if dropped := self._graph.prune():
            self._graph.warnings.append(f"{dropped} op(s) that no output needs were dropped")
        self._graph.trained_params = self._graph.params() + self._folded_params
        return self._graph

    def _path(self, name: str | None, stem: str) -> str:
        """Full name of an op: the given name, or the stem with a number if it is taken."""
        if name is not None:
            return self._scope + name
        path = self._scope + stem
        count = self._stems.get(path, 0)
        self._stems[path] = count + 1
        return f"{path}_{count}" if count else path

    def _trained(self, path: str, part: str, shape: Sequence[int]) -> Tensor:
        """Weight `part` of the op at `path`, called ``path.part``."""
        type_ = TensorType(tuple(shape), self._dtype)
        return self._graph.add_tensor(Tensor(f"{path}.{part}", type_, weight=True))

    def _apply(self, attrs: OpKind, operands: Sequence[Tensor], path: str) -> Tensor:
        """Add an op whose full name is already known."""
        self._graph.add_op(attrs, [x.name for x in operands], [path], name=path)
        return self._graph.tensor(path)


def from_front(axis: int, rank: int) -> int:
    """Axis that may count from the end, counted from the front."""
    if not -rank <= axis < rank:
        raise LgsimError(f"there is no axis {axis}", limit=f"rank {rank}")
    return axis % rank


def _check_sizes(name: str, shape: Sequence[int]) -> None:
    if any(size < 1 for size in shape):
        raise LgsimError(f"shape {tuple(shape)} has an empty dimension", where=name)
