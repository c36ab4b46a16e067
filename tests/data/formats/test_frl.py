"""Portraits of the Face Research Lab: its template's points as 300W's, bad lines, and what is left out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from toolkit.core.schemes import W300_68
from toolkit.data import open_folder
from toolkit.data.formats import by_name, detect
from toolkit.data.formats.frl import ABOVE, BESIDE, BETWEEN, LEVEL, OWN, POINTS, SIDES, as_68


def template(seed: int = 0) -> list[list[float]]:
    """Points anywhere in the picture, one after the other along its contour."""
    points = np.random.default_rng(seed).uniform(20, 180, (POINTS, 2))
    points[[109, 110, 111, 125, 126, 127, 128, 129]] = np.column_stack([np.full(8, 20.0), np.linspace(20, 90, 8)])
    points[[112, 113, 114, 133, 132, 131, 130]] = np.column_stack([np.full(7, 120.0), np.linspace(20, 80, 7)])
    return [[float(x), float(y)] for x, y in points]


def write(root: Path, faces: dict[str, Any]) -> None:
    (root / "frl189.json").write_text(json.dumps(faces))
    for file in faces:
        (root / file).parent.mkdir(exist_ok=True)
        Image.new("RGB", (200, 200)).save(root / file)


def test_every_point_has_its_place_in_the_template() -> None:
    """Beside a template's own, or one between two of it; the contour parted evenly from beside the eye to the chin."""
    points = np.array(template())
    found = as_68(points)
    assert sorted(BETWEEN) == list(range(17, 68)) and found.shape == (68, 2)
    eyes = points[27] - points[18]
    right, down = eyes / 1000, np.array([-eyes[1], eyes[0]]) / 1000
    for place, own in (
        (36, points[18]),
        (27, points[[51, 57]].mean(axis=0)),
        (37, points[19] * 2 / 3 + points[20] / 3),
    ):
        aside, below = BESIDE[place]
        np.testing.assert_allclose(found[place], own + aside * right + below * down)
    aside, below = BESIDE[36]
    np.testing.assert_allclose(found[45], points[27] - aside * right + below * down)
    np.testing.assert_array_equal(found[8], points[129])
    steps = np.diff(found[:9, 1])
    np.testing.assert_allclose(steps, steps[0])


@pytest.mark.parametrize("low", [0.0, 30.0, 60.0])
def test_contours_begin_about_beside_the_eyes(low: float) -> None:
    """Wherever the template's begin: of what these differ by, as much stays as is said."""
    points = np.array(template())
    points[[18, 27]] = [[40, 60], [140, 60]]
    points[list(SIDES[0])] = np.column_stack([np.full(8, 20.0), np.linspace(20 + low, 180, 8)])
    first = 20 + low + (160 - low) * ABOVE / 8
    wanted = 60 + 100 * LEVEL
    np.testing.assert_allclose(as_68(points)[0], [20, wanted + OWN * (first - wanted)], atol=1.5)


def test_what_lies_beside_is_mirrored() -> None:
    """Every inner point of the image's left and of the middle has its offset, and those of the middle none aside."""
    middle = {place for place in range(17, 68) if W300_68.mirror[place] == place}
    given = {*BESIDE, *(W300_68.mirror[place] for place in BESIDE)}
    assert given == set(range(17, 68)) and len(BESIDE) == (51 + len(middle)) // 2
    assert all(BESIDE[place][0] == 0 for place in middle)


def test_mirrored_points_lie_between_mirrored_points_of_the_template() -> None:
    """One way of pairing the template's points, each with one other or itself, holds for the whole face."""
    pairs = dict(zip(*SIDES, strict=True))
    for place, (first, second, share) in BETWEEN.items():
        own, other, mirrored = BETWEEN[W300_68.mirror[place]]
        assert mirrored == share
        if W300_68.mirror[place] == place and first != second and share == 0.5:  # halfway across the middle of the face
            own, other = other, own
        for point, image in ((first, own), (second, other)):
            assert pairs.setdefault(point, image) == image, place
    assert all(pairs.get(image, point) == point for point, image in pairs.items())


def test_portraits_are_read_and_bad_ones_told(tmp_path: Path) -> None:
    """Those of a shop are left out; a missing picture and other numbers of points are problems."""
    faces = {"neutral/a.jpg": template(), "canada/b.jpg": template(1), "3dsk_male/c.jpg": template()}
    write(tmp_path, faces)
    bad = {"neutral/none.jpg": template(), "neutral/a.jpg": template()[:5], "canada/b.jpg": "x"}
    assert detect(tmp_path) is by_name("frl")
    reading = detect(tmp_path).read(tmp_path, "train")
    assert [label.name for label in reading.labels] == ["neutral-a", "canada-b"] and not reading.problems
    np.testing.assert_allclose(reading.labels[0].points_xy, as_68(np.array(template())))
    (tmp_path / "frl189.json").write_text(json.dumps(bad | {"neutral/c.jpg": template()}))
    Image.new("RGB", (200, 200)).save(tmp_path / "neutral" / "c.jpg")
    reading = detect(tmp_path).read(tmp_path, "train")
    assert len(reading.labels) == 1 and len(reading.problems) == 3
    assert "expected 189 points of two numbers each, found 5" in reading.problems[1].text


def test_a_file_that_is_no_object_is_refused(tmp_path: Path) -> None:
    """By saying what was expected."""
    (tmp_path / "frl189.json").write_text("[]")
    with pytest.raises(ValueError, match="expected an object of file names and 189 points each"):
        open_folder(tmp_path, test=False)
