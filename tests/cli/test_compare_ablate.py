"""`lgsim compare`, `lgsim ablate`, and the groups of `lgsim explain`, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lgsim.cli.root import cli
from lgsim.errors import CheckError, LgsimError


def lgsim(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done


def test_compare_json() -> None:
    values = json.loads(
        lgsim("compare", "resnet18", "--strategies", "none,greedy", "--json").stdout
    )
    assert values["labels"] == ["none", "greedy"]
    for run, strategy in zip(values["runs"], ("none", "greedy"), strict=True):
        alone = lgsim("simulate", "resnet18", "--strategy", strategy, "--json").stdout
        assert run == json.loads(alone)


def test_fail_if_slower() -> None:
    """The first column is the baseline; code 3 says another one is slower."""
    arguments = ["compare", "resnet18", "--strategies", "greedy,none", "--fail-if-slower"]
    done = CliRunner().invoke(cli, [*arguments, "2%"])
    assert isinstance(done.exception, CheckError)
    assert done.exception.exit_code == 3
    assert "slower than greedy: none by" in str(done.exception)
    assert "against greedy, the first" in done.stdout
    lgsim(*arguments, "500")
    lgsim("compare", "resnet18", "--strategies", "none,greedy", "--fail-if-slower", "2%")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("compare", "resnet18", "--fail-if-slower", "much"), "like 2%"),
        (("compare", "resnet18", "--strategies", "none,non"), "choose from"),
        (("compare", "resnet18", "--strategies", ","), "nothing to compare"),
        (("compare", "resnet18", "-o", "picture.jpg"), "kind of file"),
        (("compare", "resnet18", "--plan", "plan.json"), "like mine=plan.json"),
        (("ablate", "resnet18", "--features", "weight_splt"), "did you mean 'weight_split'"),
        (("ablate", "resnet18", "-o", "picture.jpg"), "kind of file"),
        (
            ("plot", "resnet18", "--strategy", "none", "--kind", "lmem", "-o", "x.png"),
            "no layer gr",
        ),
    ],
)
def test_wrong_input(
    arguments: tuple[str, ...], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, list(arguments))
    assert isinstance(done.exception, LgsimError)
    assert hint in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_written_beside_the_text(tmp_path: Path) -> None:
    picture = tmp_path / "compare.png"
    done = lgsim("compare", "resnet18", "--strategies", "none,greedy", "-o", picture)
    assert "speed-up" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    picture = tmp_path / "ablate.pdf"
    done = lgsim("ablate", "resnet18", "--features", "relu_fuse,conv_scale_fold", "-o", picture)
    assert "all off" in done.stdout
    assert picture.read_bytes().startswith(b"%PDF")


def test_ablate_json() -> None:
    done = lgsim("ablate", "resnet18", "--strategy", "greedy", "--json")
    values = json.loads(done.stdout)
    assert {"full", "none", "without"} <= set(values)
    full = json.loads(lgsim("simulate", "resnet18", "--strategy", "greedy", "--json").stdout)
    assert values["full"] == full["cycles"]
    assert values["without"]["step_balance"] > values["full"]
    # Rewrites for other kinds of networks never apply here.
    assert values["without"]["patch_merging"] == values["full"]
    assert done.stderr == ""


@pytest.mark.parametrize("kind", ["lmem", "groups"])
def test_plots_of_groups(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.svg" for number in range(2)]
    for path in paths:
        lgsim("plot", "resnet18", "--strategy", "greedy", "--kind", kind, "-o", path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    words = {"lmem": b"resnet18: local memory of", "groups": b"layer group, "}
    assert words[kind] in paths[0].read_bytes()


def test_explain_lists_the_groups() -> None:
    done = lgsim("explain", "resnet18", "--strategy", "greedy")
    assert "Why groups end" in done.stdout
    values = json.loads(lgsim("explain", "resnet18", "--strategy", "greedy", "--json").stdout)
    run = json.loads(lgsim("simulate", "resnet18", "--strategy", "greedy", "--json").stdout)
    sections = {tuple(s["ops"]): s for s in run["sections"] if s["kind"] == "group"}
    assert {tuple(group["ops"]) for group in values["groups"]} == set(sections)
    for group in values["groups"]:
        section = sections[tuple(group["ops"])]
        assert group["cycles"] == section["cycles"]
        # The planner keeps room for a whole step; the commands of it come one after the other.
        assert 0.8 * group["lmem_peak_bytes"] <= section["lmem_peak_bytes"]
        assert section["lmem_peak_bytes"] <= group["lmem_peak_bytes"]
