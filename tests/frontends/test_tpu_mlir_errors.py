"""Bad MLIR files: one sentence that names the line and the column."""

from __future__ import annotations

from pathlib import Path

import pytest

from lgsim.errors import LgsimError
from lgsim.frontends.tpu_mlir import import_mlir

HEAD = """module @net {
  func.func @main(%arg0: tensor<1x4xf32>) -> tensor<1x4xf32> {
"""
TAIL = """    return %arg0 : tensor<1x4xf32>
  }
}
"""

# What stands in the function, what is said, and line:column.
BODIES = [
    ('    %1 = "tpu.Relu"(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32>', "before it", "3:10"),
    ("    %1 = tpu.Relu %arg0", "generic form", "3:10"),
    ('    %1 = "tpu.Relu"(%arg0) : (tensor<?x4xf32>) -> tensor<1x4xf32>', "static shape", "3:31"),
    ('    %1 = "tpu.Relu"(%arg0) : (tensor<1x4xq7>) -> tensor<1x4xf32>', "type 'q7'", "3:31"),
    ('    %1 = "tpu.Relu"(%arg0) : () -> tensor<1x4xf32>', "1 operands but 0 types", "3:10"),
    ('    %1 = "tpu.Relu"(%arg0) ({}) : () -> ()', "regions", "3:28"),
    ('    %1 = "tpu.Relu"(%arg0) ; ', "unexpected character ';'", "3:28"),
    ('    %1 = "tpu.Relu"(%arg0) {relu_limit} (', "expected ':', found '('", "3:41"),
    ('    %1 = "tpu.Permute"(%arg0) : (tensor<1x4xf32>) -> tensor<1x4xf32>', "'order' is", "3:10"),
]  # fmt: skip


def complaint(path: Path) -> str:
    with pytest.raises(LgsimError) as error:
        import_mlir(path)
    assert error.value.exit_code == 1
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("body", "said", "place"), BODIES)
def test_line_and_column(tmp_path, body, said, place):
    path = tmp_path / "net.mlir"
    path.write_text(f"{HEAD}{body}\n{TAIL}")
    text = complaint(path)
    assert said in text
    assert text.startswith(f"net.mlir:{place}: ")


@pytest.mark.parametrize("length", [30, 60, 80, 100])
def test_truncated(tmp_path, length):
    path = tmp_path / "net.mlir"
    path.write_text((HEAD + TAIL)[:length])
    assert "net.mlir:" in complaint(path)


def test_damaged_gzip(tmp_path):
    path = tmp_path / "net.mlir.gz"
    path.write_bytes(b"\x1f\x8b" + bytes(30))
    assert "damaged" in complaint(path)


def test_missing_binary_and_divided_files(tmp_path):
    assert "No such file" in complaint(tmp_path / "absent.mlir")
    path = tmp_path / "net.mlir"
    path.write_bytes(b"\xff\xfe\x00")
    assert "no text file" in complaint(path)
    path.write_text("module @net {\n}\n")
    assert "0 functions" in complaint(path)
