"""Seen, covered or unknown: what sets and augmentation say of points arrives in batches and crops."""

import numpy as np

from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68
from toolkit.data.augment import Augment, augment, patch
from toolkit.data.batches import training_faces
from toolkit.data.crops import plain_crops
from toolkit.data.sample import Sample
from toolkit.data.synthetic import SyntheticFaces
from toolkit.data.visibility import COVERED, SEEN, UNKNOWN, hidden_in, states_of

NOWHERE = [np.nan, np.nan]


def test_a_set_says_of_its_points_whether_they_are_seen() -> None:
    """A point without a place is covered where the set says so, and unknown otherwise; without flags all are."""
    points = np.array([[1.0, 2.0], [3.0, 4.0], NOWHERE, NOWHERE])
    assert states_of(np.array([False, True, True, False]), points).tolist() == [SEEN, COVERED, COVERED, UNKNOWN]
    assert states_of(None, points).tolist() == [UNKNOWN] * 4


def test_what_lies_before_a_point_or_cuts_it_off_covers_it() -> None:
    """On a crop of 6 x 8: under the cover, beside it, at the last pixel, beyond each edge, and without a place."""
    cover = np.zeros((6, 8), bool)
    cover[2:4, 5] = True
    points = np.array([[5.3, 2.4], [4.4, 2.0], [7.4, 5.4], [7.6, 2], [2, 5.6], [-0.6, 2], [2, -0.6], NOWHERE])
    found = hidden_in(np.full(8, SEEN, np.uint8), points, cover)
    assert found.tolist() == [COVERED, SEEN, SEEN, COVERED, COVERED, COVERED, COVERED, SEEN]
    assert hidden_in(np.full(8, UNKNOWN, np.uint8), points, cover).tolist()[:3] == [COVERED, UNKNOWN, UNKNOWN]


def test_painted_things_cover_the_points_under_them() -> None:
    """Where a crop differs from the same one without occluder and mask its points are covered, elsewhere unknown."""
    sample = SyntheticFaces(1, seed=5)[0]
    face = patch(Sample(**{**vars(sample), "covered": None}), 96)
    covered = 0
    for seed in range(12):
        bare = augment(face, 96, Augment.only(), W300_68, np.random.default_rng(seed))
        always = Augment(**{**dict.fromkeys(Augment.kinds(), 0.0), "occlude": 1.0, "mask": seed % 2})
        painted = augment(face, 96, always, W300_68, np.random.default_rng(seed))
        changed = (painted.image != bare.image).any(axis=2)
        x, y = painted.points_xy.round().astype(int).T
        assert (bare.states == UNKNOWN).all()
        assert ((painted.states == COVERED) == changed[y, x]).mean() > 0.97  # a cloth may have the colour beneath it
        covered += int((painted.states == COVERED).sum())
    assert 50 < covered < 12 * 68


def test_flags_follow_the_points_through_mirrors_and_batches() -> None:
    """A covered left eye is a covered right eye in a mirrored crop; a batch and a plain crop say the same."""
    faces = SyntheticFaces(1, seed=5)
    sample = faces[0]
    left = np.isin(np.arange(68), range(36, 42))
    face = patch(Sample(**{**vars(sample), "covered": left}), 96)
    always = Augment(**{**dict.fromkeys(Augment.kinds(), 0.0), "flip": 1.0})
    states = augment(face, 96, always, W300_68, np.random.default_rng(0)).states
    assert np.flatnonzero(states == COVERED).tolist() == list(range(42, 48))
    batch = finish(training_faces(faces, 64)).epoch((0, 0), 1, Augment.only())[0]
    assert sample.covered is not None and (batch.states[0] == sample.covered).all()
    crops = finish(plain_crops(faces, 64))
    assert crops.states is not None and (crops.states[0] == sample.covered).all()
