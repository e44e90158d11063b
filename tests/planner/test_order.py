"""The planning order: the vendor's on the vendor's graphs, and a topological one on all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lgsim.api import prepare
from lgsim.errors import LgsimError
from lgsim.frontends import load_model
from lgsim.frontends.group_cache import GroupCache
from lgsim.frontends.plans import read_plan
from lgsim.graph import Graph
from lgsim.kernels.support import Features
from lgsim.planner.order import planning_order

DATA = Path(__file__).resolve().parents[1] / "data"
SUFFIX = ".layer_group_cache.json.gz"
CASES = sorted(path.name.removesuffix(SUFFIX) for path in (DATA / "plans").glob(f"*{SUFFIX}"))


def vendors_order(path: Path) -> list[str]:
    """Locations of all ops, as the vendor's search numbers them."""
    cache = read_plan(path)
    assert isinstance(cache, GroupCache)
    return [name for section in cache.sections for name in section.ops]


def names(graph: Graph) -> list[str]:
    return [op.name for op in graph]


@pytest.mark.parametrize("case", CASES)
def test_order_is_the_vendors(case: str) -> None:
    """Op for op, permutes that move nothing and merged reshapes left out as well."""
    graph = prepare(load_model(DATA / "ir" / f"{case}.mlir.gz"))
    assert names(graph) == vendors_order(DATA / "plans" / f"{case}{SUFFIX}")


@pytest.mark.parametrize("net", ["swin_t", "resnet18", "bert_base"])
@pytest.mark.parametrize("features", [Features(), Features.without(["slice_5d", "weight_split"])])
def test_order_names_every_op_once_and_none_too_early(net: str, features: Features) -> None:
    """`reorder` refuses anything else."""
    graph = prepare(load_model(net))
    graph.reorder(planning_order(graph, features))


def test_a_prepared_graph_is_taken_as_it_is() -> None:
    """Ordering twice would turn the readers of a result round."""
    graph = prepare(load_model("swin_t"))
    assert prepare(graph) is graph


def test_reorder_refuses_what_is_no_order() -> None:
    graph = prepare(load_model("resnet18"))
    with pytest.raises(LgsimError, match="would run before"):
        graph.reorder(names(graph)[::-1])
    with pytest.raises(LgsimError, match="every op once"):
        graph.reorder(names(graph)[1:])
