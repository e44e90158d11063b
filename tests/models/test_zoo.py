"""The zoo: exact sizes, and the same network as the matching ONNX file."""

from __future__ import annotations

import time

import pytest

from lgsim.errors import LgsimError
from lgsim.frontends import list_models, load_model
from lgsim.graph import ops

# Trained parameters, elements of the graph's weights, MACs. The first are those published
# (torchvision, timm, the Swin, EfficientViT, iRPE and YOLOv5 repositories; for the decoders less
# their embeddings), the weights and MACs those of exported files where there is one. Networks that
# are called "like" are reconstructions: theirs only hold what was reviewed once.
SIZES = {
    "bert_base": (85_054_464, 85_054_464, 11_173_625_856),
    "c3d": (78_409_573, 78_409_573, 38_547_378_176),
    "c3d_487": (36_544_743, 36_544_743, 38_505_520_128),
    "deit_tiny": (5_717_416, 5_717_416, 1_253_683_200),
    "deit_small": (22_050_664, 22_050_664, 4_598_882_304),
    "deit_base": (86_567_656, 86_567_656, 17_563_828_224),
    "vit_b16": (86_567_656, 86_567_656, 17_563_828_224),
    "deit_tiny_rpe_k": (5_755_816, 5_794_625, 1_276_377_600),
    "deit_small_rpe_bias": (22_054_264, 24_844_912, 4_598_882_304),
    "deit_small_rpe_k": (22_089_064, 22_127_873, 4_644_271_104),
    "deit_small_rpe_q": (22_089_064, 22_127_873, 4_644_271_104),
    "deit_small_rpe_qk": (22_127_464, 22_166_273, 4_689_659_904),
    "deit_small_rpe_qkv": (22_165_864, 51_971_585, 4_868_491_776),
    "deit_small_rpe_qkv_bucket": (22_165_864, 23_146_727, 4_735_048_704),
    "deit_base_rpe_k": (86_606_056, 86_644_865, 17_654_605_824),
    "deit_base_rpe_qkv": (86_682_856, 116_488_577, 18_103_047_168),
    "efficientvit_m0": (2_349_436, 2_366_404, 79_193_600),
    "efficientvit_m1": (2_980_560, 2_985_616, 167_051_840),
    "efficientvit_m2": (4_187_554, 4_193_746, 201_035_712),
    "efficientvit_m3": (6_900_722, 6_902_930, 262_662_208),
    "efficientvit_m4": (8_804_228, 8_808_212, 299_308_544),
    "efficientvit_m5": (12_473_772, 12_469_092, 521_583_104),
    "gpt2": (85_056_000, 85_121_536, 22_951_231_488),
    "gpt2_medium": (302_311_424, 302_376_960, 80_530_636_800),
    "llama32_1b": (973_146_112, 973_244_416, 253_403_070_464),
    "tinyllama_1b": (968_976_384, 969_074_688, 253_939_941_376),
    "mobilenet_v2": (3_504_872, 3_487_816, 300_774_272),
    "mobilenet_v2_050": (1_968_680, 1_959_408, 97_131_840),
    "resnet18": (11_689_512, 11_684_712, 1_814_073_344),
    "resnet34": (21_797_672, 21_789_160, 3_663_761_408),
    "resnet50": (25_557_032, 25_530_472, 4_089_184_256),
    "resnet101": (44_549_160, 44_496_488, 7_801_405_440),
    "swin_t": (28_288_354, 28_817_262, 4_490_566_656),
    "swin_s": (49_606_258, 50_514_198, 8_740_875_264),
    "swin_b": (87_768_224, 88_885_972, 15_430_946_816),
    "trt_vit_c_like": (67_220_040, 67_193_544, 5_889_900_544),
    "trt_vit_d_like": (102_960_456, 102_916_168, 9_644_068_864),
    "mixnet_v_like": (138_615_624, 138_598_216, 9_817_477_120),
    "mixnet_v_stage3_like": (81_992_520, 81_975_112, 15_770_558_464),
    "mixnet_v_stage2_like": (34_999_112, 34_975_560, 14_142_447_616),
    "mixnet_v_stage1_like": (27_352_648, 27_327_176, 24_983_674_880),
    "mixnet_v_refined_like": (179_115_592, 179_100_872, 11_227_422_720),
    "mixnet_a_like": (60_153_672, 60_125_512, 5_958_842_368),
    "mixnet_b_like": (53_856_072, 53_830_984, 5_650_561_024),
    "mixnet_c_like": (53_856_072, 53_830_984, 5_650_561_024),
    "unet": (31_037_698, 31_031_810, 48_171_581_440),
    "unet512": (7_763_074, 7_760_130, 48_293_216_256),
    "unet_3d": (19_072_291, 19_069_955, 244_704_083_968),
    "yolov5n": (1_872_157, 1_867_405, 2_234_060_800),
    "yolov5s": (7_235_389, 7_225_885, 8_216_780_800),
    "yolov5m": (21_190_557, 21_172_173, 24_436_224_000),
    "yolov5l": (46_563_709, 46_533_693, 54_496_870_400),
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


# In M, as published.
PARAMS = {
    "deit_tiny_rpe_k": 5.76, "deit_small_rpe_k": 22.09, "deit_small_rpe_qk": 22.13,
    "deit_small_rpe_qkv": 22.17, "deit_base_rpe_k": 86.61, "deit_base_rpe_qkv": 86.68,
    "efficientvit_m0": 2.349, "efficientvit_m1": 2.981, "efficientvit_m2": 4.188,
    "efficientvit_m3": 6.901, "efficientvit_m4": 8.804, "efficientvit_m5": 12.474,
    "trt_vit_c_like": 67.2, "trt_vit_d_like": 103.0,
}  # fmt: skip
MACS = {
    "efficientvit_m0": 79.2, "efficientvit_m1": 167.1, "efficientvit_m2": 201.0,
    "efficientvit_m3": 262.7, "efficientvit_m4": 299.3, "efficientvit_m5": 521.6,
    "swin_t": 4490.6, "mobilenet_v2": 300.8,
}  # fmt: skip


def test_the_list_is_complete_exact_and_quick():
    list_models()  # imports are not what is measured
    started = time.process_time()
    entries = {entry.name: entry for entry in list_models()}
    assert time.process_time() - started < 2.0
    assert {name: (e.trained_params, e.params, e.macs) for name, e in entries.items()} == SIZES
    assert entries["bert_base"].inputs == {"input": (1, 128, 768), "mask": (1, 1, 1, 128)}
    assert all(entry.summary.endswith(".") for entry in entries.values())


@pytest.mark.parametrize("name", PARAMS)
def test_published_params(name):
    digits = len(str(PARAMS[name]).partition(".")[2])
    assert round(SIZES[name][0] / 1e6, digits) == PARAMS[name]


@pytest.mark.parametrize("name", MACS)
def test_published_macs(name):
    assert round(SIZES[name][2] / 1e6, 1) == MACS[name]


def test_volumes_have_the_parameters_of_the_paper():
    """3-D U-Net's paper counts one number per channel for bias and BatchNorm together."""
    assert SIZES["unet_3d"][1] == 19_069_955


@pytest.mark.parametrize("name", COUNTS)
def test_op_counts(name):
    graph = load_model(name)
    assert graph.name == name
    assert graph.op_counts() == COUNTS[name]
    assert graph.warnings == []


FILES = [
    *((name, name, None, {}) for name in COUNTS),
    ("c3d", "c3d", None, {}),
    ("c3d_b4", "c3d", 4, {}),
    ("c3d_487", "c3d_487", None, {}),
    ("efficientvit_m0", "efficientvit_m0", None, {}),
    ("resnet50_b4", "resnet50", 4, {}),
    ("resnet50_1080p", "resnet50", None, {"height": 1080, "width": 1920}),
    ("deit_tiny_b16", "deit_tiny", 16, {}),
    ("swin_t_b8", "swin_t", 8, {}),
    ("unet512", "unet512", None, {}),
    ("yolov5s", "yolov5s", None, {}),
    ("yolov5s_rawheads_b4", "yolov5s", 4, {}),
    ("yolov5s_1080p", "yolov5s", None, {"height": 1088, "width": 1920}),
]


@pytest.mark.parametrize(("file", "name", "batch", "args"), FILES)
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


@pytest.mark.parametrize("name", COUNTS)
def test_batch_multiplies_work_but_not_weights(name):
    one, four = load_model(name), load_model(name, batch=4)
    assert four.op_counts() == one.op_counts()
    assert four.macs() == 4 * one.macs()
    stored_per_image = 192 if name == "deit_tiny" else 0  # the class token, repeated
    assert four.params() == one.params() + 3 * stored_per_image


@pytest.mark.parametrize(
    ("name", "args", "shape"),
    [
        ("efficientvit_m0", {"image": 448}, (1, 1000)),
        ("deit_tiny", {"image": 96, "patch": 8, "classes": 10}, (1, 10)),
        ("swin_t", {"window": 8, "image": 256}, (1, 1000)),
        ("mobilenet_v2", {"width": 1.4, "image": 96}, (1, 1000)),
        ("gpt2", {"sequence": 64, "batch": 2}, (2, 64, 768)),
        ("llama32_1b", {"groups": 32, "depth": 1}, (1, 256, 2048)),
        ("unet", {"size": "64x96", "classes": 5}, (1, 5, 64, 96)),
        ("unet_3d", {"levels": 3, "size": "16x16x8"}, (1, 3, 16, 16, 8)),
        ("yolov5s", {"depths": "1,1,1,1", "classes": 3}, (1, 24, 80, 80)),
        ("c3d", {"features": "64", "classes": 9}, (1, 9)),
    ],
)
def test_free_parameters(name, args, shape):
    graph = load_model(name, args=args)
    assert graph.tensor(graph.outputs[0]).shape == shape
    assert graph.warnings == []


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("efficientvit_m0", {"image": 256}, "a window of 7 does not divide 16 x 16 pixels"),
        ("efficientvit_m0", {"heads": "5,4,4"}, "4 kernels for 5 heads"),
        ("deit_tiny", {"pool": 2}, "cannot be pooled (no class token)"),
        ("deit_tiny", {"rpe": "kq"}, "one of none, bias, q, k"),
        ("llama32_1b", {"groups": 5}, "2048 features do not form 32 heads in 5 groups"),
        ("unet", {"size": "100x100"}, "cannot be halved 4 times"),
        ("yolov5s", {"height": 100}, "multiples of 32"),
    ],
)
def test_refusals(name, args, words):
    with pytest.raises(LgsimError) as error:
        load_model(name, args=args)
    assert words in str(error.value)
