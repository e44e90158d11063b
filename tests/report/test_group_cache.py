"""Export to the vendor's layer-group cache: what comes from one goes back into it unchanged."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lgsim.errors import LgsimError
from lgsim.frontends.group_cache import GroupCache, group_cache
from lgsim.frontends.plans import read_plan
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.dtypes import DType
from lgsim.pipeline import Prepared, planned, prepare_network, simulated
from lgsim.planner.plan import Plan, Section, section_name
from lgsim.report.group_cache import (
    cache_name,
    doubtful_groups,
    group_cache_document,
    group_cache_text,
)
from lgsim.settings import Settings
from tests.planner.group.group_nets import chain

DATA = Path(__file__).resolve().parents[1] / "data"
SUFFIX = ".layer_group_cache.json.gz"
CASES = sorted(path.name.removesuffix(SUFFIX) for path in (DATA / "plans").glob(f"*{SUFFIX}"))


def document_of(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return document


def cached_plan(path: Path) -> tuple[Plan, list[int]]:
    """The sections of a cache as they stand there, and their cycles."""
    cache = read_plan(path)
    assert isinstance(cache, GroupCache)
    sections = tuple(
        Section("group", section_name(each.ops), each.ops, "NORMAL", each.secs)
        if each.secs
        else Section("global", each.ops[0], each.ops)
        for each in cache.sections
    )
    return Plan("given", sections), [each.cycles for each in cache.sections]


def lowered_network(path: Path) -> Prepared:
    return prepare_network(path, Settings())


@pytest.mark.parametrize("case", CASES)
def test_the_vendors_groups_give_the_vendors_file(case: str) -> None:
    """Groups, slices, indices, base groups, order, costs and their sums: equal documents."""
    path = DATA / "plans" / f"{case}{SUFFIX}"
    graph = lowered_network(DATA / "ir" / f"{case}.mlir.gz").typed
    assert group_cache_document(graph, *cached_plan(path)) == document_of(path)


def test_every_file_of_the_vendors_comes_back_equal(reference: Path) -> None:
    """All of reference/ir (takes some seconds: it reads 35 graphs)."""
    paths = sorted((reference / "ir").glob(f"*{SUFFIX}"))
    assert paths
    for path in paths:
        graph = lowered_network(path.with_name(path.name.replace(SUFFIX, ".mlir.gz"))).typed
        assert group_cache_document(graph, *cached_plan(path)) == document_of(path), path.name


@pytest.mark.parametrize("strategy", ["greedy", "none"])
def test_own_plans_are_well_formed(strategy: str) -> None:
    """Read back, they are the same plan; costs and sums are those of the simulation."""
    prepared = prepare_network(DATA / "ir" / "resnet18_int8.mlir.gz", Settings(strategy=strategy))
    run = simulated(prepared, planned(prepared))
    document = json.loads(group_cache_text(prepared, run))
    cache = group_cache(document, "own")
    assert [each.ops for each in cache.sections] == [each.ops for each in run.plan.sections]
    assert sum(each.cycles for each in cache.sections) == run.cycles
    assert document["subfunc_0"]["CyclePrefixSum"][-1]["cycle_prefix_sum"] == run.cycles
    assert cache_name(run) == "resnet18_bm1684x_int8.layer_group_cache.json"


def test_permutes_inside_a_group_are_layers_of_their_own() -> None:
    """The vendor moves them into the group after it has planned."""
    b = GraphBuilder("turned", dtype=DType.F16)
    x = b.sigmoid(b.relu(b.input("x", (2, 64, 32, 32)), name="a"), name="b")
    b.output(b.permute(x, (0, 2, 1, 3), name="t"))
    plan = Plan("own", (Section("group", "a .. t", ("a", "b", "t"), "NORMAL", (2, 1, 1, 1, 1)),))
    function = group_cache_document(b.build(), plan, [1000])["subfunc_0"]
    (group,) = function["GroupLayer"]
    assert (group["locs"], group["func_end_idx"], group["group_cost"]) == (["a", "b"], 1, 1000)
    layers = [(each["loc"], each["func_idx"], each["index"]) for each in function["GlobalLayer"]]
    assert layers == [("t", 2, 1), ("func.return", 3, 2)]


def test_onnx_names_mean_nothing_to_the_vendor() -> None:
    prepared = prepare_network("resnet18", Settings(strategy="none"))
    with pytest.raises(LgsimError, match="no names that the vendor's compiler knows"):
        group_cache_text(prepared, simulated(prepared, planned(prepared)))


def test_groups_that_are_no_interval_are_refused() -> None:
    """A branch without the one that the vendor computes in between."""
    path = DATA / "plans" / f"resnet18_f16{SUFFIX}"
    graph = lowered_network(DATA / "ir" / "resnet18_f16.mlir.gz").typed
    plan, _ = cached_plan(path)
    group = next(each for each in plan.sections if each.kind == "group")
    short = replace(group, ops=(*group.ops[:8], *group.ops[9:11]))
    rest = [name for name in (op.name for op in graph) if name not in short.ops]
    sections = (short, *(Section("global", name, (name,)) for name in rest))
    with pytest.raises(LgsimError, match=r"cannot be expressed.*the vendor computes"):
        group_cache_document(graph, Plan("odd", sections), [0] * len(sections))


def test_groups_across_the_vendors_borders_are_refused() -> None:
    """The last product of this network runs alone in the vendor's compiler."""
    graph = lowered_network(DATA / "ir" / "resnet18_f16.mlir.gz").typed
    names = [op.name for op in graph]
    sections = (
        *(Section("global", name, (name,)) for name in names[:-3]),
        Section("group", "odd", tuple(names[-3:]), "NORMAL"),
    )
    with pytest.raises(LgsimError, match="ops that the vendor does not put into groups"):
        group_cache_document(graph, Plan("odd", sections), [0] * len(sections))


def test_weights_that_the_compiler_would_keep_are_pointed_out() -> None:
    """Fourteen filters of 18 KiB a lane leave no room for the rest, sixteen are too large."""
    found = []
    for length in (4, 14, 16):
        graph = chain(length, channels=256)
        ops = tuple(op.name for op in graph)
        plan = Plan("own", (Section("group", "all", ops, "NORMAL", (1, 1, 1, 2, 1)),))
        graph.precision = "f16"
        prepared = prepare_network(graph, Settings(plan=plan))
        found.append(doubtful_groups(prepared, simulated(prepared, planned(prepared))))
    assert found[0] == found[2] == []
    assert len(found[1]) == 1
    assert "loads its weights again for every slice" in found[1][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subfunc_1": {}}, "holds the groups of 2 functions"),
        ({"subfunc_0": {}}, "'GroupLayer' is missing"),
        ({"subfunc_0": {"GroupLayer": [], "GlobalLayer": 3}}, "is no layer-group cache"),
        (
            {"subfunc_0": {"GroupLayer": [], "GlobalLayer": [
                {"func_idx": 1, "loc": "a", "group_cost": 0}]}},
            "'a' has index 1, expected 0",
        ),
    ],
)  # fmt: skip
def test_damaged_caches(change: dict[str, Any], message: str) -> None:
    document = {"total subfunc": 1, "subfunc_0": {"GroupLayer": [], "GlobalLayer": []}} | change
    with pytest.raises(LgsimError, match=message):
        group_cache(document, "x.json")
