"""Strategy `dp`: the cheapest way to cut each run of ops that may be local (docs/chip.md §8)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lgsim.errors import InfeasibleError
from lgsim.graph import Graph
from lgsim.kernels.alias import free_ops
from lgsim.kernels.site import site_of
from lgsim.planner.absorb import absorb_permutes
from lgsim.planner.base_groups import base_groups
from lgsim.planner.group import GroupEvaluator, pattern_of
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.intervals import Intervals
from lgsim.planner.least import IMPOSSIBLE
from lgsim.planner.pieces import pieces
from lgsim.planner.plan import Plan, Section, section_name
from lgsim.planner.price import global_cycles, plan_cycles
from lgsim.planner.shortest import Cuts, Path
from lgsim.planner.strategies.greedy import Greedy
from lgsim.planner.strategies.none import NoGrouping

EFFORT = 60000
"""What evaluations may cost in a long run before the search is content with what it has, counted as
in `GroupEvaluator.effort`. In the pieces of a very long one it is content with the first path."""


class CheapestCuts:
    """Takes the cheapest way to cut each base group into intervals of the order of the graph.

    Considered are all intervals of two or more ops as layer groups, each priced by the evaluator,
    and all single ops as global layers; the sum of prices is smallest over all ways to cut. Runs of
    very many ops are cut into pieces first (see `pieces`), and intervals lie in one piece. Only
    intervals that a lower bound does not rule out are evaluated, and equal ones once; in long runs
    the search begins with what `greedy` takes and ends early, with a plan that need not be the
    cheapest (see `Cuts`). Moves across the borders of groups, and permutes that join a group, are
    no part of the sum; so ways that take little longer are priced with moves, the plans of `greedy`
    and `none` with both, and the cheapest is taken.
    """

    name = "dp"
    summary = "the cheapest cuts of each run of ops that may be local (the vendor's opt2)"
    search = staticmethod(GroupEvaluator.evaluate)

    def plan(self, graph: Graph, evaluator: GroupEvaluator) -> Plan:
        """Groups inside the runs of ops that may be local; all other ops are global layers."""
        greedy = Greedy().plan(graph, evaluator)
        search = _Search(graph, evaluator, greedy)
        sections: list[Section] = []
        for refusal, ops in base_groups(graph, evaluator.features):
            if refusal is None:
                sections += search.cut(ops)
            else:
                sections.append(Section("global", ops[0], ops, reason=refusal.detail))
        plans = [Plan(self.name, tuple(sections)), greedy, NoGrouping().plan(graph, evaluator)]
        plans = [absorb_permutes(graph, plan, evaluator) for plan in plans]
        best = min(plans, key=lambda plan: plan_cycles(graph, plan, evaluator))
        return replace(best, strategy=self.name)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A run that is cut in the cheapest ways, and what is known of its intervals."""

    paths: list[Path]
    intervals: Intervals


class _Search:
    """Cuts the runs of one graph; equal runs are cut once."""

    def __init__(self, graph: Graph, evaluator: GroupEvaluator, known: Plan) -> None:
        self.graph = graph
        self.evaluator = evaluator
        self.lengths = {section.ops[0]: len(section.ops) for section in known.sections}
        self.free = free_ops(graph)
        self._known: dict[tuple[Pattern, tuple[int | None, ...]], _Cut] = {}

    def cut(self, ops: tuple[str, ...]) -> list[Section]:
        """Sections of a run, in order.

        Raises
        ------
        InfeasibleError
            If an op fits the chip neither alone nor in a group.
        """
        pattern, _ = pattern_of(self.graph, ops)
        sections: list[Section] = []
        parts = pieces(pattern)
        if len(parts) == 1:
            return self._cut_piece(pattern, ops, EFFORT)
        for start, stop in parts:
            sections += self._cut_piece(pattern.part(start, stop), ops[start:stop], 0)
        return sections

    def _cut_piece(self, pattern: Pattern, ops: tuple[str, ...], effort: int) -> list[Section]:
        alone = tuple(self._alone(name) for name in ops)
        found = self._known.get((pattern, alone))
        if found is None:
            intervals = Intervals(pattern, self.evaluator, alone)
            found = _Cut(Cuts(intervals, effort, self._path(ops)).cheapest(), intervals)
            found = replace(found, paths=[self._best(found, ops, alone)])
            self._known[pattern, alone] = found
        return self._sections(found, found.paths[0], ops, alone)

    def _path(self, ops: tuple[str, ...]) -> Path:
        """How the known plan cuts these ops."""
        path: Path = []
        while not path or path[-1][1] < len(ops):
            start = path[-1][1] if path else 0
            path.append((start, start + self.lengths[ops[start]]))
        return path

    def _best(self, cut: _Cut, ops: tuple[str, ...], alone: tuple[int | None, ...]) -> Path:
        """The cheapest way if moves across the borders of groups count."""

        def cycles(path: Path) -> int:
            plan = Plan("", tuple(self._sections(cut, path, ops, alone)))
            return plan_cycles(self.graph, plan, self.evaluator)

        return min(cut.paths, key=cycles) if len(cut.paths) > 1 else cut.paths[0]

    def _sections(
        self, cut: _Cut, path: Path, ops: tuple[str, ...], alone: tuple[int | None, ...]
    ) -> list[Section]:
        return [
            self._section(cut, ops[start:stop], start, alone[start:stop]) for start, stop in path
        ]

    def _alone(self, name: str) -> int | None:
        """Cycles of an op as a global layer; None if it does not fit the chip."""
        if name in self.free:
            return 0
        try:
            return global_cycles(site_of(self.graph, self.graph.op(name)), self.evaluator.chip)
        except InfeasibleError:
            return None

    def _section(
        self, cut: _Cut, ops: tuple[str, ...], start: int, alone: tuple[int | None, ...]
    ) -> Section:
        if len(ops) == 1:
            if alone[0] is None:
                raise self._misfit(ops[0])
            reason = "cheaper alone than in a group with its neighbours"
            return Section("global", ops[0], ops, reason=reason)
        if cut.intervals.cycles[start + len(ops), start] >= IMPOSSIBLE:
            raise self._misfit(next(o for o, c in zip(ops, alone, strict=True) if c is None))
        found = cut.intervals.group(start, start + len(ops))
        apart = sum(cycles or 0 for cycles in alone)
        reason = f"{found.price.cycles:,} cycles; its ops alone take {apart:,}"
        return Section("group", section_name(ops), ops, found.group_type, found.secs, reason)

    def _misfit(self, name: str) -> InfeasibleError:
        """Why an op does not fit the chip alone."""
        try:
            global_cycles(site_of(self.graph, self.graph.op(name)), self.evaluator.chip)
        except InfeasibleError as error:
            error.where = error.where or name
            return error
        raise AssertionError(name)
