"""Every verb works on a real network, and its JSON keeps the promised keys."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lgsim.cli.root import VERBS, cli

SIMULATE_KEYS = {
    "schema",
    "model",
    "target",
    "precision",
    "strategy",
    "timing",
    "cycles",
    "latency_ms",
    "macs",
    "params",
    "gmem_load_bytes",
    "gmem_store_bytes",
    "gdma_busy_cycles",
    "bdc_busy_cycles",
    "overlap_cycles",
    "commands",
    "sections",
    "op_counts",
    "features",
    "warnings",
}


def lgsim(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done


def test_help_lists_every_verb() -> None:
    text = lgsim("-h").stdout
    for verb in VERBS:
        assert verb in text


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    assert "Usage: " in lgsim(verb, "-h").stdout


def test_version() -> None:
    import lgsim as package

    assert lgsim("--version").stdout == f"lgsim {package.__version__}\n"


@pytest.mark.parametrize("precision", ["f32", "f16", "bf16", "int8"])
def test_simulate_json(precision: str) -> None:
    first = lgsim("simulate", "resnet18", "--precision", precision, "--json").stdout
    assert first == lgsim("simulate", "resnet18", "--precision", precision, "--json").stdout
    run = json.loads(first)
    assert run.keys() >= SIMULATE_KEYS
    assert run["macs"] == 1_814_073_344
    assert run["params"] == 11_684_712
    assert run["cycles"] == sum(section["cycles"] for section in run["sections"])
    assert run["latency_ms"] == pytest.approx(run["cycles"] / 1e6)
    assert run["overlap_cycles"] <= min(run["gdma_busy_cycles"], run["bdc_busy_cycles"])
    assert sum(run["op_counts"].values()) == sum(len(s["ops"]) for s in run["sections"])


def test_narrower_types_are_faster() -> None:
    cycles = {
        precision: json.loads(
            lgsim("simulate", "resnet18", "--precision", precision, "--json").stdout
        )["cycles"]
        for precision in ("f32", "f16", "bf16", "int8")
    }
    assert cycles["int8"] < cycles["f16"] == cycles["bf16"] < cycles["f32"]


def test_json_may_be_asked_for_before_the_network(tmp_path: Path) -> None:
    assert json.loads(lgsim("info", "--json", "resnet18").stdout)["model"] == "resnet18"
    lgsim("info", "resnet18", "--json", tmp_path / "info.json")
    assert json.loads((tmp_path / "info.json").read_text())["model"] == "resnet18"


def test_info_json() -> None:
    info = json.loads(lgsim("info", "resnet18", "--json").stdout)
    assert info["params"] == 11_684_712
    assert info["macs"] == 1_814_073_344
    assert info["ops"]["Conv2D"] == 20
    assert info["unsupported"] == []


def test_the_batch_scales_the_work() -> None:
    one = json.loads(lgsim("info", "resnet18", "--json").stdout)
    four = json.loads(lgsim("info", "resnet18", "--batch", "4", "--json").stdout)
    assert four["macs"] == 4 * one["macs"]
    assert four["params"] == one["params"]


def test_summary_says_what_it_is_an_estimate_of() -> None:
    text = lgsim("simulate", "resnet18", "--precision", "int8").stdout
    for word in ("resnet18", "bm1684x", "int8", "cmodel", "dp", "overlap", "fps", "DDR"):
        assert word in text


def test_a_slower_chip_is_slower() -> None:
    fast = json.loads(lgsim("simulate", "resnet18", "--json").stdout)["cycles"]
    slow = json.loads(lgsim("simulate", "resnet18", "--json", "--set", "gdma.load_gbps=20").stdout)[
        "cycles"
    ]
    assert slow > fast


def test_models_and_targets() -> None:
    models = json.loads(lgsim("models", "--json").stdout)["models"]
    assert {"resnet18", "resnet50", "deit_tiny", "bert_base", "swin_t"} <= {
        model["name"] for model in models
    }
    targets = json.loads(lgsim("targets", "--json").stdout)["targets"]
    assert [target["name"] for target in targets] == ["bm1684x"]
    text = lgsim("targets", "bm1684x").stdout
    assert "lanes.count" in text
    assert "BM1684X.h" in text
    assert "properties" in json.loads(lgsim("targets", "--schema").stdout)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_plot(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"timeline.{suffix}"
    lgsim("plot", "resnet18", "-o", path)
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(magic)


def test_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.json.gz"
    lgsim("trace", "resnet18", "-o", path)
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    rows = {event["args"]["name"] for event in events if event.get("name") == "thread_name"}
    assert any("GDMA" in row for row in rows)
    assert any("BDC" in row for row in rows)


@pytest.mark.parametrize("precision", ["f32", "f16", "int8"])
@pytest.mark.parametrize("net", ["resnet18", "deit_tiny", "swin_t", "bert_base"])
def test_every_schedule_passes_the_check(net: str, precision: str) -> None:
    assert "no rule broken" in lgsim("check", net, "--precision", precision).stdout
