"""Corruptions of the augmentation: what they promise, on pictures whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from toolkit.core.schemes import COFW_29, W300_68, WFLW_98, scheme
from toolkit.data import augment_effects
from toolkit.data.augment import PUBLISHED, Augment
from toolkit.data.sets import in_scheme
from toolkit.data.synthetic import SyntheticFaces

WIDE = np.random.default_rng(0).integers(0, 256, (40, 64, 3)).astype(np.uint8)


def dot() -> np.ndarray:
    image = np.zeros((41, 61, 3), np.uint8)
    image[20, 30] = 255
    return image


def test_motion_blur_smears_along_its_angle_and_keeps_the_light() -> None:
    """A dot becomes a horizontal line of about that length around its place, of the same total light within 3 %."""
    smeared = augment_effects.motion_blur(dot(), 11, 0).astype(float)[..., 0]
    rows, columns = np.nonzero(smeared > 5)
    assert set(rows) == {20} and 10 <= len(set(columns)) <= 13
    assert columns.mean() == pytest.approx(30, abs=0.1)
    assert smeared.sum() == pytest.approx(255, rel=0.06)


def test_low_resolution_keeps_the_size_and_loses_detail() -> None:
    """Noise of one pixel is averaged away."""
    found = augment_effects.low_resolution(WIDE, 4)
    assert found.shape == WIDE.shape and found.std() < 0.5 * WIDE.std()


def test_noise_has_the_deviation_asked_for() -> None:
    """On mid gray, where nothing is clipped."""
    flat = np.full((200, 100, 3), 128, np.uint8)
    assert augment_effects.noise(flat, 10, np.random.default_rng(0)).std() == pytest.approx(10, rel=0.03)


def test_tone_follows_its_formula() -> None:
    """gain * level ** gamma + offset, a gain a channel, clipped."""
    found = augment_effects.tone(np.full((2, 3, 3), 51, np.uint8), np.array([1.0, 2.0, 50.0]), 2.0, 0.1)
    np.testing.assert_array_equal(found[0, 0], [36, 46, 255])


def test_a_shadow_falls_on_the_side_it_is_told() -> None:
    """Angle 0 darkens the right; the light side keeps its light."""
    flat = np.full((40, 64, 3), 200, np.uint8)
    found = augment_effects.shade(flat, 0.8, 0, 0.0, 0.2)
    assert found[20, -1, 0] < 60 and found[20, 0, 0] > 190


@pytest.mark.parametrize("seed", range(5))
def test_an_occluder_hides_a_part_of_the_promised_size(seed: int) -> None:
    """Something changes, and its extent is not more than the diagonal of the largest one."""
    image = np.zeros((64, 64, 3), np.uint8)
    found, cover = augment_effects.occlude(image, np.random.default_rng(seed), 0.3, 0.3)
    hidden = (found != image).any(axis=2)
    assert not hidden[~cover].any() and hidden[cover].mean() > 0.9
    rows, columns = np.nonzero(hidden)
    assert hidden.any() and max(np.ptp(rows), np.ptp(columns)) <= 0.3 * 64 * np.sqrt(2) + 2


def test_a_mask_covers_mouth_and_chin_but_not_the_eyes() -> None:
    """On synthetic faces: pixels at the mouth change, those at the eyes do not."""
    faces = SyntheticFaces(6, seed=4)
    rng = np.random.default_rng(0)
    for i in range(6):
        sample = faces[i]
        found, cover = augment_effects.wear_mask(sample.image, sample.points_xy, W300_68, rng)
        changed = (found != sample.image).any(axis=2)
        assert changed[cover].mean() > 0.95 and cover[changed].mean() > 0.9
        at = sample.points_xy.round().astype(int)
        assert changed[at[48:68, 1], at[48:68, 0]].mean() > 0.9
        assert not changed[at[36:48, 1], at[36:48, 0]].any()


def test_a_face_of_several_schemes_wears_a_mask_by_the_one_that_it_has() -> None:
    """The 68 points have some of the 98, but none of its jaw."""
    joint = scheme("300w-68+wflw-98")
    points = np.full((166, 2), np.nan)
    sample = SyntheticFaces(1, size_px=64, scheme=WFLW_98)[0]
    points[68:] = sample.points_xy
    points[:68] = in_scheme(SyntheticFaces(1, size_px=64, scheme=WFLW_98), joint)[0].points_xy[:68]
    assert np.isfinite(points[:68]).any() and not np.isfinite(points[:68]).all()
    _, cover = augment_effects.wear_mask(sample.image, points, joint, np.random.default_rng(0))
    assert cover.any()


def test_a_scheme_without_contour_wears_no_mask() -> None:
    """Its picture is returned as it is."""
    points = np.random.default_rng(0).uniform(0, 40, (29, 2))
    found, cover = augment_effects.wear_mask(WIDE, points, COFW_29, np.random.default_rng(0))
    assert found is WIDE and not cover.any()


def test_nothing_is_changed_in_place() -> None:
    """Every corruption gives a new picture."""
    before, rng = WIDE.copy(), np.random.default_rng(0)
    square = np.ascontiguousarray(WIDE[:, :40])
    for spoil in (
        lambda: augment_effects.blur(WIDE, 2), lambda: augment_effects.jpeg(WIDE, 10),
        lambda: augment_effects.grayscale(WIDE), lambda: augment_effects.noise(WIDE, 9, rng),
        lambda: augment_effects.shade(WIDE, 0.5, 30, 0, 0.3),
        lambda: augment_effects.tone(WIDE, 0.5, 1, 0), lambda: augment_effects.occlude(square, rng),
    ):  # fmt: skip
        spoil()
    np.testing.assert_array_equal(before, WIDE)


def test_every_kind_of_augmentation_can_be_switched_alone() -> None:
    """`only` leaves one kind at its usual strength, which for tilt is none; a negative strength is refused."""
    assert {k for k in Augment.kinds() if getattr(PUBLISHED, k)} == {"scale", "rotation", "flip"}
    assert {k for k in Augment.kinds() if not getattr(Augment(), k)} == {"tilt"}
    for kind in Augment.kinds():
        alone = Augment.only(kind)
        assert [k for k in Augment.kinds() if getattr(alone, k)] == [kind] * (kind != "tilt")
    with pytest.raises(ValueError, match="jpeg"):
        Augment(jpeg=-0.1)


def test_a_scheme_without_a_nose_wears_no_mask() -> None:
    """Points of one's own need not have one."""
    bare = replace(W300_68, regions={"contour": W300_68.regions["contour"]})
    points = SyntheticFaces(1, size_px=64)[0].points_xy
    image, covered = augment_effects.wear_mask(WIDE, points, bare, np.random.default_rng(0))
    assert image is WIDE and not covered.any()
