"""Strategy `greedy`: from the last op backwards, the longest group that fits (docs/chip.md §8).

The vendor calls it opt1. No price is compared: a longer group always wins, and it is cut into the
first sections that fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lgsim.graph import Graph
from lgsim.planner.base_groups import base_groups
from lgsim.planner.bounds import interval_bounds
from lgsim.planner.group import Evaluation, Failure, GroupEvaluator, pattern_of
from lgsim.planner.group.first_fit import first_fit
from lgsim.planner.group.group_type import choose_type
from lgsim.planner.group.pattern import Pattern
from lgsim.planner.least import IMPOSSIBLE
from lgsim.planner.pieces import pieces
from lgsim.planner.plan import Plan, Section, section_name
from lgsim.planner.uneven import is_uneven

LONG_GROUP = 64
"""More ops than this are a long group (see `_lasts`)."""


class Greedy:
    """Takes the longest group that ends at the last op, then goes on before it.

    Every start is tried, the smallest first: whether a group fits is not monotone in its length,
    because another op can change the type of the group and how it may be cut. Left out are only
    those whose readers want different slices as in a longer group of the same type, and those
    between two that lack bytes with as many slices. Runs of very many ops are cut into pieces
    first (see `pieces`), and groups lie in one piece.
    """

    name = "greedy"
    summary = "from the last op backwards, the longest group that fits (the vendor's opt1)"
    search = staticmethod(first_fit)

    def plan(self, graph: Graph, evaluator: GroupEvaluator) -> Plan:
        """Groups inside the runs of ops that may be local; all other ops are global layers."""
        sections: list[Section] = []
        known: dict[Pattern, _Run] = {}
        border = "the network begins here"
        for refusal, ops in base_groups(graph, evaluator.features):
            if refusal is not None:
                sections.append(Section("global", ops[0], ops, reason=refusal.detail))
                border = f"'{ops[0]}' before it may not be local"
                continue
            whole, _ = pattern_of(graph, ops)
            for start, stop in pieces(whole):
                part = whole.part(start, stop)
                run = known.setdefault(part, _Run(part, evaluator))
                sections += run.sections(ops[start:stop], border)
                border = f"'{ops[stop - 1]}' before it ends a piece of a very long run"
        return Plan(self.name, tuple(sections))


@dataclass(frozen=True, slots=True)
class _Cut:
    """A part of a run: a group if one was found, and why it could not begin an op earlier."""

    start: int
    stop: int
    group: Evaluation | None
    failure: Failure | None


class _Run:
    """Ops that may be local, cut into groups."""

    def __init__(self, pattern: Pattern, evaluator: GroupEvaluator) -> None:
        self.pattern = pattern
        self.evaluator = evaluator
        self._known: dict[tuple[int, int], Evaluation | Failure] = {}
        self._found: dict[Pattern, Evaluation | Failure] = {}  # layers repeat

    def sections(self, ops: tuple[str, ...], border: str) -> list[Section]:
        """The sections of the run of these ops; `border` says why it begins where it does."""
        found = []
        for cut in self._cuts:
            reason, names = border, ops[cut.start : cut.stop]
            if cut.failure is not None:
                words = _words(cut.failure, ops[cut.start - 1 : cut.stop])
                reason = f"'{ops[cut.start - 1]}' does not fit in as well: {words}"
            if cut.group is None:
                found.append(Section("global", names[0], names, reason=reason))
            else:
                found.append(_group(names, cut.group, reason))
        return found

    @cached_property
    def _cuts(self) -> list[_Cut]:
        """The parts, in order."""
        found: list[_Cut] = []
        stop = len(self.pattern.members)
        while stop:
            start = self._longest(stop)
            group = self._fit(start, stop) if start < stop - 1 else None
            before = self._fit(start - 1, stop) if start else None
            assert not isinstance(group, Failure)
            assert not isinstance(before, Evaluation)
            found.append(_Cut(start, stop, group, before))
            stop = start
        return found[::-1]

    def _longest(self, stop: int) -> int:
        """Where the longest group begins that ends before op `stop`; the last op if none fits."""
        start, bounds = 0, interval_bounds(self.pattern, self.evaluator)
        while start < stop - 1:
            if bounds.cycles[stop, start] >= IMPOSSIBLE:
                start += 1
                continue
            found = self._fit(start, stop)
            if isinstance(found, Evaluation):
                break
            start = self._next(start, stop, found)
        while start and isinstance(self._fit(start - 1, stop), Evaluation):
            start -= 1
        return start

    def _fit(self, start: int, stop: int) -> Evaluation | Failure:
        """The group of some ops as the quick search finds it."""
        if (start, stop) not in self._known:
            part = self.pattern.part(start, stop)
            if part not in self._found:
                self._found[part] = first_fit(self.evaluator, part)
            self._known[start, stop] = self._found[part]
        return self._known[start, stop]

    def _next(self, start: int, stop: int, failure: Failure) -> int:
        """The next start that may do, after one that does not."""
        if _lasts(failure, stop - start):
            return self._like(start, stop, failure) + 1
        first = start + failure.member
        if failure.rule != "slices" or first <= start:
            return start + 1
        chip = self.evaluator.chip
        group_type = choose_type(self.pattern.part(start, stop), chip)
        if not is_uneven(self.pattern, group_type, first, stop, chip.lanes):
            return start + 1
        bounds = interval_bounds(self.pattern, self.evaluator)
        same = bounds.types[stop, start : first + 1] == bounds.types[stop, start]
        left_out = same & bounds.cut[stop, start : first + 1]
        left_out[0] = True
        return first + 1 if left_out.all() else start + int(left_out.argmin())

    def _like(self, start: int, stop: int, failure: Failure) -> int:
        """A start from `start` on that fails like it, as all between do.

        The step that lacks bytes in the shortest of these groups is part of the longer ones, and
        the last try has as many slices in all. It is sought from the short ones up, which are
        quick, in strides that double, and then by halving.
        """
        types = interval_bounds(self.pattern, self.evaluator).types[stop]

        def alike(length: int) -> bool:
            there = stop - length
            return types[there] == types[start] and self._fails_likewise(there, stop, failure)

        low = (1 if failure.missing_bytes else LONG_GROUP) + 1
        stride, most = 1, stop - start
        high = min(low, most)
        while high < most and not alike(high):
            low, high, stride = high, min(high + stride, most), stride * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if alike(middle) else (middle, high)
        return stop - high

    def _fails_likewise(self, start: int, stop: int, failure: Failure) -> bool:
        """Whether a group fails in a way that lasts, at the same sections.

        Constants must stay in both or in neither: they need more room while they stay.
        """
        found = self._fit(start, stop)
        if isinstance(found, Evaluation) or found.secs != failure.secs:
            return False
        return found.reloaded == failure.reloaded and _lasts(found, stop - start)


def _lasts(failure: Failure, length: int) -> bool:
    """Whether a group that fails like that, of so many ops, says that longer ones fail as well.

    Bytes that are missing in a step are missing in longer groups too. That some buffers find no
    room need not be so, but in long groups, which take long to place, it is taken for granted.
    """
    return failure.rule == "memory" and (failure.missing_bytes > 0 or length > LONG_GROUP)


def _group(ops: tuple[str, ...], found: Evaluation, reason: str) -> Section:
    return Section("group", section_name(ops), ops, found.group_type, found.secs, reason)


def _words(failure: Failure, ops: tuple[str, ...]) -> str:
    """A failure with the name of the op at fault."""
    at_fault = f" ('{ops[failure.member]}')" if failure.member >= 0 else ""
    return f"{failure.detail}{at_fault}"
