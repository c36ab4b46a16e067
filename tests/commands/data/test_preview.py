"""`sdhrnet data preview`: the sheet holds the faces that were asked for."""

import json
from pathlib import Path

import numpy as np
import pytest

from toolkit.cli import main
from toolkit.commands.data.preview import Preview, run, strangeness
from toolkit.core.draw import CAPTION_PX
from toolkit.core.images import read_image, write_image
from toolkit.core.progress import finish
from toolkit.data.formats.pts import write_pts

SHAPE = np.random.default_rng(0).uniform((20, 10), (60, 50), (68, 2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve faces of one shape, differently turned and scaled; face `odd` has a point in the wrong place."""
    for number in range(12):
        image = np.random.default_rng(number).integers(0, 256, (160, 180, 3), dtype=np.uint8)
        turn = np.array([[np.cos(number), -np.sin(number)], [np.sin(number), np.cos(number)]])
        points = (SHAPE - (40, 30)) @ turn * (1 + number / 10) + (90, 80)
        points[:4] += (0, 15) if number == 7 else 0
        points[5] = np.nan if number == 3 else points[5]
        name = "odd" if number == 7 else f"face-{number}"
        write_image(tmp_path / "set" / f"{name}.png", image)
        (tmp_path / "set" / f"{name}.pts").write_text(write_pts(points))
    return tmp_path / "set"


@pytest.mark.parametrize(
    ("options", "size", "columns"),
    [({}, 160, 8), ({"size": 64}, 64, 8), ({"numbers": True}, 512, 4), ({"augment": True, "size": 96}, 96, 8)],
)
def test_the_sheet_has_a_tile_for_each_face(folder: Path, tmp_path: Path, options: dict, size: int, columns: int):
    """Nine faces in rows, each as large as asked for with a line of text, 4 px apart."""
    out = tmp_path / "out" / "sheet.png"
    outcome = finish(run(Preview(data=folder, split="test", out=out, count=9, **options)))
    rows = -(-9 // columns)
    assert read_image(out).shape == (rows * (size + CAPTION_PX + 4) + 4, columns * (size + 4) + 4, 3)
    assert outcome.text.startswith("9 of 12 faces") and str(out) in outcome.text


def test_the_seed_draws_the_faces(folder: Path, tmp_path: Path):
    """The same seed gives the same file, another seed another one."""
    sheets = []
    for number, seed in enumerate((0, 0, 1)):
        out = tmp_path / f"{number}.png"
        finish(run(Preview(data=folder, split="test", out=out, count=4, size=48, augment=True, seed=seed)))
        sheets.append(out.read_bytes())
    assert sheets[0] == sheets[1] != sheets[2]


def test_the_worst_is_the_shape_unlike_the_others(folder: Path, tmp_path: Path):
    """Size and turn do not count, a displaced brow does, a missing point is no harm."""
    shapes = np.stack([SHAPE, SHAPE * 3 + 100, SHAPE[:, ::-1] * (-1, 1), SHAPE + (np.arange(68) < 4)[:, None] * 20])
    shapes[1, 5] = np.nan
    values = strangeness(shapes)
    assert values.argmax() == 3 and values[3] > 2 * values[:3].max()
    out = tmp_path / "sheet.png"
    finish(run(Preview(data=folder, split="train", out=out, count=1, worst=True)))
    alone = read_image(out)
    for path in folder.glob("face-*"):
        path.unlink()
    finish(run(Preview(data=folder, split="test", out=out, count=1, overwrite=True)))
    assert np.array_equal(read_image(out)[:164], alone[:164])


def test_synthetic_faces_need_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """As many as asked for, with a record."""
    out = tmp_path / "sheet.webp"
    assert main(["data", "preview", "--count", "2", "--size", "64", "--out", str(out), "--json", "--quiet"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["faces"] == 2 and "synthetic" in record["data"] and out.is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "--count from 1"),
        ({"size": 8}, "--size from 32"),
        ({"seed": -1}, "--seed 0 or more"),
        ({"out": Path("sheet.xyz")}, "names no kind of picture"),
    ],
)
def test_bad_options_are_refused_at_once(options: dict, message: str):
    """Before any picture is read."""
    with pytest.raises(ValueError, match=message):
        Preview(**options)


def test_an_unknown_subset_is_told_which_there_are(folder: Path):
    """A plain folder has none."""
    with pytest.raises(ValueError, match="no subset 'challenge'; there are: none"):
        finish(run(Preview(data=folder, split="test", subset="challenge")))
