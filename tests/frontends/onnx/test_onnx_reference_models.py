"""The reference networks: everything imports, and parameters and MACs are those of the manifest."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lgsim.frontends.onnx import import_onnx

# Import computes embeddings of constant ids and indexed bias tables offline, as a compiler does,
# and then counts their result instead of the table: (weights after) − (weights before).
COMPUTED_OFFLINE = {
    "bert_base_ner_256.onnx": 256 * 768 - 2 * 768,
    "bert_base_ner_256_b8.onnx": 8 * 256 * 768 - 2 * 768,
    "efficientvit_m0_raw.onnx": 2_366_404 - 2_335_164,
}


# Permissively licensed networks that travel with the tests: parameters and MACs, exactly.
BUNDLED = {
    "c3d": (78_409_573, 38_547_378_176),
    "deit_tiny": (5_717_416, 1_253_683_200),
    "efficientvit_m0_raw": (2_366_404, 79_193_600),
    "lprnet": (444_920, 144_411_264),
    "resnet18": (11_684_712, 1_814_073_344),
    "swin_t_raw": (28_798_054, 4_490_566_656),
    "unet512": (7_760_130, 48_293_216_256),
}
DATA = Path(__file__).resolve().parents[2] / "data" / "onnx"


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_networks(name):
    graph = import_onnx(DATA / f"{name}.onnx.gz")
    assert graph.name == name
    assert (graph.params(), graph.macs()) == BUNDLED[name]
    assert not graph.warnings


def rows(reference: Path) -> dict[str, dict[str, str]]:
    with (reference / "onnx" / "manifest.csv").open() as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_every_file_has_the_parameters_and_macs_of_the_manifest(reference):
    for name, row in rows(reference).items():
        graph = import_onnx(reference / "onnx" / name)
        params = graph.params() - COMPUTED_OFFLINE.get(name, 0)
        # the manifest rounds to thousands and millions
        assert params == pytest.approx(float(row["params_M"]) * 1e6, rel=1e-3, abs=500), name
        assert graph.macs() == pytest.approx(float(row["macs_G"]) * 1e9, rel=1e-3, abs=5e5), name
        assert not graph.warnings, name
        wanted = [text.split(":")[1] for text in row["output_shapes"].split(";")]
        got = ["x".join(map(str, graph.tensor(output).shape)) for output in graph.outputs]
        assert got == wanted, name


def test_files_outside_of_the_manifest_import_too(reference):
    listed = rows(reference)
    for path in sorted((reference / "onnx").glob("*.onnx")):
        if path.name not in listed:
            assert not import_onnx(path).warnings


@pytest.mark.parametrize(
    ("one", "many", "batch"),
    [
        ("resnet50", "resnet50_b8", 8),
        ("deit_tiny", "deit_tiny_b16", 16),
        ("swin_t", "swin_t_b8", 8),
        ("swin_t_b8", "swin_t", 1),
        ("swin_t_raw", "swin_t_b8", 8),
        ("bert_base_ner_256", "bert_base_ner_256_b8", 8),
        ("retinaface_mnet025", "retinaface_mnet025_b4", 4),
        ("yolov4_416", "yolov4_416_b4", 4),
        ("yolov8s_pose", "yolov8s_pose_b4", 4),
        ("yolox_s", "yolox_s_b4", 4),
    ],
)
def test_another_batch_is_the_export_at_that_batch(one, many, batch, reference):
    folder = reference / "onnx"
    changed = import_onnx(folder / f"{one}.onnx", batch=batch)
    exported = import_onnx(folder / f"{many}.onnx")

    def types(graph):
        return [(op.kind, graph.output_types(op)) for op in graph]

    assert types(changed) == types(exported)
    assert changed.macs() == exported.macs()


@pytest.mark.parametrize("name", ["swin_t", "efficientvit_m0", "yolox_s"])
def test_an_export_with_its_shape_arithmetic_is_the_simplified_one(name, reference):
    raw = import_onnx(reference / "onnx" / f"{name}_raw.onnx")
    assert raw.op_counts() == import_onnx(reference / "onnx" / f"{name}.onnx").op_counts()


@pytest.mark.parametrize(
    ("name", "mode", "count"),
    [
        ("swin_t", "gelu", 12),
        ("bert_base", "gelu", 12),
        ("clip_text_vitb32", "quick_gelu", 12),
        ("yolov4_416", "mish", 72),
        ("yolov8s", "silu", 57),
    ],
)
def test_activations_are_recognised(name, mode, count, reference):
    graph = import_onnx(reference / "onnx" / f"{name}.onnx")
    assert sum(op.kind == "Active" and op.attrs.mode == mode for op in graph) == count


@pytest.mark.parametrize(("name", "count"), [("swin_t", 29), ("bert_base", 24), ("deit_tiny", 25)])
def test_layer_norms_are_recognised_with_scale_and_bias(name, count, reference):
    graph = import_onnx(reference / "onnx" / f"{name}.onnx")
    norms = [op for op in graph if op.kind == "LayerNorm"]
    assert len(norms) == count
    assert all(len(op.inputs) == 3 for op in norms)
