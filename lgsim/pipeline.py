"""The way of a network, step by step: imported, prepared, planned, simulated.

Every entry point takes these steps, some of them several times: `compare` plans one prepared
network in several ways, `ablate` prepares one imported network in several ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath

from lgsim.errors import LgsimError
from lgsim.features import feature_switches
from lgsim.frontends import load_model
from lgsim.graph import Graph
from lgsim.kernels.support import Features
from lgsim.lowering import lower
from lgsim.planner import Plan, plan_network
from lgsim.planner.given import NAME as GIVEN
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.order import planning_order
from lgsim.rewrites import RewriteLog, apply_rewrites, settle
from lgsim.run_data import RunData
from lgsim.settings import DEFAULTS, Settings
from lgsim.simulator.blocks import plan_blocks
from lgsim.simulator.build import build_program
from lgsim.simulator.timeline import run_program
from lgsim.target import load_chip
from lgsim.target.chip import Chip

PLAN_SUFFIXES = (".json", ".json.gz")
"""A network whose name ends so is given by a plan of it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A network that can be planned.

    Attributes
    ----------
    imported : Graph
        As read.
    typed : Graph
        After rewrites and lowering.
    chip : Chip
        What it is planned for.
    features : dict
        Every feature, and whether it is on.
    evaluator : GroupEvaluator
        Prices groups; what it finds for one plan is there for the schedule and for other plans.
    settings : Settings
        As asked for.
    """

    imported: Graph
    typed: Graph
    chip: Chip
    features: dict[str, bool]
    evaluator: GroupEvaluator
    settings: Settings


def imported_graph(net: str | PathLike[str] | Graph, settings: Settings) -> Graph:
    """The network as read; a graph is taken as it is."""
    if isinstance(net, Graph):
        return net
    return load_model(net, batch=settings.batch, shapes=settings.shapes, args=settings.args)


def chip_of(settings: Settings) -> Chip:
    """The chip with its overrides and its timing profile."""
    target = settings.target
    if isinstance(target, str | PathLike):
        return load_chip(fspath(target), settings.timing, settings.overrides)
    if settings.overrides:
        raise LgsimError(
            "overrides are for a target by name",
            where=target.name,
            hint="load_target(name, overrides) applies them to a loaded one",
        )
    return target.chip(settings.timing)


def prepare_network(
    net: str | PathLike[str] | Graph, settings: Settings, log: RewriteLog | None = None
) -> Prepared:
    """Read, rewrite and lower a network; a `log` is filled with what the rewrites did.

    A plan file stands for the network it was made from, with the settings it was made for.
    """
    if isinstance(net, str | PathLike) and fspath(net).endswith(PLAN_SUFFIXES):
        from lgsim.plans import check_fingerprint, planned_network

        source, settings, expected = planned_network(fspath(net), settings)
        prepared = prepare_network(source, settings, log)
        check_fingerprint(prepared.typed, expected, fspath(net))
        return prepared
    chip, features = chip_of(settings), feature_switches(settings.disable, settings.enable)
    imported = imported_graph(net, settings)
    disabled = frozenset(name for name, on in features.items() if not on)
    typed = lowered(imported, settings.precision, settings.io_dtype, disabled, log)
    evaluator = GroupEvaluator.without(chip, disabled)
    return Prepared(imported, typed, chip, features, evaluator, settings)


def lowered(
    imported: Graph,
    precision: str,
    io_dtype: str,
    disabled: frozenset[str],
    log: RewriteLog | None = None,
) -> Graph:
    """The graph rewritten, typed and in planning order.

    One that is lowered already (tpu-mlir's) only gets the vendor's last clean-up; what this
    function returned once is taken as it is.
    """
    if imported.prepared:
        return imported
    graph = imported.copy()
    if imported.precision is not None:
        settle(graph)
    else:
        apply_rewrites(graph, precision, disabled, log)
        graph = lower(graph, precision, io_dtype)
    graph.reorder(planning_order(graph, Features.without(disabled)))
    graph.prepared = True
    return graph


def planned(prepared: Prepared, strategy: str | None = None) -> Plan:
    """The plan the settings ask for, or the one of another strategy.

    Raises
    ------
    LgsimError
        If there is no such strategy, or a given plan is not one of this network.
    InfeasibleError
        If a given plan does not fit the chip.
    """
    settings = prepared.settings
    wanted = strategy or settings.strategy
    if strategy is None and settings.plan is not None:
        if wanted not in (DEFAULTS.strategy, GIVEN):
            raise LgsimError(f"a plan is given, and strategy '{wanted}' asked for: which one?")
        return given_plan(prepared, settings.plan)
    if wanted == GIVEN:
        raise LgsimError(f"strategy '{GIVEN}' needs a plan", hint="--plan FILE gives one")
    return plan_network(prepared.typed, prepared.evaluator, wanted)


def given_plan(prepared: Prepared, plan: Plan | str | PathLike[str]) -> Plan:
    """A plan from outside, held against a prepared network: a value, or read from a file."""
    from lgsim.plans import checked_plan, plan_from_file

    graph, evaluator = prepared.typed, prepared.evaluator
    if isinstance(plan, Plan):
        return checked_plan(graph, plan, evaluator)
    return plan_from_file(graph, plan, evaluator, prepared.settings.vendor_steps)


def simulated(prepared: Prepared, plan: Plan) -> RunData:
    """Schedule a prepared network as `plan` says, and run it.

    Raises
    ------
    InfeasibleError
        If a section does not fit the chip.
    """
    typed, chip, settings = prepared.typed, prepared.chip, prepared.settings
    blocks = plan_blocks(typed, plan, prepared.evaluator)
    imported = prepared.imported
    return RunData(
        model=imported.name,
        target=chip.name,
        precision=typed.precision or settings.precision,
        strategy=plan.strategy,
        timing=settings.timing,
        clock_mhz=chip.clock_mhz,
        macs=imported.macs(),
        params=imported.params(),
        timeline=run_program(build_program(typed, blocks, chip.gmem_align_bytes)),
        batch=_batch(imported),
        op_counts=typed.op_counts(),
        features=prepared.features,
        warnings=tuple(typed.warnings),
        graph=typed,
        plan=plan,
        chip=chip,
    )


def _batch(graph: Graph) -> int:
    """Samples per inference: the first dimension that all graph inputs agree on, else 1."""
    firsts = {graph.tensor(name).shape[:1] for name in graph.inputs}
    return next(iter(firsts))[0] if len(firsts) == 1 and firsts != {()} else 1
