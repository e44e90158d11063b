"""The zoo on the chip: clean schedules, and the same cycles as the exported files."""

from __future__ import annotations

import pytest

from lgsim.api import simulate

# Every family, cut down to a few blocks: what repeats needs no second look.
SMALL = {
    "bert_base": {"depth": 2},
    "c3d": {"frames": 16, "image": 32},
    "deit_small_rpe_bias": {"depth": 2},
    "deit_small_rpe_qkv": {"depth": 1},
    "deit_small_rpe_qkv_bucket": {"depth": 1},
    "efficientvit_m0": {},
    "efficientvit_m5": {"attention": "plain", "sandwich": False},
    "gpt2": {"depth": 2, "cache": True},
    "llama32_1b": {"depth": 1, "sequence": 64, "cache": True},
    "mobilenet_v2": {},
    "resnet18": {},
    "swin_t": {"window": 8, "image": 128, "depths": (2, 2), "heads": (3, 6)},
    "trt_vit_c_like": {"depths": (1, 1, 1, 2)},
    "mixnet_a_like": {"depths": (1, 1, 1, 1)},
    "unet512": {"size": (128, 128)},
    "unet_3d": {"size": (16, 16, 16)},
    "yolov5s": {"height": 128, "width": 192},
}


@pytest.mark.parametrize("precision", ["f16", "int8"])
@pytest.mark.parametrize("name", SMALL)
def test_schedules_are_clean(name, precision):
    run = simulate(name, args=SMALL[name], precision=precision, strategy="greedy")
    assert run.graph.warnings == []
    assert run.check() == []
    assert run.timeline.total_cycles > 0


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        *((name, "none") for name in ("bert_base", "c3d_487", "swin_t", "unet512", "yolov5s")),
        *((name, "greedy") for name in ("c3d", "deit_tiny", "efficientvit_m0", "resnet50")),
        ("efficientvit_m0", "dp"),
    ],
)
def test_zoo_and_onnx_file_take_the_same_time(name, strategy, reference):
    options = {"precision": "int8", "strategy": strategy}
    zoo = simulate(name, **options)
    file = simulate(reference / "onnx" / f"{name}.onnx", **options)
    assert zoo.timeline.total_cycles == file.timeline.total_cycles
