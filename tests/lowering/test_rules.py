"""What lowering does to single ops: types, casts, requantization, rescaling."""

from __future__ import annotations

import pytest

from lgsim.errors import LgsimError
from lgsim.graph.builder import GraphBuilder
from lgsim.graph.core import Graph
from lgsim.graph.dtypes import DType
from lgsim.lowering import lower
from lgsim.rewrites import apply_rewrites


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph]


def dtypes(graph: Graph) -> list[DType]:
    return [graph.output_types(op)[0].dtype for op in graph]


def weights(graph: Graph, index: int) -> list[DType]:
    op = graph.ops[index]
    return [graph.tensor(name).dtype for name in op.inputs if graph.tensor(name).weight]


def lowered(b: GraphBuilder, precision: str, **options: str) -> Graph:
    graph = b.build()
    apply_rewrites(graph, precision)
    return lower(graph, precision, **options)


def image_net(*layers: str) -> GraphBuilder:
    b = GraphBuilder("net")
    x = b.input("input", (1, 8, 12, 12))
    x = b.conv(x, 16, kernel=3, pad=1)
    for layer in layers:
        x = getattr(b, layer)(x)
    b.output(x)
    return b


def test_f32_adds_nothing():
    graph = lowered(image_net("silu", "global_avg_pool"), "f32")
    assert kinds(graph) == ["Conv2D", "Active", "Pool2D"]
    assert set(dtypes(graph)) == {DType.F32}
    assert graph.precision == "f32"


@pytest.mark.parametrize(("precision", "dtype"), [("f16", DType.F16), ("bf16", DType.BF16)])
def test_half_precision_casts_around_activations_and_averages(precision, dtype):
    graph = lowered(image_net("silu", "global_avg_pool", "flatten", "relu"), precision)
    assert kinds(graph) == [
        "Cast", "Conv2D", "Cast", "Active", "Pool2D", "Reshape", "Cast", "Relu", "Cast",
    ]  # fmt: skip
    wide = DType.F32
    assert dtypes(graph) == [dtype, dtype, wide, wide, wide, wide, dtype, dtype, wide]
    assert weights(graph, 1) == [dtype, DType.F32]


def test_max_pooling_stays_half():
    b = image_net()
    b = GraphBuilder("net")
    b.output(b.max_pool(b.input("input", (1, 8, 12, 12)), kernel=2, stride=2))
    assert kinds(lowered(b, "f16")) == ["Cast", "Pool2D", "Cast"]


def test_int8_convolution_activation_and_signs():
    graph = lowered(image_net("silu"), "int8")
    assert kinds(graph) == ["Cast", "Conv2D", "Lut", "Cast"]
    assert dtypes(graph) == [DType.I8, DType.I8, DType.I8, DType.F32]
    assert weights(graph, 1) == [DType.I8, DType.I32]
    assert weights(graph, 2) == [DType.I8]
    assert dtypes(lowered(image_net("sigmoid"), "int8"))[2] is DType.U8
    # A fused ReLU leaves unsigned codes, and moving ops keep them.
    graph = lowered(image_net("relu", "global_avg_pool", "flatten"), "int8")
    assert kinds(graph) == ["Cast", "Conv2D", "Pool2D", "Reshape", "Cast"]
    assert dtypes(graph) == [DType.I8, DType.U8, DType.U8, DType.U8, DType.F32]


def test_int8_norms_and_softmax_are_half():
    b = GraphBuilder("net")
    x = b.layer_norm(b.input("input", (1, 4, 16)))
    b.output(b.softmax(b.linear(x, 16)))
    graph = lowered(b, "int8")
    assert kinds(graph) == ["Cast", "LayerNorm", "Cast", "MatMul", "Cast", "Softmax", "Cast"]
    half = DType.F16
    assert dtypes(graph) == [half, half, DType.I8, DType.I8, half, half, DType.F32]
    assert weights(graph, 1) == [half, half]
    assert weights(graph, 3) == [DType.I8, DType.I32]


def test_int8_sums_that_leave_the_chip_are_requantized():
    b = GraphBuilder("net")
    x = b.input("input", (1, 4, 4, 8, 8))
    x = b.relu(b.conv(x, 8, kernel=3, pad=1))
    b.output(x)
    graph = lowered(b, "int8")
    assert kinds(graph) == ["Cast", "Conv3D", "RequantInt", "Cast"]
    assert dtypes(graph) == [DType.I8, DType.I32, DType.U8, DType.F32]
    assert graph.tensor(graph.ops[2].inputs[1]).shape == (1, 8, 1, 1, 3)


def test_int8_factor_is_a_shift():
    b = image_net()
    b = GraphBuilder("net")
    b.output(b.mul(b.input("input", (1, 4, 16)), 0.5))
    assert kinds(lowered(b, "int8")) == ["Cast", "MulShift", "Cast"]


def test_one_cast_for_all_readers():
    b = GraphBuilder("net")
    x = b.layer_norm(b.input("input", (1, 4, 16)))
    b.output(b.add(b.linear(x, 16, name="a"), b.linear(x, 16, name="b")))
    assert kinds(lowered(b, "int8")).count("Cast") == 3


def concat_net(share: bool, kernel_last: bool = True) -> GraphBuilder:
    """Two branches, of which one is read behind the concatenation as well if `share`."""
    b = GraphBuilder("net")
    x = b.input("input", (1, 8, 12, 12))
    p = b.conv(x, 8, kernel=1, name="p")
    q = b.conv(x, 8, kernel=1, name="q")
    y = b.conv(b.concat([p, q], axis=1), 8, kernel=1, name="y")
    b.output(b.add(y, q) if share else y)
    return b


def test_branches_that_only_a_concat_reads_share_its_scale():
    assert "MulShift" not in kinds(lowered(concat_net(share=False), "int8"))


def test_branch_that_others_read_keeps_its_scale():
    graph = lowered(concat_net(share=True), "int8")
    shift = next(op for op in graph if op.kind == "MulShift")
    assert shift.inputs == ("p",)
    assert kinds(graph).count("MulShift") == 1


def test_scale_kept_through_pooling_and_upsampling():
    b = GraphBuilder("net")
    x = b.conv(b.input("input", (1, 8, 12, 12)), 8, kernel=1)
    pools = [x]
    for _ in range(3):
        pools.append(b.max_pool(pools[-1], kernel=5, stride=1, pad=2))
    b.output(b.conv(b.concat(pools, axis=1), 8, kernel=1))
    assert "MulShift" not in kinds(lowered(b, "int8"))


def test_signs_of_concatenated_branches_are_made_equal():
    b = GraphBuilder("net")
    x = b.input("input", (1, 8, 12, 12))
    p, q = b.relu(b.conv(x, 8, kernel=1, name="p")), b.conv(x, 8, kernel=1, name="q")
    b.output(b.conv(b.concat([p, q], axis=1), 8, kernel=1, name="y"))
    graph = lowered(b, "int8")
    shift = next(op for op in graph if op.kind == "MulShift")
    assert graph.input_types(shift)[0].dtype is DType.U8
    assert graph.output_types(shift)[0].dtype is DType.I8


def test_class_token_is_concatenated_in_half_precision():
    b = GraphBuilder("net")
    x = b.linear(b.input("input", (1, 4, 16)), 16)
    b.output(b.linear(b.concat([b.weight("token", (1, 1, 16)), x], axis=1), 4, name="head"))
    graph = lowered(b, "int8")
    assert kinds(graph) == ["Cast", "MatMul", "Cast", "Concat", "Cast", "MatMul", "Cast"]
    assert weights(graph, 3) == [DType.F16]


def test_upsampling_reads_a_table_of_positions():
    b = GraphBuilder("net")
    b.output(b.upsample(b.input("input", (1, 8, 6, 5)), 2))
    for precision in ("f32", "f16", "int8"):
        graph = lowered(b, precision) if precision == "f32" else lower(b.build(), precision)
        op = next(op for op in graph if op.kind == "Upsample")
        assert graph.tensor(op.inputs[1]).shape == (1, 12 * 10, 1, 2)
        assert graph.tensor(op.inputs[1]).dtype is DType.I16


def test_token_ids_stay_whole_numbers():
    b = GraphBuilder("net")
    ids = b.input("ids", (1, 7), DType.I64)
    b.output(b.linear(b.embedding(ids, 100, 16), 4))
    for precision in ("f32", "f16", "int8"):
        graph = lower(b.build(), precision)
        assert graph.tensor("ids").dtype is DType.I32
        assert graph.ops[0].kind == "Gather"


def test_io_dtype():
    graph = lowered(image_net(), "f16", io_dtype="f16")
    assert kinds(graph) == ["Conv2D"]
    graph = lowered(image_net(), "int8", io_dtype="int8")
    assert kinds(graph) == ["Conv2D"]
    assert graph.tensor("input").dtype is DType.I8


@pytest.mark.parametrize("options", [("f8", "f32"), ("f16", "f64")])
def test_unknown_types_are_named(options):
    with pytest.raises(LgsimError, match=r"is not known \(one of f32"):
        lower(image_net().build(), *options)


def test_the_source_is_left_alone():
    source = image_net("silu").build()
    before = [(op, source.output_types(op)) for op in source]
    lower(source, "int8")
    assert [(op, source.output_types(op)) for op in source] == before
