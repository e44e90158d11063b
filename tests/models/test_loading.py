"""`load_model`: names, scripts and their parameters, and one clear line when something is wrong."""

from __future__ import annotations

import gzip

import pytest

from lgsim.errors import LgsimError
from lgsim.frontends import load_model

SCRIPT = '''
"""A test network."""
from typing import Literal

from lgsim import GraphBuilder

def build(width: int = 8, scales: tuple[float, ...] = (1.0,), relu: bool = True,
          kind: Literal["a", "b"] = "a", size: int | None = None, batch: int = 1, free="4"):
    b = GraphBuilder("net")
    x = b.input("input", (batch, width, size or 4))
    for scale in scales:
        x = b.mul(x, scale)
    b.output(b.relu(x) if relu else b.active(x, "sigmoid"))
    graph = b.build()
    graph.name = f"{kind}{free!r}"
    return graph
'''


@pytest.fixture
def script(tmp_path):
    def write(text: str = SCRIPT, name: str = "net.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def refusal(*args, **options) -> str:
    with pytest.raises(LgsimError) as error:
        load_model(*args, **options)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_arguments_are_converted_to_their_types(script):
    args = {"width": "16", "scales": "0.5,2", "relu": "no", "kind": "b", "size": "7", "batch": "2"}
    graph = load_model(script(), args=args)
    assert graph.tensor("input").shape == (2, 16, 7)
    assert graph.op_counts() == {"Active": 1, "MulConst": 2}
    assert graph.name == "b'4'"


def test_arguments_may_be_values_and_none(script):
    graph = load_model(str(script()), batch=3, args={"scales": (1.0, 2.0, 3.0), "size": "none"})
    assert graph.tensor("input").shape == (3, 8, 4)
    assert graph.op_counts()["MulConst"] == 3


def test_shapes_of_a_script_are_checked(script):
    path = script()
    load_model(path, batch=2, shapes={"input": (2, 8, 4)})
    assert "input 'input' is 1x8x4, not 1x8x5" in refusal(path, shapes={"input": (1, 8, 5)})
    assert "inputs are input" in refusal(path, shapes={"image": (1, 8, 5)})


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"widht": "8"}, "no parameter 'widht' (parameters are width, scales, relu, kind"),
        ({"widht": "8"}, "did you mean 'width'?"),
        ({"width": "wide"}, "'wide' does not suit parameter 'width' (takes int)"),
        ({"scales": "1,two"}, "'1,two' does not suit parameter 'scales'"),
        ({"scales": "1,,2"}, "'1,,2' does not suit parameter 'scales'"),
        ({"relu": "maybe"}, "takes bool"),
        ({"kind": "c"}, "one of a, b"),
        ({"size": "big"}, "'big' does not suit"),
        ({"width": "0"}, "empty dimension"),
        ({"width": "-3"}, "empty dimension"),
    ],
)
def test_wrong_arguments(script, args, words):
    message = refusal(script(), args=args)
    assert words in message
    assert "net.py" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "net.py: has no function build()"),
        ("def build(:", "net.py:1: is no valid Python"),
        ("def build(n): return n", "build() needs a value for 'n'"),
        ("def build(): return 3", "build() returned int (a lgsim.Graph is needed)"),
        ("def build():\n    raise ValueError('too\\nbad')", "net.py:2: ValueError: too bad"),
        ("def build():\n    return 1 / 0", "net.py:2: ZeroDivisionError"),
        ("import no_such_module", "net.py:1: ModuleNotFoundError"),
        ("import sys\nsys.exit(3)", "net.py:2: SystemExit: 3"),
        ("def build(*, width=8): return None", "returned NoneType"),
    ],
)
def test_broken_scripts(script, text, words):
    assert words in refusal(script(text))


def test_a_script_may_use_its_neighbours_and_dataclasses(script):
    script("WIDTH = 5", "sizes_for_test.py")
    path = script(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "import lgsim, sizes_for_test\n"
        "@dataclass(slots=True)\nclass Config:\n    width: int = sizes_for_test.WIDTH\n"
        "def build() -> lgsim.Graph:\n"
        "    b = lgsim.GraphBuilder('net')\n"
        "    b.output(b.relu(b.input('x', (1, Config().width))))\n"
        "    return b.build()\n"
    )
    assert load_model(path).tensor("x").shape == (1, 5)


def test_a_gzipped_script(tmp_path):
    path = tmp_path / "net.py.gz"
    path.write_bytes(gzip.compress(SCRIPT.encode()))
    assert len(load_model(path)) == 2
    path.write_bytes(gzip.compress(SCRIPT.encode())[:-20])
    assert "cannot be read" in refusal(path)
    path.write_bytes(b"no gzip at all")
    assert "cannot be read" in refusal(path)


def test_names_that_are_no_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.onnx").mkdir()
    assert "did you mean 'swin_t'" in refusal("swin-t")
    assert "did you mean 'resnet50'" in refusal("ResNet50")
    assert "'lgsim models' lists the zoo" in refusal("zzz")
    assert refusal("net.onnx") == "net.onnx: there is no such file"
    assert refusal("folder.onnx") == "folder.onnx: is a directory"
    assert "'notes.txt' is not a network (a zoo name, or a file in .onnx" in refusal("notes.txt")
    assert "directory 'folder' is not a network" in refusal("folder")
    assert "'net.pt' is not a network" in refusal("net.pt")


def test_a_folder_does_not_hide_a_zoo_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18").mkdir()
    assert load_model("resnet18").name == "resnet18"


def test_zoo_names_take_arguments():
    graph = load_model("swin_t", args={"depths": "2,2", "heads": "3x6"}, batch=2)
    assert graph.name == "swin_t"
    assert graph.tensor("input").shape == (2, 3, 224, 224)
    assert "window of 8 does not divide" in refusal("swin_t", args={"window": "8"})
    assert "build() has no parameter 'scale'" in refusal("resnet50", args={"scale": "2"})


def test_only_scripts_have_parameters(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"")
    assert "has no parameter 'window'" in refusal(path, args={"window": "8"})
