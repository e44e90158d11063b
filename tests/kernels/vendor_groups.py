"""The vendor's layer groups: from the folder of reference figures, or from tests/data."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lgsim.frontends.tpu_mlir import import_mlir
from lgsim.graph import Graph
from lgsim.kernels import local_support
from lgsim.kernels.site import site_of
from lgsim.kernels.support import Features
from lgsim.rewrites.reshape_clean import ReshapeClean
from lgsim.rewrites.trivial_permute import TrivialPermute

DATA = Path(__file__).resolve().parents[1] / "data"


@dataclass(frozen=True)
class VendorGroup:
    """Positions of the first and last op in `VendorPlan.order`, and of the first in its base group.

    A base group is a run of ops that may all be local; `base` counts them, ops that may not be
    local being base groups of their own.
    """

    first: int
    last: int
    base: int
    start: int
    type: str
    secs: tuple[int, ...]


@dataclass(frozen=True)
class VendorPlan:
    """Where each op stands in the lowered file, in the order of the plan; and its groups."""

    order: list[int]
    groups: list[VendorGroup]


def vendor_plan(folder: Path, case: str) -> VendorPlan:
    """Read a plan of the reference folder."""
    positions = {op.name: k for k, op in enumerate(import_mlir(folder / "ir" / f"{case}.mlir.gz"))}
    cache = json.loads(_unzip(folder / "ir" / f"{case}.layer_group_cache.json.gz"))["subfunc_0"]
    plan = json.loads(_unzip(folder / "plans" / f"{case}.json.gz"))
    names = {layer["func_idx"]: layer["loc"] for layer in cache["GlobalLayer"]}
    found = sorted(cache["GroupLayer"], key=lambda group: group["func_start_idx"])
    for group in found:
        names |= {group["func_start_idx"] + k: loc for k, loc in enumerate(group["locs"])}
    groups = [
        VendorGroup(
            group["func_start_idx"],
            group["func_end_idx"],
            group["base_group_idx"],
            group["start_idx"],
            planned["type"],
            tuple(planned["secs"][axis] for axis in "ncdhw"),
        )
        for group, planned in zip(found, plan["groups"], strict=True)
    ]
    order = [positions[names[k]] for k in range(len(names)) if names[k] in positions]
    return VendorPlan(order, groups)


def stored_plans() -> dict[str, VendorPlan]:
    """The plans in tests/data."""
    raw = json.loads(_unzip(DATA / "vendor_groups.json.gz"))
    return {
        case: VendorPlan(
            plan["order"],
            [VendorGroup(**{**group, "secs": tuple(group["secs"])}) for group in plan["groups"]],
        )
        for case, plan in raw.items()
    }


def store(plans: dict[str, VendorPlan]) -> None:
    """Write the plans of tests/data."""
    text = json.dumps({case: asdict(plan) for case, plan in plans.items()}, separators=(",", ":"))
    (DATA / "vendor_groups.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


@dataclass(frozen=True)
class Agreement:
    """Numbers of ops: in groups and outside, accepted and refused by our checks.

    `isolated` are accepted ops outside of groups that have no neighbour to share a group with.
    """

    accepted_in_groups: int
    refused_in_groups: int
    refused_outside: int
    isolated: int
    left_by_search: int
    wrong_bases: int

    @property
    def share(self) -> float:
        """Share of ops where the check alone decides as the vendor did."""
        good = self.accepted_in_groups + self.refused_outside + self.isolated
        return good / (good + self.refused_in_groups + self.left_by_search)


def agreement(graph: Graph, plan: VendorPlan) -> Agreement:
    """Compare the capability checks with what the vendor grouped."""
    names = [graph.ops[k].name for k in plan.order]
    graph = graph.copy()
    while TrivialPermute().apply(graph) + ReshapeClean().apply(graph):
        pass  # the vendor does so between the file and the plan; reshapes of nothing stay in it
    local = [
        not graph.has_op(name) or local_support(site_of(graph, graph.op(name)), Features()) is None
        for name in names
    ]
    grouped = {k for group in plan.groups for k in range(group.first, group.last + 1)}
    bases = list(_bases(local))
    runs = [base for base, _ in bases]
    alone = {k for k, base in enumerate(runs) if runs.count(base) == 1}
    outside = [k for k in range(len(names)) if k not in grouped]
    return Agreement(
        sum(local[k] for k in grouped),
        sum(not local[k] for k in grouped),
        sum(not local[k] for k in outside),
        sum(local[k] and k in alone for k in outside),
        sum(local[k] and k not in alone for k in outside),
        sum(bases[group.first] != (group.base, group.start) for group in plan.groups),
    )


def _bases(local: list[bool]) -> Iterator[tuple[int, int]]:
    """Number of the base group of each op, and its position in it."""
    base, position, open_ = -1, 0, False
    for may in local:
        if may and open_:
            position += 1
        else:
            base, position = base + 1, 0
        open_ = may
        yield base, position


def _unzip(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()
