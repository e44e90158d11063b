"""Bad input gives one clear line, the right exit code, no traceback and no half-written file."""

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper


def lgsim(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lgsim", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("lgsim: error: ")
    for word in words:
        assert word in lines[0], f"'{word}' is not in: {lines[0]}"


def relu_model(path: Path, batch: int | str) -> Path:
    shape = [batch, 8, 4, 4]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def test_truncated_onnx(tmp_path: Path) -> None:
    whole = relu_model(tmp_path / "whole.onnx", 1).read_bytes()
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(whole[: len(whole) // 2])
    assert_one_line(lgsim("simulate", broken), "broken.onnx")


def test_dynamic_batch_needs_a_number(tmp_path: Path) -> None:
    model = relu_model(tmp_path / "dynamic.onnx", "N")
    assert_one_line(lgsim("simulate", model), "'x'", "--batch")
    done = lgsim("simulate", model, "--batch", "2")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('extends = "bm1684x"\n[lanes]\ncolour = 3\n', ("chip.toml", "lanes.colour")),
        (
            'extends = "bm1684x"\n[lanes]\ncount = { value = -64, source = "a test" }\n',
            ("chip.toml", "lanes.count", "greater than 0", "-64"),
        ),
        ("[lanes\n", ("chip.toml",)),
    ],
)
def test_bad_chip_file(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    chip = tmp_path / "chip.toml"
    chip.write_text(text)
    assert_one_line(lgsim("simulate", "resnet18", "--target", chip), *words)


def test_bad_override() -> None:
    assert_one_line(
        lgsim("simulate", "resnet18", "--set", "gdma.load_gbps=-1"), "gdma.load_gbps", "-1"
    )
    assert_one_line(lgsim("simulate", "resnet18", "--set", "gdma.speed=1"), "gdma.speed")


def test_unknown_names_are_suggested() -> None:
    assert_one_line(lgsim("simulate", "resnet5"), "resnet50")
    assert_one_line(lgsim("simulate", "resnet18", "--target", "bm1648x"), "bm1684x")
    assert_one_line(lgsim("simulat", "resnet18"), "simulate")
    assert_one_line(lgsim("simulate", "resnet18", "--strategy", "best"), "best", "none")
    assert_one_line(lgsim("simulate", "resnet18", "--disable", "magic"), "magic")


def test_missing_network() -> None:
    assert_one_line(lgsim("simulate"), "which network")
    assert_one_line(lgsim("simulate", "no/such/file.onnx"), "no/such/file.onnx")


@pytest.mark.parametrize(
    "verb", [("plot", "-o", "p.png"), ("trace", "-o", "t.json"), ("simulate", "--json", "r.json")]
)
def test_unwritable_output(tmp_path: Path, verb: tuple[str, ...]) -> None:
    missing = tmp_path / "missing"
    arguments = [missing / word if "." in word else word for word in verb]
    assert_one_line(lgsim(arguments[0], "resnet18", *arguments[1:]), "missing")
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written(tmp_path: Path) -> None:
    folder = tmp_path / "taken.png"
    folder.mkdir()
    assert_one_line(lgsim("plot", "resnet18", "-o", folder), "taken.png")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


@pytest.mark.parametrize(
    "verb",
    [
        ("plot", "nothing", "-o", "{}"),
        ("study", "--all", "--json", "{}"),
        ("simulate", "nothing", "--json", "{}"),
    ],
)
def test_an_unwritable_output_is_refused_before_the_work(
    tmp_path: Path, verb: tuple[str, ...]
) -> None:
    """Before the network is even looked for."""
    path = str(tmp_path / "nowhere" / "out.png")
    done = lgsim(*(part.format(path) for part in verb))
    assert_one_line(done, "cannot write", "create the folder")


def test_ablate_takes_no_plan() -> None:
    """It makes plans of its own; one that is given would be ignored."""
    assert_one_line(lgsim("ablate", "resnet18", "--plan", "plan.json"), "--plan")


def test_picture_format_must_be_known(tmp_path: Path) -> None:
    done = lgsim("plot", "resnet18", "-o", tmp_path / "picture.docx")
    assert_one_line(done, ".docx", ".png")


def test_closed_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "lgsim", "models"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert "Traceback" not in done.stderr
