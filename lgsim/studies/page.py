"""The page of claims (docs/claims.md), written from a run of all studies."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.studies.experiment import KINDS, VERDICTS, Row
from lgsim.studies.report import Report
from lgsim.studies.studies import STUDIES

_HEAD = """\
# Claims of the literature, tested

Four lines of work stand behind this project: Swin-T on the BM1684X (an article on tpu-mlir),
EfficientViT (memory-efficient Vision Transformers), TRT-ViT (design rules for deployment) and iRPE
(relative position encoding and its cost). Their claims are experiments here: each is a function in
`lgsim/studies/` that simulates networks and compares what it measures with what the source says.
Verdicts follow from these comparisons; nobody writes them.

This page is generated: `lgsim study --all --page` writes it, and a test compares the rows that are
quick to measure with a run. The estimates are those of the timing profile `cmodel` for the BM1684X,
with layer groups by the strategy `dp` unless the row says otherwise. What the sources measured on a
board, a GPU or in training cannot be expected to the millisecond; accuracy of networks, training
time and throughput of GPUs and CPUs are not simulated at all.

"""


def claims_page(report: Report) -> str:
    """The page as Markdown."""
    parts = [_HEAD, _kinds(), "\n", _counts(report.rows), ""]
    for study in STUDIES.values():
        rows = [row for row in report.rows if row.experiment.study == study.name]
        parts += [f"\n## {study.name}\n", study.title, "", markdown_table(rows), ""]
    return "\n".join(parts).replace("\n\n\n", "\n\n").rstrip() + "\n"


def markdown_table(rows: Sequence[Row]) -> str:
    """Rows as a table; remarks stand below what was measured."""
    lines = [
        "| # | type | claim | source | measured | expected | verdict |",
        "| --: | :-- | :-- | :-- | :-- | :-- | :-- |",
    ]
    for row in rows:
        found = row.experiment
        measured = row.measured + (f"<br>*{row.remark}*" if row.remark else "")
        cells = (
            str(found.number),
            found.kind,
            found.claim,
            found.source,
            measured,
            row.expected,
            f"**{row.verdict}**",
        )
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines)


def _kinds() -> str:
    kinds = "; ".join(f"**{kind}** {meaning}" for kind, meaning in KINDS.items())
    return f"Types of claims: {kinds}."


def _counts(rows: Sequence[Row]) -> str:
    """Verdicts per type of claim."""
    lines = [
        f"| type | {' | '.join(VERDICTS)} |",
        f"| :-- | {' | '.join('--:' for _ in VERDICTS)} |",
    ]
    for kind in KINDS:
        found = [row.verdict for row in rows if row.experiment.kind == kind]
        lines.append(f"| {kind} | {' | '.join(str(found.count(v)) for v in VERDICTS)} |")
    total = [row.verdict for row in rows]
    lines.append(f"| all | {' | '.join(str(total.count(v)) for v in VERDICTS)} |")
    return "\n".join(lines)
