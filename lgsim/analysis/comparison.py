"""`ComparisonData`: one network scheduled in several ways, and where these differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lgsim.planner.plan import Section
from lgsim.run_data import RunData


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ops between two borders that all plans have in common, cut differently in between.

    Attributes
    ----------
    ops : tuple of str
        Their names, in the order of the first plan.
    begins : tuple of tuple of str
        For each plan, the ops at which its sections begin.
    cycles : tuple of int
        What they take in each run.
    """

    ops: tuple[str, ...]
    begins: tuple[tuple[str, ...], ...]
    cycles: tuple[int, ...]

    @property
    def sections(self) -> tuple[int, ...]:
        """Into how many sections each plan cuts them."""
        return tuple(map(len, self.begins))

    @property
    def spread_cycles(self) -> int:
        """What the slowest way takes longer than the fastest."""
        return max(self.cycles) - min(self.cycles)


@dataclass(frozen=True, slots=True)
class ComparisonData:
    """Runs of one network that differ in their plans only; the first one is the baseline.

    Attributes
    ----------
    labels : tuple of str
        Names of the columns: strategies, or the names that were given to plans.
    runs : tuple of RunData
        One per label.
    """

    labels: tuple[str, ...]
    runs: tuple[RunData, ...]

    @property
    def fastest(self) -> int:
        """Index of the run with the fewest cycles."""
        return min(range(len(self.runs)), key=lambda number: self.runs[number].cycles)

    def slower(self, percent: float) -> list[tuple[str, float]]:
        """Labels of the runs slower than the first by more than `percent`, and by how much."""
        base = self.runs[0].cycles
        found = []
        for label, run in zip(self.labels[1:], self.runs[1:], strict=True):
            more = 100 * (run.cycles / base - 1) if base else 0.0
            if more > percent:
                found.append((label, more))
        return found

    def stretches(self) -> list[Stretch]:
        """Where the plans differ, in order; the differences in cycles add up to the totals'.

        Where all plans have the same sections, nothing is listed; moves across the borders of
        groups can make equal sections take different times, and then they are listed too.
        """
        plans = [run.plan.sections for run in self.runs]
        ends = _common_ends(plans)
        spans = [run.timeline.section_cycles().tolist() for run in self.runs]
        found = []
        starts = [0] * len(plans)
        for stops in ends:
            parts = [sections[a:b] for sections, a, b in zip(plans, starts, stops, strict=True)]
            cycles = tuple(sum(span[a:b]) for span, a, b in zip(spans, starts, stops, strict=True))
            if len(set(map(_shape, parts))) > 1 or len(set(cycles)) > 1:
                ops = tuple(name for section in parts[0] for name in section.ops)
                begins = tuple(tuple(section.ops[0] for section in part) for part in parts)
                found.append(Stretch(ops, begins, cycles))
            starts = list(stops)
        return found


def _shape(sections: Sequence[Section]) -> tuple[object, ...]:
    return tuple((part.kind, part.ops, part.type, part.secs) for part in sections)


def _common_ends(plans: Sequence[Sequence[Section]]) -> list[tuple[int, ...]]:
    """Per border all plans share, the number of sections before it in each of them.

    A border is shared if the same ops lie before it, in whatever order.
    """
    bits = {
        name: 1 << number
        for number, name in enumerate(name for section in plans[0] for name in section.ops)
    }
    found: list[dict[int, int]] = []
    for sections in plans:
        before, ends = 0, {}
        for number, section in enumerate(sections, 1):
            for name in section.ops:
                before |= bits[name]
            ends[before] = number
        found.append(ends)
    shared = [ops for ops in found[0] if all(ops in ends for ends in found)]
    return [tuple(ends[ops] for ends in found) for ops in shared]
