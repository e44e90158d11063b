"""Plan files: written, read, simulated again to the same cycle; and what is wrong with bad ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import lgsim
from lgsim.answers.run import Run
from lgsim.errors import LgsimError
from lgsim.graph.builder import GraphBuilder
from lgsim.pipeline import planned, prepare_network, simulated
from lgsim.plans import network_of
from lgsim.report.plan_json import plan_document, plan_table, plan_text
from lgsim.settings import Settings

DATA = Path(__file__).resolve().parent / "data"
LOWERED = DATA / "ir" / "resnet18_f16.mlir.gz"
CACHE = DATA / "plans" / "resnet18_f16.layer_group_cache.json.gz"
FINISHED = DATA / "plans" / "resnet18_f16.json.gz"


def write(path: Path, net: str, **options: Any) -> tuple[Run, dict[str, Any]]:
    """Plan a network into a file."""
    prepared = prepare_network(net, Settings(**options))
    run = simulated(prepared, planned(prepared))
    document = plan_document(prepared, run, net)
    path.write_text(plan_text(document), encoding="utf-8")
    return run, document


@pytest.mark.parametrize(
    ("net", "options"),
    [
        ("resnet18", {"strategy": "greedy"}),
        ("resnet18", {"strategy": "greedy", "precision": "int8", "batch": 4}),
        ("resnet18", {"strategy": "none", "io_dtype": "f16"}),
        ("resnet18", {"strategy": "greedy", "overrides": {"gdma.load_gbps": "20"}}),
        ("deit_tiny", {"strategy": "greedy", "disable": ("weight_split",), "args": {"depth": "2"}}),
    ],
)
def test_a_plan_file_reproduces_the_cycles(tmp_path: Path, net: str, options: Any) -> None:
    """With network, chip, precision, features and numbers from the file alone."""
    path = tmp_path / "plan.json"
    run, document = write(path, net, **options)
    again = lgsim.simulate(path)
    assert again.cycles == run.cycles == document["cycles"]
    assert again.timeline.section_cycles().tolist() == [s["cycles"] for s in document["sections"]]
    assert again.strategy == "given"
    assert again.check() == []


def test_the_text_is_stable_and_has_an_op_per_line(tmp_path: Path) -> None:
    """Equal plans are equal files; JSON readers see the document."""
    path = tmp_path / "plan.json"
    _, document = write(path, "resnet18", strategy="greedy")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == document
    write(path, "resnet18", strategy="greedy")
    assert path.read_text(encoding="utf-8") == text
    assert '\n   "layer1.0/conv1",\n' in text


def test_the_table_lists_every_section_that_takes_time() -> None:
    run = lgsim.simulate("resnet18", strategy="greedy")
    text = plan_table(run)
    assert f"{run.cycles:,} cycles" in text
    assert "NORMAL" in text
    assert "whole" in text


def test_a_network_file_beside_the_plan_is_found(tmp_path: Path, monkeypatch: Any) -> None:
    """The plan may be read from another folder than the one it was written in."""
    shutil.copy(LOWERED, tmp_path / "net.mlir.gz")
    monkeypatch.chdir(tmp_path)
    run, _ = write(tmp_path / "plan.json", "net.mlir.gz", plan=CACHE)
    monkeypatch.chdir("/")
    assert lgsim.simulate(tmp_path / "plan.json").cycles == run.cycles


def test_a_changed_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    _, document = write(path, "resnet18", strategy="greedy")
    document["network"]["batch"] = 2
    path.write_text(plan_text(document), encoding="utf-8")
    with pytest.raises(LgsimError, match="no longer the network that was planned"):
        lgsim.simulate(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int8"}, "was made for precision f16, not int8"),
        ({"batch": 2}, "comes with its own batch"),
        ({"strategy": "greedy"}, "which one"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, options: Any, message: str) -> None:
    """What the file says holds; to try it otherwise, the network has to be named."""
    path = tmp_path / "plan.json"
    write(path, "resnet18", strategy="greedy")
    with pytest.raises(LgsimError, match=message):
        lgsim.simulate(path, **options)


def test_a_plan_tried_under_other_conditions(tmp_path: Path) -> None:
    """With the network named, the options hold and the file only gives the groups."""
    path = tmp_path / "plan.json"
    run, _ = write(path, "resnet18", strategy="greedy")
    slower = lgsim.simulate("resnet18", plan=path, overrides={"gdma.load_gbps": "20"})
    assert slower.cycles > run.cycles


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "is a plan of schema 2"),
        ({"sections": [{"kind": "group", "ops": []}]}, "sections.0.ops: list should have"),
        ({"sections": [{"kind": "pair", "ops": ["a"]}]}, "sections.0.kind: must be"),
        ({"sections": [{"kind": "global"}]}, "sections.0.ops: is missing"),
        ({"extra": 1}, "extra: unknown key"),
        ({"format": "else"}, "is no plan; 'lgsim plan NET"),
    ],
)
def test_damaged_files_say_what_is_wrong(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "plan.json"
    _, document = write(path, "resnet18", strategy="none")
    path.write_text(json.dumps(document | change), encoding="utf-8")
    with pytest.raises(LgsimError) as caught:
        lgsim.simulate(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_graph_in_memory_cannot_be_found_again(tmp_path: Path) -> None:
    b = GraphBuilder("tiny")
    b.output(b.relu(b.input("x", (1, 8, 4, 4))))
    graph = b.build()
    prepared = prepare_network(graph, Settings())
    run = simulated(prepared, planned(prepared))
    path = tmp_path / "plan.json"
    path.write_text(plan_text(plan_document(prepared, run, graph)), encoding="utf-8")
    with pytest.raises(LgsimError, match="made from a graph in memory"):
        lgsim.simulate(path)
    assert lgsim.simulate(graph, plan=path).cycles == run.cycles


def test_given_without_a_plan() -> None:
    with pytest.raises(LgsimError, match="needs a plan"):
        lgsim.simulate("resnet18", strategy="given")


def test_the_vendors_plans_name_no_network(tmp_path: Path) -> None:
    with pytest.raises(LgsimError, match="does not say which network it is for; give NET --plan"):
        lgsim.simulate(CACHE)
    with pytest.raises(LgsimError, match=r"there is no resnet18_f16\.mlir beside it"):
        network_of(shutil.copy(CACHE, tmp_path))
    assert network_of(str(CACHE)) == str(LOWERED)


def test_the_vendors_two_files_are_one_plan() -> None:
    """The cache of its search and its finished plan."""
    cached = lgsim.simulate(LOWERED, plan=CACHE)
    finished = lgsim.simulate(LOWERED, plan=FINISHED)
    assert [s.ops for s in cached.plan.sections] == [s.ops for s in finished.plan.sections]
    assert cached.cycles == finished.cycles


def test_the_vendors_time_steps_give_the_vendors_cycles() -> None:
    """591,722 in its simulator, and no rule of the chip broken."""
    run = lgsim.simulate(LOWERED, plan=FINISHED, vendor_steps=True)
    assert run.cycles == 591_722
    assert run.check() == []


def test_a_plan_of_other_names_says_so() -> None:
    """The vendor's names are those of its own graph."""
    with pytest.raises(LgsimError, match=r"op '.*' is not in 'resnet18'.*planned ops are"):
        lgsim.simulate("resnet18", plan=CACHE)
    with pytest.raises(LgsimError, match="are not those of this plan"):
        lgsim.simulate("swin_t", plan=FINISHED)
    with pytest.raises(LgsimError, match="has no time steps"):
        lgsim.simulate(LOWERED, plan=CACHE, vendor_steps=True)
