"""The vendor's lowered graphs import: every op known, in order, with the types in the file."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from lgsim.frontends.tpu_mlir import import_mlir, import_mlir_network
from lgsim.graph.dtypes import DType

DATA = Path(__file__).resolve().parents[1] / "data" / "ir"
FILES = sorted(path.name for path in DATA.glob("*.mlir.gz"))
MODULE = """#loc = loc(unknown)
module @net attributes {{module.chip = "bm1684x", module.mode = "F16"}} {{
  func.func @main(%arg0: tensor<1x4x6x6xf32> loc(unknown)) -> tensor<1x4x6x6xf32> {{
    %0 = "top.None"() : () -> none loc(#loc)
    %1 = "top.Input"(%arg0) {{}} : (tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32> loc(#loc1)
{body}
    return %1 : tensor<1x4x6x6xf32> loc(#loc)
  }} loc(#loc)
}} loc(#loc)
#loc1 = loc("x")
#loc2 = loc("y")
#loc3 = loc("z")
#loc4 = loc(fused[#loc2, #loc3])
"""


def write(folder: Path, body: str, name: str = "net.mlir") -> Path:
    path = folder / name
    path.write_text(MODULE.format(body=body))
    return path


@pytest.mark.parametrize("name", FILES)
def test_files_import(name):
    text = gzip.decompress((DATA / name).read_bytes()).decode()
    kinds = re.findall(r'"tpu\.(\w+)"', text)
    flops = int(re.search(r"module\.FLOPs = (\d+)", text).group(1))
    network = import_mlir_network(DATA / name)
    graph = network.graph
    assert graph.warnings == []
    assert [op.kind.replace("RequantInt", "RequantIntAxis") for op in graph] == [
        kind.replace("RequantIntAxis", "RequantInt").replace("RequantInt", "RequantIntAxis")
        for kind in kinds
    ]
    assert network.chip == "bm1684x"
    assert f"_{network.precision}." in name
    assert network.graph.name == name.split(".")[0].removesuffix(f"_{network.precision}").replace(
        "c3d_487", "c3d"
    )
    # The file counts operations, of which nearly all are those of multiplications: two each.
    assert graph.macs() * 2 == pytest.approx(flops, rel=0.03)


@pytest.mark.parametrize("name", [f"{model}_{precision}" for model, precision in (
    ("efficientvit_m0", "int8"), ("yolov5s", "int8"), ("yolov5s_1080p", "f16"),
    ("resnet50_b8", "int8"), ("swin_t_b8", "int8"))])  # fmt: skip
def test_reference_files_import(reference, name):
    assert import_mlir(reference / "ir" / f"{name}.mlir.gz").warnings == []


def test_types_names_and_attributes():
    graph = import_mlir(DATA / "resnet18_int8.mlir.gz")
    conv = next(op for op in graph if op.kind == "Conv2D")
    assert conv.attrs.relu
    assert [x.dtype for x in graph.input_types(conv)] == [DType.I8, DType.I8, DType.I32]
    assert graph.output_types(conv)[0].dtype is DType.U8
    assert graph.tensor(conv.inputs[1]).weight
    assert graph.tensor(conv.inputs[2]).shape == (64,)
    assert graph.inputs == ["input"]
    assert graph.tensor(graph.outputs[0]).dtype is DType.F32
    assert graph.ops[-1].name == graph.outputs[0] == "191_Gemm_f32"


def test_heads_inside_and_transposed():
    graph = import_mlir(DATA / "swin_t_f16.mlir.gz")
    scores = next(op for op in graph if op.kind == "MatMul" and op.attrs.hdim_is_batch)
    assert scores.attrs.right_transpose
    assert graph.output_types(scores)[0].shape == (64, 49, 3, 49)


def test_unknown_op_degrades(tmp_path):
    body = """    %2 = "tpu.Frobnicate"(%1, %0) {m = #tpu<f Odd>} : (tensor<1x4x6x6xf32>, none) ->
      tensor<3x5xf16> loc(#loc2)"""
    graph = import_mlir(write(tmp_path, body))
    assert graph.ops[0].kind == "Unknown"
    assert graph.ops[0].attrs.op_type == "Frobnicate"
    assert graph.output_types(graph.ops[0])[0].shape == (3, 5)
    assert len(graph.warnings) == 1
    assert "Frobnicate" in graph.warnings[0]


def test_op_whose_shapes_do_not_fit_degrades(tmp_path):
    body = """    %2 = "tpu.Permute"(%1, %0) {order = [0, 2, 1, 3]} : (tensor<1x4x6x6xf32>, none) ->
      tensor<1x4x6x6xf32> loc(#loc2)"""
    assert import_mlir(write(tmp_path, body)).ops[0].kind == "Unknown"


def test_several_results_take_fused_names(tmp_path):
    body = """    %2:2 = "tpu.Odd"(%1) : (tensor<1x4x6x6xf32>) ->
      (tensor<2xf32>, tensor<3xi32>) loc(#loc4)
    %3 = "tpu.Active"(%2#0) {mode = #tpu<active_mode SIGMOID>} : (tensor<2xf32>) ->
      tensor<2xf32> loc(unknown)"""
    graph = import_mlir(write(tmp_path, body))
    assert graph.ops[0].outputs == ("y", "z")
    assert graph.ops[1].inputs == ("y",)
    assert graph.ops[1].name == "3"


def test_quantized_types_and_gzip(tmp_path):
    body = """    %2 = "tpu.Cast"(%1) {} : (tensor<1x4x6x6xf32>) ->
      tensor<1x4x6x6x!quant.uniform<u8:f32, 0.5:3>> loc(#loc2)
    %3 = "tpu.Cast"(%2) {} : (tensor<1x4x6x6x!quant.uniform<u8:f32, 0.5:3>>) ->
      tensor<1x4x6x6x!quant.calibrated<bf16<-1.0:2.0>>> loc(#loc3)"""
    path = write(tmp_path, body)
    packed = tmp_path / "net.mlir.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, packed):
        graph = import_mlir(file)
        assert [graph.output_types(op)[0].dtype for op in graph] == [DType.U8, DType.BF16]
