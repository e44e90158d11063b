"""`RewriteLog`: what rewrites did to a graph, op by op, and where they nearly applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lgsim.graph.core import Graph, Op, Tensor, TensorType
from lgsim.rewrites.base import Rewrite


@dataclass(frozen=True, slots=True)
class LoggedOp:
    """An op as it stood in the graph at some time, with its operands and results."""

    op: Op
    inputs: tuple[Tensor, ...]
    outputs: tuple[TensorType, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One run of a rewrite over the graph that changed something.

    Attributes
    ----------
    rewrite : str
        Its name.
    times : int
        How often it applied.
    removed, added : tuple of LoggedOp
        Ops that are gone, and ops that are new.
    changed : tuple of str
        Names of ops that have other attributes or operands than before.
    """

    rewrite: str
    times: int
    removed: tuple[LoggedOp, ...]
    added: tuple[LoggedOp, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Where a rewrite did not apply to the finished graph, and why.

    Attributes
    ----------
    rewrite, condition : str
        Name of the rewrite, and what kept it from applying.
    ops : tuple of str
        Where it would have applied.
    switch : bool
        Whether it did not run at all: switched off, or not for this precision.
    """

    rewrite: str
    condition: str
    ops: tuple[str, ...]
    switch: bool = False


@dataclass(slots=True)
class RewriteLog:
    """Filled by `apply_rewrites`, which compares the graph before and after each rewrite."""

    events: list[Event] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)
    _start: Graph | None = None
    _before: dict[str, LoggedOp] = field(default_factory=dict)

    def start(self, graph: Graph) -> None:
        """Remember the graph as it is."""
        self._start = graph.copy()
        self._before = _snapshot(graph)

    def record(self, rewrite: str, times: int, graph: Graph) -> None:
        """Note what a rewrite changed since the last call."""
        after = _snapshot(graph)
        before = self._before
        common = [name for name in after if name in before]
        self.events.append(
            Event(
                rewrite,
                times,
                tuple(logged for name, logged in before.items() if name not in after),
                tuple(logged for name, logged in after.items() if name not in before),
                tuple(name for name in common if after[name].op != before[name].op),
            )
        )
        self._before = after

    def finish(
        self,
        graph: Graph,
        precision: str,
        active: Iterable[Rewrite],
        known: Sequence[type[Rewrite]],
    ) -> None:
        """Ask those that ran where they nearly applied, and try the others on a copy."""
        ran = {rewrite.name: rewrite for rewrite in active}
        for kind in known:
            if kind.name in ran:
                self._near(graph, ran[kind.name])
            else:
                self._try(graph, kind, precision)

    def _near(self, graph: Graph, rewrite: Rewrite) -> None:
        places: dict[str, list[str]] = {}
        for miss in rewrite.near_misses(graph):
            places.setdefault(miss.condition, []).append(miss.op)
        for condition, ops in places.items():
            self.obstacles.append(Obstacle(rewrite.name, condition, tuple(ops)))

    def _try(self, graph: Graph, kind: type[Rewrite], precision: str) -> None:
        fits = precision in kind.precisions
        rewrite = kind(precision if fits else kind.precisions[0])
        twin = graph.copy()
        if not rewrite.apply(twin):
            # Other rewrites may have changed what this one is made for.
            assert self._start is not None
            graph, twin = self._start, self._start.copy()
            if not rewrite.apply(twin):
                return
        after = _snapshot(twin)
        ops = tuple(op.name for op in graph if op.name not in after or after[op.name].op != op)
        if fits:
            condition = "it is switched off"
        else:
            condition = f"it is not for {precision}, only for {', '.join(kind.precisions)}"
        self.obstacles.append(Obstacle(rewrite.name, condition, ops, switch=True))


def _snapshot(graph: Graph) -> dict[str, LoggedOp]:
    return {
        op.name: LoggedOp(
            op, tuple(graph.tensor(name) for name in op.inputs), graph.output_types(op)
        )
        for op in graph
    }
