"""Recorded command files: good lines become records, bad ones a clear error."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lgsim.errors import LgsimError
from lgsim.frontends.command_file import read_commands
from lgsim.graph.dtypes import DType

LINE: dict[str, Any] = {
    "engine": "bdc",
    "id": 3,
    "layer": "Conv2D",
    "op": "conv.normal",
    "unit": "CONV",
    "cycles": 28224,
    "in": [
        {"shape": [1, 9, 112, 112], "dt": "f16", "st": [12544, 12544, 112, 1]},
        {"shape": [64, 9, 3, 3], "dt": "f16", "st": None},
        "const:f32",
        "none",
    ],
    "out": [{"shape": [1, 64, 112, 112], "dt": "f16", "st": [12544, 12544, 112, 1]}, "none"],
    "attr": "{kernel = [3, 3], stride = [1, 1], res_add = False}",
    "operands": "%R1, %R0.576, %C0.0, %D14",
    "results": "%R5.128.L9",
}


def write(folder: Path, *lines: str) -> Path:
    """A command file in `folder`."""
    path = folder / "x.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_a_line_becomes_a_record(tmp_path: Path) -> None:
    (command,) = read_commands(write(tmp_path, json.dumps(LINE), ""))
    assert (command.engine, command.id, command.cycles, command.wait_id) == ("bdc", 3, 28224, 14)
    assert command.ints("kernel") == (3, 3)
    assert command.flag("res_add") is False
    assert [tensor.place for tensor in command.inputs] == ["%R1", "%R0.576"]
    assert command.inputs[1].dtype is DType.F16
    assert command.inputs[1].strides is None
    assert command.outputs[0].lane == 9
    assert command.inputs[0].lane == 0
    assert command.nbytes == 0


def test_packed_and_plain_files_are_the_same(tmp_path: Path) -> None:
    plain = write(tmp_path, json.dumps(LINE))
    packed = tmp_path / "x.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_commands(packed) == read_commands(plain)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "cpu"}, "engine 'cpu' is neither gdma nor bdc"),
        ({"operands": "%R1, %R0"}, "'%R0' does not name a command to wait for"),
        ({"cycles": -1}, "cycles are negative"),
        ({"cycles": "many"}, "invalid literal"),
        ({"in": [{"shape": [1], "dt": "f8", "st": None}]}, "unknown or missing 'f8'"),
        ({"in": None}, "not a recorded command"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = write(tmp_path, json.dumps(LINE), json.dumps({**LINE, **change}))
    with pytest.raises(LgsimError) as caught:
        read_commands(path)
    assert f"{path}: line 2: not a recorded command" in str(caught.value)
    assert message in str(caught.value)


def test_lines_that_are_not_json_objects(tmp_path: Path) -> None:
    for line in ("{", "[]", "3", '{"engine": "bdc"}'):
        with pytest.raises(LgsimError, match="line 1: not a recorded command"):
            read_commands(write(tmp_path, line))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LgsimError, match="cannot read the commands: No such file"):
        read_commands(tmp_path / "absent.jsonl")
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(json.dumps(LINE).encode())[:-20])
    with pytest.raises(LgsimError, match="cannot read the commands: damaged"):
        read_commands(cut)
    cut.write_bytes(b"plain text")
    with pytest.raises(LgsimError, match="cannot read the commands: damaged"):
        read_commands(cut)
    with pytest.raises(LgsimError, match="holds no commands"):
        read_commands(write(tmp_path, ""))
