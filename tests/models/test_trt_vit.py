"""TRT-ViT's reconstruction: blocks of the stated sizes, and stages of each kind."""

from __future__ import annotations

import pytest

from lgsim.errors import LgsimError
from lgsim.frontends import load_model
from lgsim.frontends.script import load_script
from lgsim.graph.builder import GraphBuilder
from lgsim.resources import models_dir


def sizes(function: str, *arguments: object) -> tuple[float, float]:
    """Parameters and MACs, in M, of one block of 2048 channels at 7 x 7 pixels."""
    b = GraphBuilder("block")
    x = b.input("input", (1, 2048, 7, 7))
    y = getattr(load_script(models_dir() / "trt_vit.py"), function)(b, x, *arguments)
    assert y.shape == x.shape
    b.output(y)
    graph = b.build()
    assert graph.trained_params is not None
    return graph.trained_params / 1e6, graph.macs() / 1e6


@pytest.mark.parametrize(
    ("function", "arguments", "params", "macs"),
    [
        ("mix_block_c", (), 13.71, 676),
        ("mix_block_b", (), 13.71, 676),
        ("mix_block_c", (0.25,), 6.97, 344),
        ("mix_block_c", (0.75,), 27.8, 1370),
        ("bottleneck_block", (2048,), 4.46, 218),
        ("transformer_block", (), 41.95, 2065),
    ],
)
def test_blocks(function, arguments, params, macs):
    assert sizes(function, *arguments) == (
        pytest.approx(params, rel=2e-3),
        pytest.approx(macs, abs=0.5),
    )


@pytest.mark.parametrize("kind", "CTABM")
@pytest.mark.parametrize("stage", range(4))
def test_every_kind_in_every_stage(kind, stage):
    stages = "C" * stage + kind + "C" * (3 - stage)
    graph = load_model("trt_vit_c_like", args={"stages": stages, "depths": "1,1,1,1", "image": 64})
    assert graph.tensor(graph.outputs[0]).shape == (1, 1000)
    attention = any(op.kind == "Softmax" for op in graph)
    assert attention == (kind != "C")


def test_refusals():
    for args, words in (
        ({"stages": "CCX"}, "stages 'CCX' are no 4 letters of CTABM"),
        ({"stages": "CCCMM"}, "no 4 letters"),
        ({"shrink": "1.5"}, "a multiple of 32 below 2048"),
    ):
        with pytest.raises(LgsimError) as error:
            load_model("trt_vit_c_like", args=args)
        assert words in str(error.value)
