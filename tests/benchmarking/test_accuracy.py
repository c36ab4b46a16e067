"""Records of accuracy: the fields, their rounding, and what stands where there is no figure."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.benchmarking.accuracy import accuracy, mean_shape_points, visibility
from toolkit.core.schemes import WFLW_98
from toolkit.data import box_of_points, open_folder
from toolkit.data.crops import PlainCrops
from toolkit.data.formats.pts import write_pts
from toolkit.data.labels import Label
from toolkit.data.synthetic import SyntheticFaces
from toolkit.data.visibility import COVERED, SEEN, UNKNOWN

NAMES = {"n", "n_unscored", "nme_mean", "nme_median", "fr8", "fr10", "auc10"}
IMAGES = np.zeros((2, 8, 8, 3), np.uint8)
POINTS = np.random.default_rng(0).uniform(10, 50, (68, 2))


def guesses(faces: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and truth of random faces; the last two lack an eye corner."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, (faces, 98, 2))
    truth[-2:, WFLW_98.eyes[1]] = np.nan
    return truth + rng.normal(0, 2, truth.shape), truth


def test_a_record_has_all_figures_of_all_faces() -> None:
    """The documented names; percent; unscored faces counted, null among the errors, and inside nme_box."""
    points, truth = guesses()
    record = accuracy(points, truth, WFLW_98, {})
    assert set(record) == NAMES | {"errors_percent", "nme_regions", "nme_box", "subsets"}
    assert (record["n"], record["n_unscored"], record["subsets"]) == (4, 2, {})
    assert record["errors_percent"][4:] == [None, None]
    assert record["nme_mean"] == pytest.approx(statistics.mean(record["errors_percent"][:4]), abs=1e-3)
    assert set(record["nme_regions"]) == {*WFLW_98.regions, "inner"}
    present = np.isfinite(truth).all(axis=2)
    boxes = [t[p].max(axis=0) - t[p].min(axis=0) for t, p in zip(truth, present, strict=True)]
    far = [np.linalg.norm(g[p] - t[p], axis=1).mean() for g, t, p in zip(points, truth, present, strict=True)]
    expected = statistics.mean(100 * float(d / np.sqrt(b[0] * b[1])) for d, b in zip(far, boxes, strict=True))
    assert record["nme_box"] == pytest.approx(expected, abs=1e-4)
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_confidences_are_scored_where_a_set_says_what_is_covered() -> None:
    """By hand: three of four pairs in order; points of which nothing is known are left out. Without any, no fields."""
    states = np.array([[SEEN, SEEN, UNKNOWN], [COVERED, COVERED, UNKNOWN]], np.uint8)
    confidence = np.array([[0.9, 0.4, 0.0], [0.3, 0.5, 1.0]])
    crops = PlainCrops(faces=SyntheticFaces(2), images=IMAGES, points_xy=np.zeros((2, 3, 2)), states=states)
    assert visibility(confidence, crops) == {"visibility_auc": 0.75, "n_seen": 2, "n_covered": 2}
    assert visibility(confidence, replace(crops, states=np.full_like(states, UNKNOWN))) is None
    assert visibility(confidence, replace(crops, states=None)) is None


def test_subsets_are_scored_as_if_alone() -> None:
    """Each has the figures of a record of its faces; one without a scorable face has none, and says how many."""
    points, truth = guesses()
    found = accuracy(points, truth, WFLW_98, {"easy": [0, 2, 4], "profile": [4, 5]})["subsets"]
    alone = accuracy(points[[0, 2, 4]], truth[[0, 2, 4]], WFLW_98, {})
    assert found["easy"] == {name: alone[name] for name in NAMES}
    assert found["profile"] == {**dict.fromkeys(NAMES), "n": 0, "n_unscored": 2}


def test_a_region_that_no_face_has_is_null() -> None:
    """As in sets that label no jaw line."""
    points, truth = guesses()
    truth[:, WFLW_98.regions["contour"]] = np.nan
    regions = accuracy(points, truth, WFLW_98, {})["nme_regions"]
    assert regions["contour"] is None and regions["inner"] > 0


def face(folder: Path, name: str, points: np.ndarray = POINTS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pts").write_text(write_pts(points))
    Image.new("RGB", (64, 60), (90, 60, 30)).save(folder / f"{name}.jpg")


def test_the_mean_shape_is_placed_in_the_box(tmp_path: Path) -> None:
    """One training shape, scaled and moved for the test: both baselines find it exactly."""
    face(tmp_path / "train", "a")
    moved = POINTS * 0.7 + [3, 9]
    face(tmp_path / "test", "b", moved)
    face(tmp_path / "turned", "c", POINTS @ [[0, 0.5], [-0.5, 0]] + [40, 5])
    train = open_folder(tmp_path / "train", test=False).labels
    guesses = mean_shape_points(train, open_folder(tmp_path / "test", test=True).labels)
    np.testing.assert_allclose(guesses["mean shape"][0], moved, atol=1e-3)
    turned = mean_shape_points(train, open_folder(tmp_path / "turned", test=True).labels)
    np.testing.assert_allclose(turned["oracle similarity"][0], POINTS @ [[0, 0.5], [-0.5, 0]] + [40, 5], atol=1e-3)
    assert np.abs(turned["mean shape"][0] - turned["oracle similarity"][0]).max() > 1


def test_a_point_that_no_face_has_is_none_of_the_mean_shape() -> None:
    """The others are as without it, and nothing is warned of."""
    points = np.random.default_rng(0).uniform(10, 50, (3, 5, 2))
    labels = [
        Label(name="a", source="a", group="a", picture=Path("a"), points_xy=p, box_xyxy=box_of_points(p))
        for p in points
    ]
    whole = mean_shape_points(labels, labels)
    lost = [replace(face, points_xy=np.vstack([face.points_xy, [[np.nan, np.nan]]])) for face in labels]
    for name, found in mean_shape_points(lost, lost).items():
        np.testing.assert_allclose(found[:, :5], whole[name])
        assert np.isnan(found[:, 5]).all()
