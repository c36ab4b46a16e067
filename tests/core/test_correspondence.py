"""Points of one scheme that are points of another, against faces whose points of all schemes are known exactly."""

import json
from pathlib import Path

import numpy as np
import pytest

from toolkit.core.correspondence import channels, correspondence, span_of, translated
from toolkit.core.schemes import AFLW_68, COFW_29, SCHEMES, W300_68, WFLW_98, Scheme, joint, own_scheme, scheme
from toolkit.data.synthetic import SyntheticFaces

EVERY = joint((W300_68, WFLW_98, COFW_29))
PAIRS = [(a, b) for a in SCHEMES.values() for b in SCHEMES.values() if a != b]


@pytest.fixture(scope="module")
def shapes() -> np.ndarray:
    """(12, 195, 2) the same synthetic faces by all three schemes."""
    faces = SyntheticFaces(12, seed=5, scheme=EVERY)
    return np.stack([faces[i].points_xy for i in range(len(faces))])


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda s: s.name)
def test_close_points_lie_where_the_other_scheme_has_them(source: Scheme, target: Scheme, shapes: np.ndarray) -> None:
    """On synthetic faces each lies within 10 % of the eye distance, and half of them within 3 %."""
    given, truth = shapes[:, span_of(source, EVERY)], shapes[:, span_of(target, EVERY)]
    unit = np.linalg.norm(truth[:, target.eyes[0]] - truth[:, target.eyes[1]], axis=-1)[:, None]
    off = np.median(np.linalg.norm(translated(given, source, target, close=True) - truth, axis=-1) / unit, axis=0)
    known = np.isfinite(off)
    assert known.sum() >= 15 and off[known].max() < 0.1 and np.median(off[known]) < 0.03


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda s: s.name)
def test_a_mirrored_face_translates_to_the_mirrored_translation(source: Scheme, target: Scheme) -> None:
    """Left points stay left ones."""
    points = np.random.default_rng(1).normal(0, 10, (source.points, 2))
    flipped = points[list(source.mirror)] * [-1, 1]
    expected = translated(points, source, target)[list(target.mirror)] * [-1, 1]
    np.testing.assert_allclose(translated(flipped, source, target), expected, atol=1e-12)


def test_all_68_are_in_98_and_come_back() -> None:
    """And their eyes are the same corners, so that errors have one unit."""
    points = np.random.default_rng(2).normal(0, 10, (3, 68, 2))
    there = translated(points, W300_68, WFLW_98)
    assert np.isfinite(there).all(axis=-1).sum(axis=-1).tolist() == [68, 68, 68]
    np.testing.assert_array_equal(translated(there, WFLW_98, W300_68), points)
    np.testing.assert_array_equal(there[:, list(WFLW_98.eyes)], points[:, list(W300_68.eyes)])


def test_a_mean_with_a_missing_point_is_missing() -> None:
    """A pupil needs both lids."""
    points = np.zeros((68, 2))
    points[37] = np.nan
    found = translated(points, W300_68, COFW_29)
    missing = set(np.flatnonzero(np.isnan(found[:, 0])).tolist())
    assert missing == {5, 7, 12, 16}  # the brows' lower edges are in no file of 68 points


def test_another_style_fills_its_own_part_alone() -> None:
    """In a joint scheme that has a part for it; in one that has none it fills that of the same points."""
    points = np.ones((68, 2))
    both = joint((W300_68, AFLW_68, COFW_29))
    known = np.isfinite(translated(points, AFLW_68, both)).all(axis=-1)
    assert (known[:68].any(), known[68:136].all(), known[136:].sum()) == (False, True, 27)
    assert np.isfinite(translated(points, AFLW_68, joint((W300_68, COFW_29))))[:68].all()
    own = np.isfinite(translated(points, AFLW_68, both, own=True)).all(axis=-1)
    assert own.nonzero()[0].tolist() == list(range(68, 136))


def test_channels_start_from_those_that_mean_the_same() -> None:
    """A part's own maps before those of the same points; means where a point is one."""
    both = joint((W300_68, AFLW_68))
    assert channels(W300_68, both) == {i: (i % 68,) for i in range(136)}
    assert channels(both, AFLW_68) == {i: (68 + i,) for i in range(68)}
    assert channels(W300_68, COFW_29)[12] == (37, 38)
    assert correspondence(W300_68, COFW_29)[28] == (8,)


def test_a_joint_scheme_by_its_name() -> None:
    """It reads like its parts, one after the other, and is one value."""
    both = scheme("wflw-98+cofw-29")
    assert both is scheme("wflw-98+cofw-29") and both.parts == (WFLW_98, COFW_29) and both.points == 127
    assert both.mirror[98:] == tuple(98 + i for i in COFW_29.mirror) and both.eyes == WFLW_98.eyes
    for wrong in ("wflw-98+wflw-98", "wflw-98+", "300w"):
        with pytest.raises(ValueError, match="scheme"):
            scheme(wrong)


def own(tmp_path: Path) -> Scheme:
    """Four points of one's own: two eye corners, the nose, and the middle of both lips as one."""
    path = tmp_path / "own.json"
    path.write_text(
        json.dumps(
            {
                **{"name": "own-4", "title": "own", "of": "300w-68", "eyes": [0, 1]},
                "points": [[36], [45], [30], [51, 57]],
                "mirror_pairs": [[0, 1]],
            }
        )
    )
    return own_scheme(path)


def test_points_of_ones_own_are_those_that_its_file_names(tmp_path: Path) -> None:
    """From its source, through another scheme, and back; a mean gives no single point."""
    four = own(tmp_path)
    assert dict(correspondence(W300_68, four)) == {0: (36,), 1: (45,), 2: (30,), 3: (51, 57)}
    assert dict(correspondence(WFLW_98, four)) == {0: (60,), 1: (72,), 2: (54,), 3: (79, 85)}
    assert dict(correspondence(four, W300_68)) == {36: (0,), 45: (1,), 30: (2,)}
    assert correspondence(four, COFW_29)[8] == (0,)


def test_drawn_faces_have_points_of_ones_own(tmp_path: Path) -> None:
    """Those of the 68, and the mean of two of them."""
    four = own(tmp_path)
    mine, whole = (SyntheticFaces(2, seed=4, scheme=each)[1] for each in (four, W300_68))
    np.testing.assert_allclose(mine.points_xy[:3], whole.points_xy[[36, 45, 30]])
    np.testing.assert_allclose(mine.points_xy[3], whole.points_xy[[51, 57]].mean(axis=0))
    assert mine.covered is not None and mine.covered.shape == (4,)


def test_points_without_a_counterpart_are_missing(tmp_path: Path) -> None:
    """One that picks nothing of its source, and all of a scheme that names its points only."""
    path = tmp_path / "half.json"
    half = {"name": "half-3", "title": "half", "of": "300w-68", "points": [[36], [45], []], "eyes": [0, 1]}
    path.write_text(json.dumps(half | {"mirror_pairs": [[0, 1]]}))
    third = own_scheme(path)
    assert dict(correspondence(W300_68, third)) == {0: (36,), 1: (45,)}
    drawn = SyntheticFaces(2, seed=4, scheme=third)[1]
    assert np.isnan(drawn.points_xy[2]).all() and np.isfinite(drawn.points_xy[:2]).all()
    alone = {"name": "alone-2", "title": "two", "names": ["right", "left"], "eyes": [0, 1], "mirror_pairs": [[0, 1]]}
    path.write_text(json.dumps(alone))
    two = own_scheme(path)
    for source, target in ((W300_68, two), (two, W300_68), (third, two), (two, third), (WFLW_98, two)):
        assert not correspondence(source, target)
    assert dict(correspondence(two, two)) == {0: (0,), 1: (1,)}
    with pytest.raises(ValueError, match="synthetic faces know 300w-68, wflw-98, cofw-29"):
        SyntheticFaces(1, scheme=two)[0]
