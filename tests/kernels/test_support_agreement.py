"""The capability checks against the vendor's plans.

The vendor numbers its base groups: maximal runs of ops that may be local, each other op being one
of its own. So a plan tells of every op in front of a group whether the vendor's check accepts it,
grouped or not, and not only that the ops of groups may be local.
"""

from __future__ import annotations

import pytest
from vendor_groups import DATA, agreement, stored_plans, vendor_plan

from lgsim.frontends.tpu_mlir import import_mlir
from lgsim.graph import Graph
from lgsim.kernels import splittable
from lgsim.kernels.site import site_of

PLANS = stored_plans()


def check(graph: Graph, plan) -> None:
    found = agreement(graph, plan)
    assert found.refused_in_groups == 0
    assert found.wrong_bases == 0
    # In f32 the vendor's search leaves out what it may group, since no matmul may join it.
    assert found.share >= 0.95 or graph.precision == "f32" or found.left_by_search <= 4


def check_axes(graph: Graph, plan) -> None:
    for group in plan.groups:
        cut = [axis for axis, secs in zip("ncdhw", group.secs, strict=True) if secs > 1]
        for k in range(group.first, group.last + 1):
            op = graph.ops[plan.order[k]]
            for axis in cut:
                assert splittable(site_of(graph, op), axis, group.type), (op.name, axis)


@pytest.mark.parametrize("case", sorted(PLANS))
def test_stored_plans(case):
    graph = import_mlir(DATA / "ir" / f"{case}.mlir.gz")
    check(graph, PLANS[case])
    check_axes(graph, PLANS[case])


def test_reference_plans(reference):
    ops = good = 0
    for path in sorted((reference / "plans").glob("*.json.gz")):
        case = path.name.removesuffix(".json.gz")
        graph, plan = (
            import_mlir(reference / "ir" / f"{case}.mlir.gz"),
            vendor_plan(reference, case),
        )
        check(graph, plan)
        check_axes(graph, plan)
        ops += len(plan.order)
        good += round(agreement(graph, plan).share * len(plan.order))
    assert good / ops >= 0.96


def test_stored_plans_are_those_of_the_reference(reference):
    for case, plan in PLANS.items():
        assert vendor_plan(reference, case) == plan
