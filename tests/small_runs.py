"""Small networks as imported, for tests of whole runs: a few convolutions, one stage of Swin."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lgsim.frontends.script import load_script
from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder

MODELS = Path(__file__).resolve().parents[1] / "models"


def convolutions(length: int = 4, size: int = 28, channels: int = 64) -> Graph:
    """3×3 convolutions one after the other, and a matrix product that may not be local."""
    b = GraphBuilder("convolutions")
    x = b.input("x", (1, channels, size, size))
    for number in range(length):
        x = b.conv(x, channels, kernel=3, pad=1, name=f"c{number}")
    b.output(b.linear(b.flatten(b.global_avg_pool(x)), 10, name="head"))
    return b.build()


@cache
def swin_stage() -> Graph:
    """The first stage of Swin-T, in its real shapes."""
    graph: Graph = load_script(MODELS / "swin.py").build(depths=(2,), heads=(3,), classes=10)
    return graph
