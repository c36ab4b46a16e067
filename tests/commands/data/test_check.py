"""`sdhrnet data check`: what is there, what is missing, what is wrong, and the exit status."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.faces import face_points
from toolkit.cli import main
from toolkit.commands.data.check import LISTED
from toolkit.core.images import write_image
from toolkit.data.formats import FORMATS
from toolkit.data.formats.pts import write_pts

POINTS = face_points((20, 10, 60, 50))


def face(folder: Path, name: str, seed: int) -> Path:
    """A picture unlike others, with points."""
    image = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    write_image(folder / f"{name}.png", image)
    (folder / f"{name}.pts").write_text(write_pts(POINTS))
    return folder / f"{name}.pts"


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    """Exit status and record."""
    status = main(["data", "check", *arguments, "--json", "--quiet"])
    return status, json.loads(capsys.readouterr().out)


def test_a_plain_folder_is_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its faces serve every split, so they are counted once; the table and status 0."""
    for number in range(3):
        face(tmp_path, f"face_{number}", number)
    assert main(["data", "check", str(tmp_path), "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "  all                    3          -        -" in text
    assert "nothing wrong with the 3 faces" in text


def test_300w_says_which_folders_are_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By folder, split and subset, with where the set is asked for; status 1."""
    face(tmp_path / "afw", "a_1", 0)
    face(tmp_path / "ibug", "i_1", 1)
    status, record = checked(capsys, str(tmp_path))
    rows = {(r["split"], r["part"]): (r["found"], r["published"], r["missing"]) for r in record["rows"]}
    assert status == 1 and not record["complete"] and record["problems"] == []
    assert rows["train", ""] == (1, 3148, 3147)
    assert rows["train", "AFW"] == (1, 337, 336)
    assert rows["train", "LFPW train"] == (0, 811, 811)
    assert rows["test", "iBUG"] == rows["test", "challenge"] == (1, 135, 134)
    assert rows["test", "common"] == (0, 554, 554)
    assert main(["data", "check", str(tmp_path), "--quick", "--quiet"]) == 1
    assert "It is asked for at ibug.doc.ic.ac.uk" in capsys.readouterr().out


def test_a_split_that_is_not_there_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only training faces: the whole test set is missing, and the check goes on."""
    face(tmp_path / "afw", "a_1", 0)
    status, record = checked(capsys, str(tmp_path), "--format", "w300")
    assert status == 1 and record["rows"][-1] == {
        **{"split": "test", "part": "", "found": 0, "published": 689, "missing": 689}
    }


def test_a_test_face_among_the_training_faces_is_a_leak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same picture in both splits is a problem; twice in one split it is only told of."""
    face(tmp_path / "train", "a", 0)
    face(tmp_path / "test", "b", 1)
    assert checked(capsys, str(tmp_path))[0] == 0
    face(tmp_path / "train", "a2", 0)
    status, record = checked(capsys, str(tmp_path))
    assert status == 0 and len(record["notes"]) == 1 and "a.pts: the same picture as" in record["notes"][0]
    face(tmp_path / "train", "c", 1)
    status, record = checked(capsys, str(tmp_path))
    assert status == 1
    (leak,) = record["problems"]
    assert "a train face leaks into test" in leak and "the same picture as" in leak


def test_quick_decodes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged picture passes --quick, which says that it did not look."""
    face(tmp_path, "a", 0)
    (tmp_path / "a.png").write_bytes(b"")
    assert main(["data", "check", str(tmp_path), "--quick", "--quiet"]) == 0
    assert "no picture was decoded" in capsys.readouterr().out
    assert checked(capsys, str(tmp_path))[0] == 1


def test_the_first_problems_are_listed_and_json_has_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """LISTED lines for a person, then how many more."""
    face(tmp_path, "good", 0)
    for number in range(LISTED + 3):
        (tmp_path / f"bad{number:02d}.pts").write_text("hello")
    assert main(["data", "check", str(tmp_path), "--quiet"]) == 1
    text = capsys.readouterr().out
    assert text.count("not a .pts file") == LISTED and "  and 3 more; --json lists all" in text
    assert len(checked(capsys, str(tmp_path))[1]["problems"]) == LISTED + 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no folder at nowhere"),
        ([".", "--format", "xyz"], "unknown format 'xyz'; known: "),
        ([".", "--format", "wflw"], "has no list_98pt_rect_attr_train.txt"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    """An empty folder is not an incomplete set."""
    monkeypatch.chdir(tmp_path)
    assert main(["data", "check", *arguments, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.data
def test_the_real_300w_subset(capsys: pytest.CaptureFixture[str]) -> None:
    """2009 training faces and the whole Common subset; iBUG, nine of LFPW and most of Helen's training are missing."""
    if "SDHRNET_DATA" not in os.environ:
        pytest.skip("SDHRNET_DATA does not point at real faces")
    status, record = checked(capsys, str(Path(os.environ["SDHRNET_DATA"]) / "300w"), "--quick")
    found = {(r["split"], r["part"]): (r["found"], r["missing"]) for r in record["rows"]}
    assert status == 1 and record["problems"] == []
    assert found["train", ""] == (2009, 1139) and found["test", ""] == (554, 135)
    assert found["train", "LFPW train"] == (802, 9) and found["test", "LFPW test"] == (224, 0)
    assert found["test", "iBUG"] == (0, 135) and found["train", "Helen train"] == (870, 1130)


def test_what_was_looked_for_stands_a_line_a_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beneath the error, so that it can be read."""
    monkeypatch.chdir(tmp_path)
    assert main(["data", "check", ".", "--quiet"]) == 2
    first, *lines = capsys.readouterr().err.splitlines()
    assert first == "sdhrnet: no labelled faces of a known format in .; looked for"
    assert len(lines) == len(FORMATS) and all(line.startswith("  ") for line in lines)


@pytest.mark.parametrize(
    ("annotations", "message"), [("[]", "`annotations` is empty"), ("[null]", "is null, expected an object")]
)
def test_annotations_that_are_none_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], annotations: str, message: str
) -> None:
    """Not the file of the other split, which is not there either."""
    (tmp_path / "faces_test.json").write_text(f'{{"images": [], "annotations": {annotations}}}')
    assert main(["data", "check", str(tmp_path), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert "faces_test.json has no annotation that can be used" in error and message in error
