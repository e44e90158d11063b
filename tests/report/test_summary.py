"""The summary block and the JSON of `lgsim simulate`."""

from __future__ import annotations

import json

from toy_schedule import WEIGHT, half, load, toy_graph, toy_run

from lgsim.kernels.schedule import Step
from lgsim.planner.plan import Section
from lgsim.report.result_json import result_json
from lgsim.report.summary import summary_text
from lgsim.simulator.program import Block

CONTRACT = {
    "schema", "model", "target", "precision", "strategy", "timing", "cycles", "latency_ms", "macs",
    "params", "gmem_load_bytes", "gmem_store_bytes", "gdma_busy_cycles", "bdc_busy_cycles",
    "overlap_cycles", "commands", "sections", "op_counts", "features", "warnings",
}  # fmt: skip


def test_json_has_the_keys_of_the_contract() -> None:
    result = result_json(toy_run())
    assert set(result) >= CONTRACT
    assert result["cycles"] == 1440
    assert result["latency_ms"] == 0.00144
    assert result["gmem_load_bytes"] == 2 * (8192 + 2 * 4096)
    assert result["overlap_cycles"] == 440
    assert [section["cycles"] for section in result["sections"]] == [720, 0, 720]
    assert result["sections"][0]["kind"] == "global"
    assert result["sections"][0]["reason"] == "runs alone"
    assert result["op_counts"] == {"Conv2D": 2, "Reshape": 1}
    assert result["features"] == {"weight_split": True}
    assert result["warnings"] == ["one warning"]


def test_json_sums() -> None:
    result = result_json(toy_run())
    assert sum(result["state_cycles"].values()) == result["cycles"]
    assert sum(section["cycles"] for section in result["sections"]) == result["cycles"]
    assert (
        sum(result["category_cycles"].values())
        == result["gdma_busy_cycles"] + result["bdc_busy_cycles"]
    )


def test_json_is_plain_and_repeatable() -> None:
    first, second = (json.dumps(result_json(toy_run()), sort_keys=True) for _ in range(2))
    assert first == second


def test_groups_have_type_and_secs() -> None:
    group = Section("group", "g", ("conv1", "reshape", "conv2"), type="MM", secs=(1, 1, 1, 4, 2))
    blocks = [Block((group,), (Step((load(half(0, 0), WEIGHT),)),))]
    (section,) = result_json(toy_run(blocks))["sections"]
    assert section["type"] == "MM"
    assert section["secs"] == {"n": 1, "c": 1, "d": 1, "h": 4, "w": 2}
    assert section["lmem_peak_bytes"] == 128
    assert "MM group, 3 ops" in summary_text(toy_run(blocks))


def test_summary_shows_totals_and_parts() -> None:
    text = summary_text(toy_run(), top=1)
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert "0.001 ms" in lines["latency"]
    assert "1,440 cycles at 1,000 MHz" in lines["latency"]
    assert "2 global layers" not in lines["strategy"]
    assert "3 global layers, 14 commands" in lines["strategy"]
    assert lines["GDMA busy"].split() == ["GDMA", "busy", "0.001", "1,400", "97.2", "%"]
    assert lines["BDC (TIU) busy"].split()[-3:] == ["480", "33.3", "%"]
    assert lines["both busy (overlap)"].split()[-3:] == ["440", "30.6", "%"]
    assert "slowest 1 of 3" in text
    assert "\x1b" not in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_summary_of_nothing() -> None:
    text = summary_text(toy_run([]))
    assert "0 global layers, 0 commands" in text
    assert toy_graph().name == "toy"
