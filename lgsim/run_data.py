"""`RunData`: a finished simulation, and everything that led to it; what reports read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lgsim.graph import Graph
from lgsim.planner import Plan
from lgsim.simulator.program import Program
from lgsim.simulator.timeline import Timeline
from lgsim.target.chip import Chip

if TYPE_CHECKING:
    from lgsim.simulator.violation import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """What was simulated, and how.

    Parameters
    ----------
    model, target, precision, strategy, timing : str
        Names, as the user gave them.
    clock_mhz : int
        Clock of both engines; turns cycles into time.
    macs, params : int
        Totals of the network as imported.
    timeline : Timeline
        The result, with its program.
    graph : Graph
        The network as scheduled, after rewrites and lowering.
    plan : Plan
        How it was cut into sections.
    chip : Chip
        The numbers it was simulated with.
    batch : int
        Samples per inference, for the frame rate.
    op_counts : mapping
        Ops per kind as planned, after rewrites and lowering.
    features : mapping
        Rewrites and planner features, and whether they were on.
    warnings : tuple of str
        What the user should know before trusting the figures.
    """

    model: str
    target: str
    precision: str
    strategy: str
    timing: str
    clock_mhz: int
    macs: int
    params: int
    timeline: Timeline
    graph: Graph
    plan: Plan
    chip: Chip
    batch: int
    op_counts: Mapping[str, int]
    features: Mapping[str, bool]
    warnings: tuple[str, ...]

    @property
    def program(self) -> Program:
        """The commands that were run."""
        return self.timeline.program

    @property
    def cycles(self) -> int:
        """Cycles of one inference."""
        return self.timeline.total_cycles

    @property
    def latency_ms(self) -> float:
        """Milliseconds of one inference."""
        return self.milliseconds(self.cycles)

    def milliseconds(self, cycles: int) -> float:
        """Duration of some cycles in milliseconds."""
        return cycles / (self.clock_mhz * 1e3)

    def microseconds(self, cycles: int) -> float:
        """Duration of some cycles in microseconds."""
        return cycles / self.clock_mhz

    def check(self) -> list[Violation]:
        """Hold the schedule against the rules of the chip; an empty list is a clean bill."""
        from lgsim.simulator.check import check

        return check(self.program, self.timeline, self.chip, self.graph)
