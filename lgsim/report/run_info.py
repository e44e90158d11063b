"""`RunInfo`: a finished simulation with the settings it was made with; what all reports read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lgsim.simulator.program import Program
from lgsim.simulator.timeline import Timeline


@dataclass(frozen=True, slots=True)
class RunInfo:
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
    batch: int = 1
    op_counts: Mapping[str, int] = field(default_factory=dict)
    features: Mapping[str, bool] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

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
