"""The studies: all experiments are there, cheap ones run and stand in the page as they run."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from lgsim.cli.root import cli
from lgsim.errors import LgsimError
from lgsim.studies import STUDIES, Report, study
from lgsim.studies.experiment import EXPERIMENTS, KINDS, VERDICTS, Row
from lgsim.studies.lab import Lab
from lgsim.studies.markdown import markdown_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "claims.md"

# A second or two each; the others plan large networks.
CHEAP = (1, 2, 3, 4, 5, 14, 19, 25, 26, 28)


@pytest.fixture(scope="module")
def report() -> Report:
    """The cheap experiments."""
    for each in STUDIES.values():
        for module in each.modules:
            import_module(f"lgsim.studies.{module}")
    lab = Lab()
    return Report(tuple(Row(EXPERIMENTS[n], EXPERIMENTS[n].measure(lab)) for n in CHEAP))


def test_all_experiments_are_declared(report: Report) -> None:
    assert sorted(EXPERIMENTS) == list(range(1, 34))
    for each in EXPERIMENTS.values():
        assert each.study in STUDIES
        assert each.kind in KINDS
        assert each.measure.__module__.rpartition(".")[2] in STUDIES[each.study].modules
        assert each.claim[0].isupper()
        assert not each.claim.endswith(".")


def test_exact_experiments_hold(report: Report) -> None:
    exact = [row for row in report.rows if row.experiment.kind.startswith("E")]
    assert len(exact) == 7
    assert {row.verdict for row in exact} == {"holds"}


def test_the_page_shows_what_runs_show(report: Report) -> None:
    """`lgsim study --all --page > docs/claims.md` brings it up to date."""
    text = PAGE.read_text(encoding="utf-8")
    for row in report.rows:
        assert markdown_table([row]).splitlines()[-1] in text


def test_the_page_has_every_claim() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| **" in line]
    assert sorted(int(re.match(r"\| (\d+) ", line)[1]) for line in rows) == list(range(1, 34))
    verdicts = [line.rsplit("**", 2)[1] for line in rows]
    assert set(verdicts) <= set(VERDICTS)
    exact = [line for line in rows if re.match(r"\| \d+ \| E \|", line)]
    assert all("**holds**" in line for line in exact)


def test_a_claim_that_does_not_hold_has_a_reason() -> None:
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if "**does not hold**" in line:
            assert "<br>*" in line


def test_text_and_json(report: Report) -> None:
    text, values = report.text(), report.to_json()
    assert f"{len(CHEAP)} claims: " in text
    for row, plain in zip(report.rows, values["rows"], strict=True):
        assert row.verdict == plain["verdict"]
        assert f"\n{row.experiment.number}" in text
    assert sum(values["counts"].values()) == len(CHEAP)
    json.dumps(values)


def test_unknown_study() -> None:
    with pytest.raises(LgsimError, match="did you mean 'memory-bound'"):
        study("memory-bond")


@pytest.mark.parametrize("arguments", [[], ["--all", "swin-1684x"], ["swin-1684x", "--page"]])
def test_the_verb_wants_one_study_or_all(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli, ["study", *arguments])
    assert done.exit_code == 2


def test_the_list() -> None:
    done = CliRunner().invoke(cli, ["study", "--list"])
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(STUDIES)
