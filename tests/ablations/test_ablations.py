"""Ablations: variants differ in what they are named for and in nothing else, and every run leaves a record."""

from pathlib import Path

import pytest

from toolkit.ablations import augment, distil
from toolkit.core.files import read_lines
from toolkit.core.progress import finish
from toolkit.data.augment import PUBLISHED, Augment
from toolkit.data.battery import BATTERY


def test_a_group_adds_its_kinds_and_nothing_else(tmp_path: Path) -> None:
    """Every other kind keeps the published strength; `all` is the usual augmentation."""
    options = augment.Augmentations(out=tmp_path)
    for variant, kinds in augment.GROUPS.items():
        strengths = augment._trial(options, variant, 0).job.options["augment"]
        changed = {k for k, v in strengths.items() if v != getattr(PUBLISHED, k)}
        assert changed == set(kinds), variant
    everything = augment._trial(options, "all", 0).job.options["augment"]
    assert Augment(**everything) == Augment()


@pytest.mark.parametrize(
    ("variant", "peers", "teacher", "mask"),
    [
        ("slimmed, trained on", False, False, False),
        ("+ teacher", False, True, False),
        ("+ teacher + peers", True, True, False),
        ("+ teacher + peers + masks", True, True, True),
        ("+ masks alone", False, False, True),
    ],
)  # fmt: skip
def test_rows_of_table_6(tmp_path: Path, variant: str, peers: bool, teacher: bool, mask: bool) -> None:
    """Each term of the loss is switched off or keeps its published weight."""
    folder = tmp_path / "x"
    options = distil.Distillation(supernet=folder, student=folder, teacher=folder, out=tmp_path)
    given = distil._trial(options, variant, 1).job.options
    off = {name for name in distil.OFF if given.get(name) == 0}
    assert off == {
        name for name, on in (("peers_weight", peers), ("teacher_weight", teacher), ("mask", mask)) if not on
    }
    assert given["seed"] == 1


def test_an_ablation_trains_scores_and_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two variants on a handful of synthetic faces: a record each with the whole battery; again, nothing is trained."""
    monkeypatch.setattr(augment, "GROUPS", {"published": (), "+ jitter": ("jitter",)})
    options = augment.Augmentations(out=tmp_path / "run", size=32, epochs=1, synthetic=10, at_once=2)
    outcome = finish(augment.run(options))
    records = read_lines(tmp_path / "run" / "results.jsonl")
    assert [r["variant"] for r in records] == ["published", "+ jitter"]
    for record in records:
        assert set(record["battery"]) == set(BATTERY) and record["nme_mean"] > 0 and record["split"] == "val"
    written = (tmp_path / "run" / "jitter-0" / "weights.safetensors").stat().st_mtime_ns
    assert finish(augment.run(options)).text == outcome.text
    assert (tmp_path / "run" / "jitter-0" / "weights.safetensors").stat().st_mtime_ns == written
