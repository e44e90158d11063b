"""`simulate` and `prepare`: from a network and a chip to a finished `Run`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.features import feature_switches
from lgsim.frontends import load_model
from lgsim.graph import Graph
from lgsim.kernels.support import Features
from lgsim.lowering import lower
from lgsim.planner import Plan, plan_network
from lgsim.planner.group import GroupEvaluator
from lgsim.report.run_info import RunInfo
from lgsim.rewrites import RewriteLog, apply_rewrites
from lgsim.simulator.blocks import plan_blocks
from lgsim.simulator.build import build_program
from lgsim.simulator.timeline import run_program
from lgsim.target import load_target
from lgsim.target.chip import Chip

if TYPE_CHECKING:
    from lgsim.report.explain import Explanation
    from lgsim.simulator.violation import Violation
    from lgsim.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(RunInfo):
    """A finished simulation, and everything that led to it.

    Attributes
    ----------
    graph : Graph
        The network as scheduled, after rewrites and lowering.
    plan : Plan
        How it was cut into sections.
    chip : Chip
        The numbers it was simulated with.
    """

    graph: Graph
    plan: Plan
    chip: Chip

    def summary(self, top: int = 10) -> str:
        """The text of `lgsim simulate`, with the `top` slowest sections."""
        from lgsim.report.summary import summary_text

        return summary_text(self, top)

    def to_json(self) -> dict[str, Any]:
        """The values of `lgsim simulate --json`."""
        from lgsim.report.result_json import result_json

        return result_json(self)

    def plot(
        self, path: str | PathLike[str], kind: str = "gantt", focus: str | None = None
    ) -> None:
        """Draw a picture of the run into `path` (.png, .svg or .pdf)."""
        if kind != "gantt":
            raise LgsimError(f"unknown kind of picture '{kind}'", hint="there is: gantt")
        from lgsim.report.gantt import plot_gantt

        plot_gantt(self, path, focus)

    def trace(self, path: str | PathLike[str]) -> None:
        """Write a trace for Perfetto into `path` (.json or .json.gz)."""
        from lgsim.report.trace import write_trace

        write_trace(self, path)

    def check(self) -> list[Violation]:
        """Hold the schedule against the rules of the chip; an empty list is a clean bill."""
        from lgsim.simulator.check import check

        return check(self.program, self.timeline, self.chip, self.graph)


def simulate(
    net: str | PathLike[str] | Graph,
    *,
    target: str | PathLike[str] | Target = "bm1684x",
    precision: str = "f16",
    strategy: str = "none",
    timing: str = "cmodel",
    batch: int | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    args: Mapping[str, object] | None = None,
    io_dtype: str = "f32",
    disable: Collection[str] = (),
    enable: Collection[str] = (),
    overrides: Mapping[str, str] | None = None,
) -> Run:
    """Plan a network for a chip and simulate it.

    Parameters
    ----------
    net : str, path or Graph
        A zoo name, a file (see `load_model`), or a graph as imported.
    target : str, path or Target
        A chip by name, by file, or loaded.
    precision : {"f32", "f16", "bf16", "int8"}
        Element type the network computes in.
    strategy : str
        Grouping strategy.
    timing : str
        Timing profile of the target.
    batch, shapes, args
        As for `load_model`.
    io_dtype : {"f32", "f16", "int8"}
        Element type of graph inputs and outputs in DDR.
    disable, enable : collection of str
        Features to switch off or on; `lgsim features` lists them.
    overrides : mapping
        Numbers of the target to change, by dotted name.

    Returns
    -------
    Run

    Raises
    ------
    LgsimError
        If the input cannot be used; InfeasibleError if nothing fits the chip.
    """
    chip = _chip(target, timing, overrides or {})
    imported = (
        net if isinstance(net, Graph) else load_model(net, batch=batch, shapes=shapes, args=args)
    )
    features = feature_switches(disable, enable)
    typed = prepare(imported, precision=precision, io_dtype=io_dtype, features=features)
    evaluator = _evaluator(chip, features)
    plan = plan_network(typed, evaluator, strategy)
    program = build_program(typed, plan_blocks(typed, plan, evaluator), chip.gmem_align_bytes)
    return Run(
        model=imported.name,
        target=chip.name,
        precision=typed.precision or precision,
        strategy=strategy,
        timing=timing,
        clock_mhz=chip.clock_mhz,
        macs=imported.macs(),
        params=imported.params(),
        timeline=run_program(program),
        batch=_batch(imported),
        op_counts=typed.op_counts(),
        features=features,
        warnings=tuple(typed.warnings),
        graph=typed,
        plan=plan,
        chip=chip,
    )


def prepare(
    imported: Graph,
    *,
    precision: str = "f16",
    io_dtype: str = "f32",
    features: Mapping[str, bool] | None = None,
    log: RewriteLog | None = None,
) -> Graph:
    """Rewrite and lower a graph; `imported` is left as it is.

    A graph that is lowered already (tpu-mlir's) is returned unchanged. A `log` is filled with
    what the rewrites did.
    """
    if imported.precision is not None:
        return imported
    graph = imported.copy()
    disabled = frozenset(name for name, on in (features or {}).items() if not on)
    apply_rewrites(graph, precision, disabled, log)
    return lower(graph, precision, io_dtype)


def explain(
    net: str | PathLike[str] | Graph,
    *,
    target: str | PathLike[str] | Target = "bm1684x",
    precision: str = "f16",
    strategy: str = "none",
    timing: str = "cmodel",
    batch: int | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    args: Mapping[str, object] | None = None,
    io_dtype: str = "f32",
    disable: Collection[str] = (),
    enable: Collection[str] = (),
    overrides: Mapping[str, str] | None = None,
) -> Explanation:
    """Why each op of a network may or may not be local, and what the rewrites did.

    Parameters are those of `simulate`; the network is planned, but not simulated.

    Raises
    ------
    LgsimError
        If the input cannot be used; InfeasibleError if nothing fits the chip.
    """
    from lgsim.report.explain import explanation

    chip = _chip(target, timing, overrides or {})
    imported = (
        net if isinstance(net, Graph) else load_model(net, batch=batch, shapes=shapes, args=args)
    )
    features, log = feature_switches(disable, enable), RewriteLog()
    typed = prepare(imported, precision=precision, io_dtype=io_dtype, features=features, log=log)
    plan = plan_network(typed, _evaluator(chip, features), strategy)
    return explanation(typed, plan, features, log)


def _evaluator(chip: Chip, features: Mapping[str, bool]) -> GroupEvaluator:
    """The evaluator of one network; what it finds for the plan is there for the schedule too."""
    return GroupEvaluator(chip, Features.without([name for name, on in features.items() if not on]))


def _chip(target: str | PathLike[str] | Target, timing: str, overrides: Mapping[str, str]) -> Chip:
    if isinstance(target, str | PathLike):
        return load_target(fspath(target), overrides).chip(timing)
    return target.chip(timing)


def _batch(graph: Graph) -> int:
    """Samples per inference: the first dimension that all graph inputs agree on, else 1."""
    firsts = {graph.tensor(name).shape[:1] for name in graph.inputs}
    return next(iter(firsts))[0] if len(firsts) == 1 and firsts != {()} else 1
