"""The page of claims (docs/claims.md), written from a run of all studies."""

from __future__ import annotations

from collections.abc import Sequence

from lgsim.studies.experiment import KINDS, VERDICTS, Row
from lgsim.studies.markdown import markdown_table
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


def claims_page(all_rows: Sequence[Row]) -> str:
    """The page as Markdown, of the rows of all studies."""
    parts = [_HEAD, _kinds(), "\n", _counts(all_rows), ""]
    for study in STUDIES.values():
        rows = [row for row in all_rows if row.experiment.study == study.name]
        parts += [f"\n## {study.name}\n", study.title, "", markdown_table(rows), ""]
    return "\n".join(parts).replace("\n\n\n", "\n\n").rstrip() + "\n"


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
