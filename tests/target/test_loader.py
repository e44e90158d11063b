"""Chip files: every number has a source, mistakes give one clear line, variants extend others."""

import subprocess
import sys
from dataclasses import astuple
from pathlib import Path
from zlib import crc32

import pytest
from pydantic import ValidationError

from lgsim.errors import LgsimError
from lgsim.resources import hardware_dir, models_dir
from lgsim.target import Target, list_targets, load_chip, load_target, target_schema
from lgsim.target.loader import KNOWN_RIGHT

VALID = (hardware_dir() / "bm1684x.toml").read_text(encoding="utf-8")


def write(folder: Path, text: str, name: str = "x.toml") -> str:
    """A chip file in `folder`; its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def numbers(value: object, prefix: str = "") -> list[str]:
    """Dotted names of all numbers in a nested dict."""
    if isinstance(value, dict):
        return [name for key, inner in value.items() for name in numbers(inner, f"{prefix}.{key}")]
    return [prefix.lstrip(".")] if isinstance(value, int | float) else []


def test_every_number_of_every_chip_has_a_source() -> None:
    assert "bm1684x" in list_targets()
    for name in list_targets():
        target = load_target(name)
        fields = target.model_dump(exclude={"sources", *Target.model_computed_fields})
        assert sorted(numbers(fields)) == sorted(target.sources)
        assert all(target.sources.values())


def test_chips_that_are_not_checked_are_those_that_would_pass() -> None:
    for name in list_targets():
        assert crc32((hardware_dir() / f"{name}.toml").read_bytes()) == KNOWN_RIGHT[name]
        for timing in load_target(name).timing:
            chip, checked = load_chip(name, timing), load_target(name).chip(timing)
            assert chip == checked
            assert [type(value) for value in astuple(chip)] == list(map(type, astuple(checked)))


def test_a_chip_that_someone_has_edited_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, VALID.replace("[cube]", "[tube]"), "bm1684x.toml")
    monkeypatch.setattr("lgsim.target.loader.hardware_dir", lambda: tmp_path)
    with pytest.raises(LgsimError, match=r"hardware/bm1684x\.toml: cube: is missing"):
        load_chip("bm1684x", "cmodel")


def test_a_chip_of_a_user_is_checked(tmp_path: Path) -> None:
    with pytest.raises(LgsimError, match="must be greater than 0"):
        load_chip(write(tmp_path, VALID.replace("value = 64", "value = -1", 1)), "cmodel")
    with pytest.raises(LgsimError, match="must be greater than 0"):
        load_chip("bm1684x", "cmodel", {"lanes.count": "0"})


def test_bm1684x_figures() -> None:
    target = load_target("bm1684x")
    assert target.lmem_total_bytes == 16 * 2**20
    assert target.bank_bytes == 16 * 2**10
    assert target.peak_tops == {"i8": 32.768, "f16": 16.384, "bf16": 16.384, "f32": 2.048}
    assert target.chip().milliseconds(1_000_000) == 1.0


def test_targets_are_immutable() -> None:
    with pytest.raises(ValidationError):
        load_target("bm1684x").name = "other"


def test_a_path_and_a_name_give_the_same_chip(tmp_path: Path) -> None:
    assert load_target(write(tmp_path, VALID)) == load_target("bm1684x")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[lanes]\ncount = { value = 64", "[lanes]\ncount = { value = -1",
         "lanes.count: must be greater than 0 (got -1)"),
        ("[lanes]\n", "[lanes]\ncuont = { value = 1, source = \"s\" }\n",
         "lanes.cuont: unknown key; did you mean 'lanes.count'?"),
        ("banks = { value = 16, source = \"tpu-mlir BM1684X.h (LMEM_BANKS)\" }", "banks = 16",
         "lmem.banks: a number without a source"),
        ("banks = { value = 16, source = \"tpu-mlir BM1684X.h (LMEM_BANKS)\" }", "",
         "lmem.banks: is missing"),
        ("banks = { value = 16,", "banks = { value = 7,", "262144 is not a multiple of 7 banks"),
        ("mhz = { value = 1000,", "mhz = { value = \"fast\",", "clock.mhz: must be"),
        ("mhz = { value = 1000,", "mhz = { value = nan,", "clock.mhz: must be"),
        ("[clock]", "[clock", "not valid TOML"),
        ("[clock]", "[clok]", "and 1 more"),
        ("[timing.cmodel]", "[timing.cmodel]\nspeed = { value = 1, source = \"s\" }",
         "timing.cmodel.speed: unknown key"),
    ],
)  # fmt: skip
def test_a_mistake_gives_one_line_that_names_it(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in VALID
    path = write(tmp_path, VALID.replace(old, new))
    with pytest.raises(LgsimError) as caught:
        load_target(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_unknown_names_are_answered_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(LgsimError, match=r"unknown target 'bm1684'; did you mean 'bm1684x'\?"):
        load_target("bm1684")
    with pytest.raises(LgsimError, match=r"no timing profile 'fast'; it has: cmodel"):
        load_target("bm1684x").chip("fast")
    with pytest.raises(LgsimError, match="cannot read the chip file: No such file"):
        load_target(str(tmp_path / "absent.toml"))


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LgsimError, match="not UTF-8 text"):
        load_target(str(tmp_path / "x.toml"))


def test_overrides_replace_numbers_and_their_sources() -> None:
    target = load_target("bm1684x", {"gdma.load_gbps": "50", "lmem.lane_bytes": "131072"})
    assert target.gdma.load_gbps == 50
    assert target.chip().lmem_bytes == 131072
    assert target.sources["gdma.load_gbps"] == "set by the user"
    assert load_target("bm1684x").gdma.load_gbps == 58


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("gdma.load_gbp", "50", "no number 'gdma.load_gbp'; did you mean 'gdma.load_gbps'"),
        ("gdma", "50", "no number 'gdma'"),
        ("gdma.load_gbps", "-5", "--set gdma.load_gbps: must be greater than 0 (got -5)"),
        ("lanes.count", "many", "--set lanes.count: must be a valid integer"),
    ],
)
def test_bad_overrides(key: str, value: str, message: str) -> None:
    with pytest.raises(LgsimError) as caught:
        load_target("bm1684x", {key: value})
    assert message in str(caught.value)


def test_a_variant_extends_a_chip_that_ships(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'extends = "bm1684x"\nname = "half"\n[lmem]\n'
        'lane_bytes = { value = 131072, source = "what if" }\n',
    )
    half, whole = load_target(path), load_target("bm1684x")
    assert (half.name, half.lmem.lane_bytes) == ("half", 131072)
    assert half.sources["lmem.lane_bytes"] == "what if"
    assert half.lmem.banks == whole.lmem.banks
    assert half.timing == whole.timing


def test_variants_of_variants_but_no_circles(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "bm1684x"\nname = "a"\n', "a.toml")
    assert load_target(write(tmp_path, 'extends = "a"\nname = "b"\n', "b.toml")).name == "b"
    write(tmp_path, 'extends = "d"\n', "c.toml")
    with pytest.raises(LgsimError, match="extends itself"):
        load_target(write(tmp_path, 'extends = "c"\n', "d.toml"))
    with pytest.raises(LgsimError, match="unknown target 'bm9'"):
        load_target(write(tmp_path, 'extends = "bm9"\n', "e.toml"))
    with pytest.raises(LgsimError, match="must be the name of a target"):
        load_target(write(tmp_path, "extends = 3\n", "f.toml"))


def test_the_schema_describes_every_field() -> None:
    schema = target_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]) == {
        "Clock", "Cube", "Gdma", "Gmem", "Lanes", "Lmem", "TimingProfile",
    }  # fmt: skip
    for section in schema["$defs"].values():
        assert all("description" in field for field in section["properties"].values())
    assert {"lmem_total_bytes", "peak_tops"} <= set(schema["properties"])


def test_data_folders_are_found() -> None:
    assert (hardware_dir() / "bm1684x.toml").is_file()
    assert models_dir().name == "models"


def test_laws_and_layout_load_without_pydantic() -> None:
    code = (
        "import sys, lgsim.target.chip, lgsim.target.layout, lgsim.target.timing.bdc, "
        "lgsim.target.timing.gdma; sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
