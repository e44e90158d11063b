"""Plans on the command line: written, simulated, checked, exported, held against a record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lgsim.cli.root import cli
from lgsim.errors import LgsimError

DATA = Path(__file__).resolve().parents[1] / "data"
LOWERED = DATA / "ir" / "resnet18_f16.mlir.gz"
CACHE = DATA / "plans" / "resnet18_f16.layer_group_cache.json.gz"
FINISHED = DATA / "plans" / "resnet18_f16.json.gz"
COMMANDS = DATA / "commands" / "resnet18_f16.jsonl.gz"


def lgsim(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done


def test_plan_simulate_and_check_agree(tmp_path: Path) -> None:
    """`plan -o`, then the other verbs on the file."""
    path = tmp_path / "plan.json"
    table = lgsim("plan", "resnet18", "--strategy", "greedy", "-o", path).stdout
    document = json.loads(path.read_text(encoding="utf-8"))
    assert f"{document['cycles']:,} cycles" in table
    assert f"wrote {path}" in table
    again = json.loads(lgsim("simulate", path, "--json").stdout)
    assert again["cycles"] == document["cycles"]
    assert again["strategy"] == "given"
    assert "no rule broken" in lgsim("check", path).stdout
    assert json.loads(lgsim("plan", path, "--json").stdout)["cycles"] == document["cycles"]


def test_a_checked_plan_that_was_edited_by_hand(tmp_path: Path) -> None:
    """A group cut in two, its first part into more slices: another price, still sound."""
    path = tmp_path / "plan.json"
    lgsim("plan", "resnet18", "--batch", "4", "--strategy", "greedy", "-o", path)
    document = json.loads(path.read_text(encoding="utf-8"))
    sections = document["sections"]
    number = next(i for i, each in enumerate(sections) if each["kind"] == "group")
    group = sections[number]
    sections.insert(number + 1, {**group, "ops": group["ops"][16:]})
    group["ops"] = group["ops"][:16]
    group["secs"] = {"n": 4, "c": 1, "d": 1, "h": 2, "w": 1}
    path.write_text(json.dumps(document), encoding="utf-8")
    assert "no rule broken" in lgsim("check", path).stdout


def test_export_and_import(tmp_path: Path) -> None:
    """The file goes back in as it came out; its name is checked."""
    path = tmp_path / "resnet18_bm1684x_f16.layer_group_cache.json"
    done = lgsim("plan", LOWERED, "--plan", CACHE, "--format", "tpu-mlir", "-o", path)
    assert done.stderr == ""
    cycles = json.loads(lgsim("simulate", LOWERED, "--plan", CACHE, "--json").stdout)["cycles"]
    again = json.loads(lgsim("simulate", LOWERED, "--plan", path, "--json").stdout)["cycles"]
    assert again == cycles
    done = lgsim(
        "plan", LOWERED, "--plan", CACHE, "--format", "tpu-mlir", "-o", tmp_path / "x.json"
    )
    assert f"looks for a file called {path.name}" in done.stderr


def test_a_record_against_the_same_plan() -> None:
    """Everything agrees in this one."""
    files = ("validate", "--commands", COMMANDS, "--plan", FINISHED, "--net", LOWERED)
    text = lgsim(*files, "--vendor-steps").stdout
    assert "36 of 36" in text
    found = json.loads(lgsim(*files, "--vendor-steps", "--json").stdout)
    assert found["cycles"] == found["recorded_cycles"] == 591_722
    assert "(+0." in lgsim(*files).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate", "resnet18", "--strategy", "given"], "needs a plan; --plan FILE gives one"),
        (["simulate", "resnet18", "--plan", "nowhere.json"], "cannot read the plan: no such file"),
        (["simulate", str(CACHE)], "does not say which network it is for"),
        (["simulate", "resnet18", "--plan", str(CACHE)], "is not in 'resnet18'"),
        (["plan", "resnet18", "--format", "tpu-mlir", "-o", "x.json"], "tpu-mlir's own lowered"),
    ],
)
def test_errors_say_what_to_do(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(cli, arguments)
    assert isinstance(done.exception, LgsimError)
    assert message in str(done.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "resnet18", "--format", "tpu-mlir"],
        ["validate", "--plan", "x.json"],
        ["validate", "--plan", "x.json", "--commands", "a", "--commands", "b"],
    ],
)
def test_options_that_need_each_other(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, arguments).exit_code == 2
