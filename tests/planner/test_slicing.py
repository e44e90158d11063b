"""Large inputs are cut along every axis there is, soundly; what does not fit is said exactly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from small_runs import MODELS

import lgsim
from lgsim.answers.run import Run
from lgsim.errors import InfeasibleError
from lgsim.frontends.script import load_script
from lgsim.graph import Graph
from lgsim.graph.builder import GraphBuilder

TIGHT = {"lmem.lane_bytes": "65536"}


def u_net(batch: int, height: int, width: int) -> Graph:
    """Two levels of a U-Net: convolutions, a pooling, and the way back with a skip connection."""
    b = GraphBuilder("u_net")
    x = b.input("x", (batch, 3, height, width))
    y = b.conv(b.conv(x, 32, kernel=3, pad=1), 32, kernel=3, pad=1)
    z = b.conv(b.max_pool(y, kernel=2, stride=2), 64, kernel=3, pad=1)
    z = b.deconv(z, 32, kernel=2, stride=2)
    b.output(b.conv(b.concat([y, z], 1), 2, kernel=1))
    return b.build()


def volumes() -> Graph:
    """A 3-D U-Net's first level on 32 planes of 112 x 112."""
    b = GraphBuilder("volumes")
    x = b.input("x", (1, 3, 32, 112, 112))
    y = b.conv(b.conv(x, 32, kernel=(3, 3, 3), pad=1), 32, kernel=(3, 3, 3), pad=1)
    b.output(b.max_pool(y, kernel=(2, 2, 2), stride=(2, 2, 2)))
    return b.build()


def heads(batch: int = 8, count: int = 16, tokens: int = 197, depth: int = 64) -> Graph:
    """Attention of 16 heads, already apart."""
    b = GraphBuilder("heads")
    shape = (batch, count, tokens, depth)
    q, v = b.input("q", shape), b.input("v", shape)
    k = b.input("k", (batch, count, depth, tokens))
    b.output(b.matmul(b.softmax(b.matmul(q, k)), v))
    return b.build()


def residual_stage(batch: int, height: int, width: int) -> Graph:
    """The first stage of a residual network, with its strided convolutions."""
    b = GraphBuilder("residual_stage")
    x = b.conv(b.input("x", (batch, 3, height, width)), 64, kernel=7, stride=2, pad=3)
    x = b.max_pool(b.relu(x), kernel=3, stride=2, pad=1)
    y = b.conv(b.relu(b.conv(x, 64, kernel=1)), 64, kernel=3, pad=1)
    b.output(b.relu(b.add(b.conv(b.relu(y), 256, kernel=1), b.conv(x, 256, kernel=1))))
    return b.build()


def most_secs(run: Run) -> dict[str, int]:
    """The largest number of slices along each axis, over all groups."""
    groups = [section.secs for section in run.plan.sections if section.kind == "group"]
    return dict(zip("ncdhw", map(max, zip(*groups, strict=True)), strict=True))


CASES: list[tuple[Callable[[], Graph], str]] = [
    (lambda: u_net(1, 1080, 1920), "h"),
    (lambda: u_net(4, 640, 640), "nh"),
    (lambda: residual_stage(1, 1080, 1920), "h"),
    (lambda: residual_stage(4, 640, 640), "nh"),
    (volumes, "d"),
    (heads, "n"),
]


def sound(run: Run, axes: str) -> None:
    """The axes that have to be cut are cut, and no rule of the chip is broken."""
    found = most_secs(run)
    assert all(found[axis] > 1 for axis in axes), found
    assert run.check() == []
    types = {section.type for section in run.plan.sections if section.kind == "group"}
    assert ("3D" in types) is ("d" in axes)


@pytest.mark.parametrize("precision", ["f16", "int8"])
@pytest.mark.parametrize(("net", "axes"), CASES)
def test_large_inputs_are_cut(net: Callable[[], Graph], axes: str, precision: str) -> None:
    sound(lgsim.simulate(net(), precision=precision, strategy="greedy"), axes)


@pytest.mark.parametrize(("net", "axes"), CASES)
def test_large_inputs_are_cut_by_dp(net: Callable[[], Graph], axes: str) -> None:
    greedy, dp = (lgsim.simulate(net(), strategy=name) for name in ("greedy", "dp"))
    sound(dp, axes)
    assert dp.cycles <= greedy.cycles


@pytest.mark.parametrize(("net", "axes"), CASES)
def test_a_quarter_of_the_memory(net: Callable[[], Graph], axes: str) -> None:
    """With 64 KiB a lane everything still plans."""
    run = lgsim.simulate(net(), strategy="greedy", overrides=TIGHT)
    sound(run, axes)
    assert run.program.section_lmem_bytes().max() <= 65536


def test_what_does_not_fit_is_named() -> None:
    """One kibibyte a lane holds no tile of the first convolution: which op, and what is missing."""
    tiny = {"lmem.lane_bytes": "1024"}
    with pytest.raises(InfeasibleError, match="bytes per lane too many") as caught:
        lgsim.simulate(residual_stage(1, 64, 64), strategy="greedy", overrides=tiny)
    assert caught.value.where.startswith("Conv")


def test_tokens_of_a_transformer_are_cut_along_c() -> None:
    """A block of a ViT with 16 heads at batch 8: matrices see tokens as channels."""
    net = load_script(MODELS / "deit.py").build(dim=1024, heads=16, depth=1, batch=8)
    run = lgsim.simulate(net, strategy="greedy")
    found = most_secs(run)
    assert found["n"] == 8
    assert found["c"] > 1
    assert run.check() == []
