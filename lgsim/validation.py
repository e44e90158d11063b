"""Whole networks against recorded totals: simulate each the same way and compare the cycles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lgsim.api import simulate
from lgsim.errors import LgsimError
from lgsim.frontends.totals_file import RecordedTotal, read_totals

# The way of grouping in the vendor's words, by the strategy that does the same.
GROUPING_OF_STRATEGY = {"none": "ungrouped", "greedy": "opt1"}


@dataclass(frozen=True, slots=True)
class TotalRow:
    """One network: recorded cycles, and lgsim's."""

    model: str
    precision: str
    reference_cycles: int
    estimate_cycles: int

    @property
    def ratio(self) -> float:
        """Estimate over reference."""
        return self.estimate_cycles / self.reference_cycles


def estimate_totals(
    reference: Path, *, strategy: str = "none", target: str = "bm1684x", timing: str = "cmodel"
) -> list[TotalRow]:
    """Simulate every network that has a recorded total.

    Parameters
    ----------
    reference : path
        Folder with ``cycle_sim.csv`` and the networks as ``onnx/MODEL.onnx``.
    strategy, target, timing : str
        As for `simulate`; the strategy decides which rows it is compared with.

    Raises
    ------
    LgsimError
        If there is nothing to compare with, or a network cannot be read.
    """
    grouping = GROUPING_OF_STRATEGY.get(strategy)
    if grouping is None:
        raise LgsimError(f"there are no recorded totals for strategy '{strategy}'")
    totals = read_totals(reference / "cycle_sim.csv")
    found = [each for each in totals if each.grouping == grouping]
    if not found:
        raise LgsimError(f"no total with grouping '{grouping}'", where=str(reference))
    return [_estimate(reference, each, strategy, target, timing) for each in found]


def _estimate(
    reference: Path, total: RecordedTotal, strategy: str, target: str, timing: str
) -> TotalRow:
    run = simulate(
        reference / "onnx" / f"{total.model}.onnx",
        target=target,
        precision=total.precision,
        strategy=strategy,
        timing=timing,
    )
    return TotalRow(total.model, total.precision, total.cycles, run.cycles)


def median_abs_error(rows: list[TotalRow]) -> float:
    """Median of the relative differences, without their signs."""
    return median(abs(row.ratio - 1) for row in rows)
