"""Writes a plan as the vendor's layer-group cache, the file its compiler obeys with ``opt=4``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lgsim.errors import LgsimError
from lgsim.frontends.group_cache import RETURN
from lgsim.graph import Graph
from lgsim.kernels.support import Features
from lgsim.pipeline import Prepared, lowered
from lgsim.planner.base_groups import base_groups
from lgsim.planner.group import Evaluation, pattern_of
from lgsim.planner.plan import Plan, Section, section_name

if TYPE_CHECKING:
    from lgsim.run_data import RunData

SEARCH_OPT = 2
"""What the vendor's search notes as its own option in a cache (reference/ir)."""


def group_cache_text(prepared: Prepared, run: RunData) -> str:
    """The plan of a run of a prepared network as the text of a layer-group cache.

    Raises
    ------
    LgsimError
        If the network is not tpu-mlir's lowered graph, or a group cannot be expressed.
    """
    if prepared.imported.precision is None:
        raise LgsimError(
            "its ops have no names that the vendor's compiler knows",
            where=run.model,
            hint="plan tpu-mlir's own lowered graph (*_tpu_opt.mlir) instead",
        )
    vendors = lowered(prepared.imported, run.precision, "f32", frozenset())
    cycles = run.timeline.section_cycles().tolist()
    return json.dumps(group_cache_document(vendors, run.plan, cycles), indent=2) + "\n"


def cache_name(run: RunData) -> str:
    """How the file has to be called for the compiler to find it, in its working directory."""
    return f"{run.model}_{run.target}_{run.precision}.layer_group_cache.json"


def doubtful_groups(prepared: Prepared, run: RunData) -> list[str]:
    """A sentence per group that fits only in a way that the file cannot express."""
    found = []
    for section in run.plan.sections:
        if section.kind == "global" or section.type == "" or max(section.secs) == 1:
            continue
        pattern, _ = pattern_of(run.graph, section.ops)
        group = prepared.evaluator.evaluate_section(pattern, section.type, section.secs)
        if not isinstance(group, Evaluation):
            continue
        reloaded = group.costs.held != group.costs.may_stay
        if reloaded and group.costs.can_all_stay(prepared.chip):
            found.append(
                f"group '{section.name}' loads its weights again for every slice, where the"
                " compiler tries to keep all of them; --disable weight_reload plans without"
            )
    return found


def group_cache_document(graph: Graph, plan: Plan, cycles: list[int]) -> dict[str, Any]:
    """A plan in the form of the vendor's layer-group cache.

    Parameters
    ----------
    graph : Graph
        The vendor's lowered graph in the vendor's order; op names are its locations.
    plan : Plan
        Sections in any order.
    cycles : list of int
        What each section takes.

    Raises
    ------
    LgsimError
        If a group is no interval of the vendor's op order.
    """
    order = [op.name for op in graph]
    position = {name: number for number, name in enumerate(order)}
    listed = [
        part
        for section, taken in zip(plan.sections, cycles, strict=True)
        for part in _unpacked(graph, section, taken)
    ]
    listed.sort(key=lambda part: position[part[0].ops[0]])
    bases = [
        (number, place)
        for number, (_, ops) in enumerate(base_groups(graph, Features()))
        for place in range(len(ops))
    ]
    groups, layers, sums = [], [], []
    total = 0
    for index, (section, taken) in enumerate(listed):
        first = position[section.ops[0]]
        last = first + len(section.ops) - 1
        total += taken
        sums.append({"index": index, "prefix_end_idx": last, "cycle_prefix_sum": total})
        if section.kind == "global":
            layers.append(_layer(index, first, taken, section.ops[0]))
            continue
        _check_interval(section, order, first, bases)
        base, start = bases[first]
        groups.append(
            {
                "base_group_idx": base,
                "start_idx": start,
                "end_idx": start + last - first,
                "func_start_idx": first,
                "func_end_idx": last,
                "group_cost": taken,
                "index": index,
                "locs": list(section.ops),
                "shape_secs": list(section.secs),
            }
        )
    end = len(listed)
    layers.append(_layer(end, len(order), 0, RETURN))
    sums.append({"index": end, "prefix_end_idx": len(order), "cycle_prefix_sum": total})
    return {
        "opt": SEARCH_OPT,
        "total subfunc": 1,
        "subfunc_0": {
            "subfunc idx": 0,
            "GroupLayer": groups,
            "GlobalLayer": layers,
            "CyclePrefixSum": sums,
        },
    }


def _unpacked(graph: Graph, section: Section, cycles: int) -> Iterator[tuple[Section, int]]:
    """A section without the permutes it took in; the vendor takes them in after it has planned."""
    absorbed = pattern_of(graph, section.ops)[0].absorbed if section.kind == "group" else ()
    kept = tuple(name for number, name in enumerate(section.ops) if number not in absorbed)
    yield replace(section, name=section_name(kept), ops=kept), cycles
    for number in absorbed:
        name = section.ops[number]
        yield Section("global", name, (name,)), 0


def _layer(index: int, position: int, cycles: int, name: str) -> dict[str, Any]:
    return {"index": index, "func_idx": position, "group_cost": cycles, "loc": name}


def _check_interval(
    section: Section, order: list[str], first: int, bases: list[tuple[int, int]]
) -> None:
    """LgsimError unless the group is an interval of one of the vendor's base groups."""
    last = first + len(section.ops) - 1
    for number, name in enumerate(section.ops):
        if first + number >= len(order) or order[first + number] != name:
            raise LgsimError(
                f"group '{section.name}' cannot be expressed in a layer-group cache: the vendor "
                f"computes '{order[min(first + number, len(order) - 1)]}' where it has '{name}'",
                limit="groups are intervals of the vendor's op order",
            )
    if bases[first][0] != bases[last][0]:
        raise LgsimError(
            f"group '{section.name}' cannot be expressed in a layer-group cache: "
            "it holds ops that the vendor does not put into groups",
        )
