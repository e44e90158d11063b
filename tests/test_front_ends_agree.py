"""The same network as ONNX file and as the vendor lowered it: the same plan, the same cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from lgsim.api import simulate

DATA = Path(__file__).resolve().parent / "data"


@pytest.mark.parametrize(
    ("network", "precision", "strategy"),
    [
        ("resnet18", "f16", "dp"),
        ("resnet18", "int8", "dp"),
        ("deit_tiny", "int8", "greedy"),
        ("unet512", "f16", "greedy"),
    ],
)
def test_onnx_and_lowered_graph_take_the_same_time(
    network: str, precision: str, strategy: str
) -> None:
    """To the cycle in most; reshapes that change nothing may stay in the vendor's graph."""
    imported = simulate(
        DATA / "onnx" / f"{network}.onnx.gz", precision=precision, strategy=strategy
    )
    lowered = simulate(DATA / "ir" / f"{network}_{precision}.mlir.gz", strategy=strategy)
    assert imported.cycles == pytest.approx(lowered.cycles, rel=0.01)
    sizes = [
        [(part.kind, part.type, part.secs) for part in run.plan.sections if part.kind == "group"]
        for run in (imported, lowered)
    ]
    assert sizes[0] == sizes[1]
