"""lgsim against records of the vendor's: totals of whole networks, and single ops of one plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from lgsim.errors import InfeasibleError, LgsimError
from lgsim.frontends.command_file import read_commands
from lgsim.frontends.plans import read_plan
from lgsim.frontends.totals_file import RecordedTotal, read_totals
from lgsim.frontends.vendor_plan import VendorPlan
from lgsim.pipeline import planned, prepare_network, simulated
from lgsim.planner.given import NAME as GIVEN
from lgsim.run_data import RunData
from lgsim.settings import Settings
from lgsim.simulator.against import OpComparison, against_record
from lgsim.simulator.replay import replay_file

# The way of grouping in the vendor's words, by the strategy that does the same.
GROUPING_OF_STRATEGY = {"none": "ungrouped", "greedy": "opt1", "dp": "opt2", GIVEN: "opt2"}

Graphs = Literal["onnx", "ir"]


@dataclass(frozen=True, slots=True)
class TotalRow:
    """One network: recorded cycles, and lgsim's.

    `groups` are the recorded span and lgsim's cycles of every group, if the plan is the vendor's;
    `failure` says what does not fit, and then there is no estimate.
    """

    model: str
    precision: str
    reference_cycles: int
    estimate_cycles: int
    groups: tuple[tuple[int, int], ...] = ()
    failure: str = ""

    @property
    def ratio(self) -> float:
        """Estimate over reference."""
        return self.estimate_cycles / self.reference_cycles


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """The same plan as recorded and as lgsim schedules it: totals, and the commands of every op."""

    recorded_cycles: int
    cycles: int
    ops: list[OpComparison]

    @property
    def ratio(self) -> float:
        """Cycles of lgsim over the recorded ones."""
        return self.cycles / max(1, self.recorded_cycles)


def estimate_totals(
    reference: Path,
    *,
    strategy: str = "none",
    graphs: Graphs = "onnx",
    vendor_steps: bool = False,
    target: str = "bm1684x",
    timing: str = "cmodel",
) -> list[TotalRow]:
    """Simulate every network that has a recorded total.

    Parameters
    ----------
    reference : path
        Folder with ``cycle_sim.csv``, the networks as ``onnx/MODEL.onnx`` or as
        ``ir/MODEL_PRECISION.mlir.gz``, and the vendor's plans as ``plans/MODEL_PRECISION.json.gz``.
    strategy, target, timing : str
        As for `simulate`; the strategy decides which rows it is compared with. ``given`` takes the
        vendor's plans, and its graphs.
    graphs : {"onnx", "ir"}
        Whether networks are read from ONNX files or as the vendor has lowered them.
    vendor_steps : bool
        Whether the vendor's plans give the time steps and addresses as well.

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
    rows = []
    for total in found:
        case = f"{total.model}_{total.precision}"
        lowered = reference / "ir" / f"{case}.mlir.gz"
        plan = reference / "plans" / f"{case}.json.gz" if strategy == GIVEN else None
        settings = Settings(
            target=target,
            precision=total.precision,
            strategy=strategy,
            plan=plan,
            vendor_steps=vendor_steps,
            timing=timing,
        )
        as_onnx = graphs == "onnx" and strategy != GIVEN
        net = reference / "onnx" / f"{total.model}.onnx" if as_onnx else lowered
        rows.append(_estimate(net, settings, total))
    return rows


def _estimate(net: Path, settings: Settings, total: RecordedTotal) -> TotalRow:
    prepared = prepare_network(net, settings)
    try:
        run = simulated(prepared, planned(prepared))
    except InfeasibleError as error:
        return TotalRow(total.model, total.precision, total.cycles, 0, failure=str(error))
    groups = _spans(run, settings.plan) if isinstance(settings.plan, Path) else ()
    return TotalRow(total.model, total.precision, total.cycles, run.cycles, groups)


def _spans(run: RunData, path: Path) -> tuple[tuple[int, int], ...]:
    """Recorded and own span of the groups of a finished plan, from first to last command."""
    plan = read_plan(path)
    if not isinstance(plan, VendorPlan):
        return ()
    cycles = zip(run.plan.sections, run.timeline.section_spans().tolist(), strict=True)
    own = [taken for section, taken in cycles if section.kind == "group"]
    return tuple(zip((group.span_cycles for group in plan.groups), own, strict=True))


def compare_with_record(commands: Path, net: str | Path, settings: Settings) -> PlanComparison:
    """Schedule a network by a plan, and hold the commands against recorded ones, op by op.

    Parameters
    ----------
    commands : path
        Recorded commands of the same network and plan.
    net : str or path
        The network; a plan of lgsim names its own.
    settings : Settings
        With the plan.

    Raises
    ------
    LgsimError
        If a file cannot be used, or the record is of something else.
    """
    prepared = prepare_network(net, settings)
    run = simulated(prepared, planned(prepared))
    recorded = replay_file(commands, run.chip).recorded_total_cycles
    ops = against_record(run.program, read_commands(commands), str(commands))
    return PlanComparison(recorded, run.cycles, ops)


def median_abs_error(rows: list[TotalRow]) -> float:
    """Median of the relative differences, without their signs; of the rows with an estimate."""
    return median(abs(row.ratio - 1) for row in rows if not row.failure)
