"""The folder of a run: whose it is, what goes on in it, and what never happens to what is not the run's."""

from pathlib import Path
from typing import Any

import pytest

from toolkit.train.state import claim, discard, require_same, state_of


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder."""
    return tmp_path


def holds(out: Path, *names: str) -> Path:
    """The folder with some files in it."""
    for name in names:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).touch()
    return out


BUNDLE, STATE, THEIRS = "spec.json", "resume/state.safetensors", "thesis.txt"


@pytest.mark.parametrize(
    ("files", "how", "finished"),
    [
        ((), "", False),
        ((), "resume", False),
        ((".DS_Store",), "", False),
        ((STATE,), "resume", False),
        ((STATE, THEIRS), "resume", False),
        ((STATE, BUNDLE), "resume", False),
        ((STATE,), "overwrite", False),
        ((BUNDLE,), "overwrite", False),
        ((BUNDLE, THEIRS), "overwrite", False),
        ((BUNDLE,), "resume", True),
        (("resume/best-net.safetensors",), "", False),
    ],
)
def test_a_run_may_go_on_or_begin(out: Path, files: tuple[str, ...], how: str, finished: bool) -> None:
    """In a folder that is empty, its own, or a bundle's when asked; one that has ended says so."""
    assert claim(holds(out, *files), resume=how == "resume", overwrite=how == "overwrite") is finished


@pytest.mark.parametrize(
    ("files", "how", "message"),
    [
        ((STATE,), "", "holds an interrupted run: go on with --resume, start anew with --overwrite"),
        ((BUNDLE,), "", "holds a bundle: choose another --out, or replace it with --overwrite"),
        ((BUNDLE, "resume/best-net.safetensors"), "", "holds a bundle"),
        ((THEIRS,), "", r"not empty \(thesis\.txt\)"),
        ((THEIRS,), "resume", r"not empty \(thesis\.txt\)"),
        ((THEIRS,), "overwrite", r"not empty \(thesis\.txt\)"),
        (("slim/spec.json", "samples/net-001.png"), "", r"not empty \(samples\)"),
    ],
)
def test_any_other_folder_is_refused(out: Path, files: tuple[str, ...], how: str, message: str) -> None:
    """Whatever is asked, with what to do."""
    with pytest.raises(FileExistsError, match=message):
        claim(holds(out, *files), resume=how == "resume", overwrite=how == "overwrite")


def test_only_the_state_is_discarded(out: Path) -> None:
    """What else lies there stays, and so does its folder."""
    discard(out)
    holds(out, STATE, "resume/best-net.safetensors", "resume/notes.txt", BUNDLE)
    discard(out)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["notes.txt", "spec.json"]
    (out / "resume" / "notes.txt").unlink()
    discard(out)
    assert not state_of(out).parent.exists()


MADE: dict[str, Any] = {
    "stage": "teacher",
    "data": "synthetic faces, 20",
    "size_px": 64,
    "progressive": [32],
    "seed": 0,
    "optim": {"epochs": 4, "batch": 8, "lr": 0.1, "rule": "adamw"},
    "augment": {"jpeg": 1.0, "flip": 0.5},
    "parents": {"student": "a"},
    "weights": None,
}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 1}, "--seed"),
        ({"data": "300W"}, r"--data \(or --synthetic\)"),
        ({"size_px": 96, "progressive": (64,)}, "--size, --progressive"),
        ({"optim": MADE["optim"] | {"epochs": 5, "lr": 0.2}}, "--epochs, --lr"),
        ({"optim": MADE["optim"] | {"rule": "adam"}}, "--preset"),
        ({"augment": {"jpeg": 0.0, "flip": 0.5}}, "--augment"),
        ({"parents": {"student": "b", "teacher": "c"}}, "--student, --teacher"),
        ({"weights": "abc"}, "--weights"),
        ({"stage": "supernet"}, "command"),
    ],
)
def test_other_options_are_named(out: Path, other: dict[str, Any], named: str) -> None:
    """As the command line calls them."""
    with pytest.raises(ValueError, match=f"was trained with another {named}: give the same to go on"):
        require_same(out, MADE, MADE | other)


def test_the_same_options_go_on(out: Path) -> None:
    """Tuples are JSON's lists, and what an older release did not write down is not compared."""
    require_same(out, MADE, MADE | {"progressive": (32,), "heads": ["300w-68"]})
    with pytest.raises(ValueError, match="--heads"):
        require_same(out, MADE | {"heads": ["cofw-29"]}, MADE | {"heads": ["300w-68"]})
