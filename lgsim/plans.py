"""Plans as files: from a plan of any origin to one of a prepared network, and back into a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from lgsim.errors import LgsimError
from lgsim.frontends.group_cache import GroupCache
from lgsim.frontends.plans import read_plan
from lgsim.frontends.vendor_plan import VendorPlan
from lgsim.graph import Graph
from lgsim.planner.absorb import absorb_permutes
from lgsim.planner.given import NAME as GIVEN
from lgsim.planner.given import check_ops, given_plan, with_type
from lgsim.planner.group import GroupEvaluator
from lgsim.planner.plan import Plan, Section, section_name
from lgsim.planner.vendor_names import vendor_sections, with_vendor_steps
from lgsim.settings import DEFAULTS, Settings

if TYPE_CHECKING:
    from lgsim.frontends.plan_file import PlanFile, PlannedSettings


def plan_from_file(
    graph: Graph, path: str | PathLike[str], evaluator: GroupEvaluator, vendor_steps: bool = False
) -> Plan:
    """The plan in a file, held against a network and a chip.

    Parameters
    ----------
    graph : Graph
        The typed graph, in planning order.
    path : path
        A plan of lgsim, the vendor's layer-group cache, or a finished plan of the vendor's.
    evaluator : GroupEvaluator
        Knows the chip, and what is switched on.
    vendor_steps : bool
        Whether the groups of a finished plan of the vendor's take its time steps and addresses.

    Raises
    ------
    LgsimError
        If the file is no plan, or not one of this network.
    InfeasibleError
        If a group does not fit the chip.
    """
    where = fspath(path)
    found = read_plan(where)
    if vendor_steps and not isinstance(found, VendorPlan):
        raise LgsimError("has no time steps to take over", where=where)
    if isinstance(found, VendorPlan):
        sections = vendor_sections(graph, found, where)
    elif isinstance(found, GroupCache):
        sections = _cached_sections(found)
    else:
        return given_plan(graph, _sections(found), evaluator, where)
    check_ops(graph, sections, where)
    sections = _with_permutes(graph, sections, evaluator)
    if vendor_steps and isinstance(found, VendorPlan):
        sections = with_vendor_steps(graph, sections, found, evaluator, where)
    return given_plan(graph, sections, evaluator, where)


def _with_permutes(
    graph: Graph, sections: Sequence[Section], evaluator: GroupEvaluator
) -> list[Section]:
    """Sections of the vendor's with the permutes that its compiler moves into groups afterwards."""
    typed = tuple(with_type(graph, section, evaluator.chip) for section in sections)
    return list(absorb_permutes(graph, Plan(GIVEN, typed), evaluator).sections)


def checked_plan(graph: Graph, plan: Plan, evaluator: GroupEvaluator) -> Plan:
    """A plan made in Python, held against a network and a chip; it keeps its strategy's name."""
    checked = given_plan(graph, plan.sections, evaluator, f"plan '{plan.strategy}'")
    return replace(checked, strategy=plan.strategy)


def _cached_sections(cache: GroupCache) -> list[Section]:
    found = []
    for each in cache.sections:
        name = section_name(each.ops)
        if each.secs is None:
            found.append(Section("global", name, each.ops))
        else:
            found.append(Section("group", name, each.ops, secs=each.secs))
    return found


def _sections(file: PlanFile) -> list[Section]:
    found = []
    for each in file.sections:
        secs = each.secs
        cuts = (secs.n, secs.c, secs.d, secs.h, secs.w)
        name, ops = section_name(each.ops), tuple(each.ops)
        found.append(Section(each.kind, name, ops, each.type or "", cuts, each.reason))
    return found


def network_of(path: str) -> str:
    """The network a plan is for: a plan of lgsim itself, else the vendor's graph beside it.

    Raises
    ------
    LgsimError
        If there is no such graph.
    """
    if not isinstance(read_plan(path), GroupCache | VendorPlan):
        return path
    file = Path(path)
    stem = file.name.removesuffix(".gz").removesuffix(".json").removesuffix(".layer_group_cache")
    for folder in (file.parent, file.parent.parent / "ir"):
        for suffix in (".mlir", ".mlir.gz"):
            if (folder / f"{stem}{suffix}").is_file():
                return str(folder / f"{stem}{suffix}")
    raise LgsimError(
        f"does not say which network it is for, and there is no {stem}.mlir beside it",
        where=path,
        hint="give --net NET",
    )


def planned_network(path: str, settings: Settings) -> tuple[str, Settings, str]:
    """What a plan of lgsim was made from: the network, the settings, and its fingerprint.

    Parameters
    ----------
    path : str
        The plan file.
    settings : Settings
        As asked for beside it; may not contradict the file.

    Raises
    ------
    LgsimError
        If the file is no plan of lgsim, its network is not there, or something contradicts it.
    """
    found = read_plan(path)
    if isinstance(found, GroupCache | VendorPlan):
        raise LgsimError(
            "does not say which network it is for", where=path, hint=f"give NET --plan {path}"
        )
    source = found.network.source
    if source is None:
        raise LgsimError(
            f"was made from a graph in memory ('{found.network.name}')",
            where=path,
            hint=f"give NET --plan {path}",
        )
    _check_contradictions(found.settings, settings, path)
    planned, network = found.settings, found.network
    merged = replace(
        settings,
        target=planned.target,
        precision=planned.precision,
        io_dtype=planned.io_dtype,
        timing=planned.timing,
        disable=tuple(planned.disable),
        enable=tuple(planned.enable),
        overrides=planned.overrides,
        batch=network.batch,
        shapes={name: tuple(shape) for name, shape in network.shapes.items()},
        args=network.args,
        plan=path,
    )
    return _located(source, path), merged, network.fingerprint


def _check_contradictions(planned: PlannedSettings, asked: Settings, path: str) -> None:
    """What is asked for beside a plan must be what it was made for."""
    for name in ("target", "precision", "io_dtype", "timing"):
        value = getattr(asked, name)
        if value not in (getattr(DEFAULTS, name), getattr(planned, name)):
            raise LgsimError(
                f"was made for {name} {getattr(planned, name)}, not {value}",
                where=path,
                hint=f"give NET --plan {path} to try it otherwise",
            )
    for name in ("batch", "shapes", "args", "disable", "enable", "overrides"):
        if getattr(asked, name):
            raise LgsimError(
                f"comes with its own {name}",
                where=path,
                hint=f"give NET --plan {path} to try it otherwise",
            )


def _located(source: str, path: str) -> str:
    """The network of a plan: a zoo name, or a file here or beside the plan."""
    beside = Path(path).parent / source
    if Path(source).suffix and not Path(source).exists() and beside.exists():
        return str(beside)
    return source


def check_fingerprint(graph: Graph, expected: str, path: str) -> None:
    """LgsimError unless the typed graph is the one that was planned."""
    found = fingerprint(graph)
    if found != expected:
        raise LgsimError(
            f"'{graph.name}' is no longer the network that was planned: ops, shapes or attributes"
            " differ",
            where=path,
            limit=f"fingerprint {found}, planned {expected}",
            hint="plan it again",
        )


def fingerprint(graph: Graph) -> str:
    """A short hash of a typed graph: kinds, attributes, operands and types of its ops, in order."""
    digest = hashlib.sha256()
    for op in graph:
        made = [(type_.shape, type_.dtype.name) for type_ in graph.output_types(op)]
        digest.update(repr((op.name, op.attrs, op.inputs, made)).encode())
    return digest.hexdigest()[:16]
