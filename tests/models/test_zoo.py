"""The zoo: exact sizes, and the same network as the matching ONNX file."""

from __future__ import annotations

import runpy
import time

import pytest

from lgsim.frontends import list_models, load_model
from lgsim.graph import ops
from lgsim.resources import models_dir

# Weights and MACs. The MACs in G and, but for BatchNorms folded into convolutions, the weights
# in M agree with the published ones (torchvision, timm, the Swin repository).
SIZES = {
    "resnet18": (11_684_712, 1_814_073_344),
    "resnet34": (21_789_160, 3_663_761_408),
    "resnet50": (25_530_472, 4_089_184_256),
    "resnet101": (44_496_488, 7_801_405_440),
    "deit_tiny": (5_717_416, 1_253_683_200),
    "deit_small": (22_050_664, 4_598_882_304),
    "deit_base": (86_567_656, 17_563_828_224),
    "bert_base": (85_054_464, 11_173_625_856),
    "swin_t": (28_817_262, 4_490_566_656),
    "swin_s": (50_514_198, 8_740_875_264),
    "swin_b": (88_885_972, 15_430_946_816),
}

# Counted in the ONNX files: a Gather at a constant is a Slice and a Squeeze, a Split is one Slice
# per part, a matrix product takes in the Add of its bias, LayerNorm and GELU are one op each.
COUNTS = {
    "resnet18": {"Add": 8, "Conv2D": 20, "MatMul": 1, "Pool2D": 2, "Relu": 17, "Reshape": 1},
    "resnet50": {"Add": 16, "Conv2D": 53, "MatMul": 1, "Pool2D": 2, "Relu": 49, "Reshape": 1},
    "deit_tiny": {
        "Active": 12, "Add": 25, "Concat": 1, "Conv2D": 1, "LayerNorm": 25, "MatMul": 73,
        "MulConst": 12, "Permute": 37, "Reshape": 25, "Slice": 37, "Softmax": 12, "Squeeze": 37,
    },
    "bert_base": {
        "Active": 12, "Add": 36, "LayerNorm": 24, "MatMul": 96, "MulConst": 12, "Permute": 48,
        "Reshape": 48, "Softmax": 12,
    },
    "swin_t": {
        "Active": 12, "Add": 41, "Concat": 23, "Conv2D": 1, "LayerNorm": 29, "MatMul": 76,
        "MulConst": 12, "Permute": 62, "Pool1D": 1, "Reshape": 138, "Slice": 94, "Softmax": 12,
        "Squeeze": 36,
    },
}  # fmt: skip


def test_the_list_is_complete_exact_and_quick():
    list_models()  # imports are not what is measured
    started = time.process_time()
    entries = {entry.name: entry for entry in list_models()}
    assert time.process_time() - started < 1.0
    assert {name: (entry.params, entry.macs) for name, entry in entries.items()} == SIZES
    assert entries["bert_base"].inputs == {"input": (1, 128, 768), "mask": (1, 1, 1, 128)}
    assert all(entry.summary.endswith(".") for entry in entries.values())


@pytest.mark.parametrize("name", COUNTS)
def test_op_counts(name):
    graph = load_model(name)
    assert graph.name == name
    assert graph.op_counts() == COUNTS[name]
    assert graph.warnings == []


@pytest.mark.parametrize(
    ("file", "name", "batch", "args"),
    [
        *((name, name, None, {}) for name in COUNTS),
        ("resnet50_b4", "resnet50", 4, {}),
        ("resnet50_1080p", "resnet50", None, {"height": 1080, "width": 1920}),
        ("deit_tiny_b16", "deit_tiny", 16, {}),
        ("swin_t_b8", "swin_t", 8, {}),
    ],
)
def test_zoo_and_onnx_file_are_the_same_network(file, name, batch, args, reference):
    path = reference / "onnx" / f"{file}.onnx"
    zoo, imported = load_model(name, batch=batch, args=args), load_model(path)
    assert zoo.op_counts() == imported.op_counts()
    assert (zoo.params(), zoo.macs()) == (imported.params(), imported.macs())
    # The same ops on the same shapes, not just as many.
    assert sorted(map(str, sites(zoo))) == sorted(map(str, sites(imported)))


def sites(graph):
    """Attributes and shapes of every op that multiplies or moves data."""
    kinds = (ops.Conv, ops.MatMul, ops.Permute, ops.Slice, ops.Concat, ops.Softmax, ops.Pool)
    for op in graph:
        if isinstance(op.attrs, kinds):
            yield op.attrs, graph.input_types(op), graph.output_types(op)


def test_swin_permutes():
    """62 permutes: 24 around windows, 3 in each of 12 attentions, 2 at the ends.

    The four around the single window of the last stage move nothing; 58 do.
    """
    graph = load_model("swin_t")
    orders: dict[tuple[int, ...], int] = {}
    moving = 0
    for op in graph:
        if isinstance(op.attrs, ops.Permute):
            orders[op.attrs.order] = orders.get(op.attrs.order, 0) + 1
            moving += op.attrs.moves_data(graph.input_types(op)[0].shape)
    assert orders == {
        (0, 1, 3, 2, 4, 5): 24, (2, 0, 3, 1, 4): 12, (0, 1, 3, 2): 12, (0, 2, 1, 3): 12,
        (0, 2, 1): 2,
    }  # fmt: skip
    assert moving == 58


@pytest.mark.parametrize(
    ("name", "params"), [("swin_t", 28_288_354), ("swin_s", 49_606_258), ("swin_b", 87_768_224)]
)
def test_swin_has_the_published_parameters(name, params):
    swin = runpy.run_path(str(models_dir() / "swin.py"))
    assert swin["trained_params"](load_model(name)) == params


@pytest.mark.parametrize("name", COUNTS)
def test_batch_multiplies_work_but_not_weights(name):
    one, four = load_model(name), load_model(name, batch=4)
    assert four.op_counts() == one.op_counts()
    assert four.macs() == 4 * one.macs()
    stored_per_image = 192 if name == "deit_tiny" else 0  # the class token, repeated
    assert four.params() == one.params() + 3 * stored_per_image
