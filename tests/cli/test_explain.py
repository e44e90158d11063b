"""`lgsim explain` and `lgsim features`: what a user reads, and the keys scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lgsim.cli.root import cli
from lgsim.features import feature_switches, list_features
from lgsim.kernels.support import KERNEL_FEATURES
from lgsim.planner.features import PLANNER_FEATURES
from lgsim.rewrites import REWRITES

ROOT = Path(__file__).resolve().parents[2]
IR = ROOT / "tests" / "data" / "ir"


def lgsim(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done


def words(text: str) -> str:
    """The text in one line."""
    return " ".join(text.split())


def test_a_newcomer_is_told_of_the_switched_off_slice():
    text = words(lgsim("explain", "swin_t", "--disable", "slice_5d").stdout)
    assert "Switched off: slice_5d" in text
    assert "would be refused for it: 36 Slice" in text
    assert "rewrite qkv_matmul_split has taken them out" in text
    assert "64x49x3x3x32 is cut to 64x49x1x3x32 (dimension 2)" in text
    assert "what would help: enable slice_5d" in text


def test_the_slice_itself_is_refused_where_it_is_still_there():
    done = lgsim(
        "explain", "swin_t", "--disable", "slice_5d", "--disable", "qkv_matmul_split", "--json"
    )
    slices = [op for op in json.loads(done.stdout)["ops"] if op["kind"] == "Slice"]
    assert len(slices) == 36
    assert {(op["local"], op["rule"]) for op in slices} == {(False, "slice_5d")}
    assert all("enable slice_5d" in op["detail"] for op in slices)
    done = lgsim("explain", "swin_t", "--disable", "qkv_matmul_split", "--json")
    slices = [op for op in json.loads(done.stdout)["ops"] if op["kind"] == "Slice"]
    assert {(op["local"], op["rule"], op["detail"]) for op in slices} == {(True, None, None)}


def test_additions_of_constants_need_weight_split():
    for disable, local in (((), True), (("--disable", "weight_split"), False)):
        ops = json.loads(lgsim("explain", "swin_t", *disable, "--json").stdout)["ops"]
        adds = [op for op in ops if op["kind"] == "Add" and "attn" in op["name"]]
        assert len(adds) == 12
        assert {op["local"] for op in adds} == {local}


def test_json_keys():
    arguments = ("explain", "deit_tiny", "--strategy", "none", "--json")
    values = json.loads(lgsim(*arguments).stdout)
    assert {"ops", "rewrites", "removed", "features", "precision", "strategy"} <= set(values)
    for op in values["ops"]:
        assert {"name", "kind", "section", "local", "rule", "detail"} <= set(op)
        assert op["local"] is (op["rule"] is None) is (op["detail"] is None)
    assert [op["section"] for op in values["ops"]] == list(range(len(values["ops"])))
    assert [rewrite["name"] for rewrite in values["rewrites"]] == [r.name for r in REWRITES]


def test_rewrites_tell_where_they_applied_and_what_failed():
    values = json.loads(lgsim("explain", "swin_t", "--precision", "f32", "--json").stdout)
    rewrites = {rewrite["name"]: rewrite for rewrite in values["rewrites"]}
    assert rewrites["qkv_split"]["applied"] == 12
    assert rewrites["window_roll"]["removed"] == {"Slice": 40, "Concat": 20}
    (obstacle,) = rewrites["hdim_is_batch"]["obstacles"]
    assert obstacle["condition"] == "it is not for f32, only for f16, bf16, int8"
    assert obstacle["ops"]
    text = lgsim("explain", "bert_base", "--precision", "f16", "--disable", "attention_fuse").stdout
    assert "attention_fuse: it is switched off" in text


def test_one_op():
    text = words(lgsim("explain", "swin_t", "head").stdout)
    assert "head (MatMul)" in text
    assert "failed matmul_ranks" in text
    assert "here: 1x768 times 768x1000" in text
    text = words(lgsim("explain", "swin_t", "stage1.0/attn/Softmax").stdout)
    assert "passed softmax_4d" in text
    text = words(lgsim("explain", "swin_t", "stage1.0/attn/Slice_3").stdout)
    assert "not in the network as planned" in text
    assert "added by qkv_split" in text
    assert "removed by qkv_matmul_split" in text


def test_all_lists_every_op():
    text = lgsim("explain", IR / "resnet18_int8.mlir.gz", "--all").stdout
    values = json.loads(lgsim("explain", IR / "resnet18_int8.mlir.gz", "--json").stdout)
    assert all(f" {op['kind']} " in text for op in values["ops"])
    assert values["precision"] == "int8"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("explain", "swin_t", "hed"), "did you mean 'head'"),
        (("explain", "swin_t", "stage1.0"), "ops are called like"),
        (("explain", "swin_t", "--disable", "slice_5"), "did you mean 'slice_5d'"),
        (
            ("features", "--disable", "slice_5d", "--enable", "slice_5d"),
            "both disabled and enabled",
        ),
    ],
)
def test_wrong_names(arguments, hint):
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code != 0
    assert hint in str(done.exception)


def test_features_are_listed_once():
    names = [feature.name for feature in list_features()]
    assert len(names) == len(set(names))
    known = {rewrite.name for rewrite in REWRITES} | set(KERNEL_FEATURES) | set(PLANNER_FEATURES)
    assert known == set(names)
    text = lgsim("features", "--disable", "slice_5d").stdout
    rows = {line.split()[0]: line for line in text.splitlines()[2:]}
    assert " off " in rows["slice_5d"]
    assert " on " in rows["weight_split"]
    values = json.loads(lgsim("features", "--json").stdout)["features"]
    assert [feature["name"] for feature in values] == names
    assert all(feature["summary"] and feature["on"] for feature in values)


def test_switches():
    switches = feature_switches(("slice_5d",), ())
    assert not switches["slice_5d"]
    assert sum(switches.values()) == len(switches) - 1


def test_the_page_of_ops_is_up_to_date():
    page = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    assert lgsim("features", "--ops-page").stdout == page, "run: lgsim features --ops-page"
