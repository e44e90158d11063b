"""Text tables and shortened names."""

from __future__ import annotations

from lgsim.report.tables import Column, shorten, table


def test_columns_are_aligned() -> None:
    text = table([Column("name", "left"), Column("ms")], [["a", "10.00"], ["long name", "1.5"]])
    assert text == (
        "name          ms\n"
        "---------  -----\n"
        "a          10.00\n"
        "long name    1.5"
    )  # fmt: skip


def test_no_rows() -> None:
    assert table([Column("name", "left")], []) == "name\n----"


def test_long_names_keep_both_ends() -> None:
    assert shorten("short", 10) == "short"
    name = shorten("/backbone/stage1/block3/attention/MatMul", 24)
    assert len(name) == 24
    assert name.startswith("/backbon…")
    assert name.endswith("…ttention/MatMul")
