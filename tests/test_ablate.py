"""`lgsim.ablate`: the cycles it reports are those of simulations with the features off."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import convolutions, swin_stage

import lgsim
from lgsim.answers.ablation import Ablation
from lgsim.errors import LgsimError
from lgsim.features import list_features
from lgsim.report.ablate_figure import ablation_figure

STORY = ("hdim_is_batch", "slice_5d", "squeeze_local", "weight_split")
"""What turned Swin-T's attention into one layer group on the chip, in that order."""

CORE = ("qk", "Add", "Softmax", "av")


@pytest.fixture(scope="module")
def ablation() -> Ablation:
    return lgsim.ablate(swin_stage(), strategy="greedy", disable=["move_overlap"])


def cycles_without(*names: str) -> int:
    off = ["move_overlap", *names]
    return lgsim.simulate(swin_stage(), strategy="greedy", disable=off).cycles


def test_cycles_are_those_of_simulations(ablation: Ablation) -> None:
    parts = {part.name: part for part in ablation.parts}
    assert ablation.full_cycles == cycles_without()
    assert ablation.none_cycles == cycles_without(*parts)
    for name in ("hdim_is_batch", "weight_split", "step_balance"):
        assert parts[name].without_cycles == cycles_without(name)
    names = list(parts)
    later = names[names.index("hdim_is_batch") + 1 :]
    assert parts["hdim_is_batch"].to_cycles == cycles_without(*later)


def test_every_feature_of_the_precision_is_a_part(ablation: Ablation) -> None:
    known = {f.name for f in list_features() if "f16" in f.precisions}
    assert {part.name for part in ablation.parts} == known - {"move_overlap"}


def test_the_waterfall_adds_up(ablation: Ablation) -> None:
    first, last = ablation.parts[0], ablation.parts[-1]
    assert first.from_cycles == ablation.none_cycles
    assert last.to_cycles == ablation.full_cycles
    for before, after in zip(ablation.parts, ablation.parts[1:], strict=False):
        assert before.to_cycles == after.from_cycles


def test_what_hides_behind_a_rewrite_is_counted_without_it(ablation: Ablation) -> None:
    """qkv_matmul_split takes the Slices away, so it is switched on last."""
    hidden = {each.feature: each for each in ablation.hidden}
    assert set(hidden) == {"slice_5d", "squeeze_local"}
    assert ablation.parts[-1].name == "qkv_matmul_split"
    found = hidden["slice_5d"]
    assert (found.rewrite, found.count, found.kind) == ("qkv_matmul_split", 6, "Slice")
    assert found.with_cycles == cycles_without("qkv_matmul_split")
    assert found.without_cycles == cycles_without("qkv_matmul_split", "slice_5d")
    parts = {part.name: part for part in ablation.parts}
    assert parts["slice_5d"].without_cycles == ablation.full_cycles
    assert parts["slice_5d"].to_cycles < parts["slice_5d"].from_cycles


def test_text_and_json(ablation: Ablation) -> None:
    text = ablation.text()
    assert "slice_5d hides behind qkv_matmul_split" in " ".join(text.split())
    assert "relu_fuse (applied 0 times)" in " ".join(text.split())
    values = ablation.to_json()
    assert values["full"] == ablation.full_cycles
    assert values["none"] == ablation.none_cycles
    assert values["without"]["weight_split"] > values["full"]
    assert values["in_turn"][-1]["cycles"] == values["full"]


def test_some_features_together_and_in_order() -> None:
    found = lgsim.ablate(swin_stage(), ["weight_split", "slice_5d+squeeze_local"])
    assert [part.name for part in found.parts] == ["weight_split", "slice_5d+squeeze_local"]
    assert found.strategy == lgsim.simulate(swin_stage()).strategy


@pytest.mark.parametrize(
    ("features", "disable", "words"),
    [
        (["slice_5"], [], "did you mean 'slice_5d'"),
        (["slice_5d", "slice_5d+weight_split"], [], "named twice"),
        (["slice_5d"], ["slice_5d"], "is off anyway"),
    ],
)
def test_wrong_features(features: list[str], disable: list[str], words: str) -> None:
    with pytest.raises(LgsimError, match=words):
        lgsim.ablate(convolutions(1), features, disable=disable)


def test_progress_counts_up() -> None:
    seen: list[tuple[int, int]] = []
    lgsim.ablate(convolutions(1), STORY, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_picture(ablation: Ablation, tmp_path: Path) -> None:
    figure = ablation_figure(ablation)
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["all off", *(part.name for part in ablation.effective), "all on"]
    paths = [tmp_path / name for name in ("a.svg", "b.svg")]
    for path in paths:
        ablation.plot(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_story_of_swin() -> None:
    """The four switches are worth about as much as published, more in int8 than in f16.

    Some seconds: the whole network in two precisions.
    """
    net, ratios = lgsim.load_model("swin_t"), {}
    for precision, low, high in (("f16", 1.7, 2.8), ("int8", 1.9, 3.3)):
        cycles = [
            lgsim.simulate(net, precision=precision, strategy="greedy", disable=off).cycles
            for off in ((), STORY)
        ]
        ratios[precision] = cycles[1] / cycles[0]
        assert low < ratios[precision] < high
    assert ratios["int8"] > ratios["f16"]


@pytest.mark.parametrize("precision", ["f16", "int8"])
def test_every_part_of_the_story_counts(precision: str) -> None:
    """With the rewrite off that makes slice_5d and squeeze_local pointless."""
    off = ["qkv_matmul_split"]
    found = lgsim.ablate(swin_stage(), STORY, precision=precision, strategy="greedy", disable=off)
    assert all(part.without_cycles > found.full_cycles for part in found.parts)
    assert all(part.to_cycles < part.from_cycles for part in found.parts)


@pytest.mark.parametrize("precision", ["f16", "int8"])
def test_without_weight_split_attention_is_cut_at_the_add(precision: str) -> None:
    """Twelve cores: in one group each, or in two or more with the Add outside."""
    for disable, groups in ((), 1), (("weight_split",), 2):
        run = lgsim.simulate("swin_t", precision=precision, strategy="greedy", disable=disable)
        section_of = {
            name: number for number, part in enumerate(run.plan.sections) for name in part.ops
        }
        cores: dict[str, dict[str, int]] = {}
        for name, number in section_of.items():
            block, _, rest = name.partition("/attn/")
            stem = rest.partition("_")[0]
            if stem in CORE:
                cores.setdefault(block, {}).setdefault(stem, number)
        assert len(cores) == 12
        for found in cores.values():
            assert set(found) == set(CORE)
            inside = {found[stem] for stem in ("qk", "Softmax", "av")}
            kinds = {run.plan.sections[number].kind for number in inside}
            if groups == 1:
                assert kinds == {"group"}
                assert inside == {found["Add"]}
            else:
                assert len(inside) >= groups
                assert run.plan.sections[found["Add"]].kind == "global"
                assert found["qk"] < found["Add"] < found["Softmax"]
