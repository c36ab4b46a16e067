"""Augmentation: points stay on the picture, mirrors rename sides, batches depend on their key alone."""

import numpy as np
import pytest
import torch

from tests.train.tiny import Blobs
from toolkit.bundle import IMAGENET_MEAN, IMAGENET_STD
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.progress import finish
from toolkit.core.schemes import SCHEMES, W300_68, Scheme
from toolkit.data.augment import Augment, augment, mirror, patch
from toolkit.data.batches import Fill, random_masks, training_faces
from toolkit.data.sample import Sample
from toolkit.train.losses import masked

PLAIN = Augment.only()
GEOMETRY = Augment.only("scale", "rotation", "flip", "jitter")


def spots(height: int = 300, width: int = 260) -> Sample:
    """A dark picture with a smooth bright spot on each of four well separated points; the other 64 are missing."""
    points = np.full((68, 2), np.nan)
    points[[0, 16, 8, 27]] = [[90.3, 110.7], [180.2, 105.1], [130.6, 200.4], [140.9, 90.2]]
    y, x = np.mgrid[:height, :width]
    value = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 3.0**2)) for px, py in points[[0, 16, 8, 27]])
    image = np.repeat((value * 250).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    return Sample(name="spots", image=image, points_xy=points, box_xyxy=np.array([60.0, 60, 210, 230]))


def centroid(image: np.ndarray, near: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    weight = image[..., 0].astype(float) * (np.hypot(x - near[0], y - near[1]) < 7)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("seed", range(12))
def test_points_stay_on_the_picture(seed: int) -> None:
    """Whatever the geometry, flip included, each spot's centre is where its point says, within a fifth of a pixel."""
    rng = np.random.default_rng(seed)
    crop = augment(patch(spots(), 96), 96, GEOMETRY, W300_68, rng)
    image, points = crop.image, crop.points_xy
    inside = [p for p in points if np.isfinite(p).all() and (p > 8).all() and (p < 87).all()]
    assert inside
    for point in inside:
        assert np.linalg.norm(centroid(image, point) - point) < 0.2


def test_tilt_turns_further_and_stays_on_the_picture() -> None:
    """Up to 70 degrees either way, where rotation alone ends at 30; without it the same numbers are drawn as before."""
    sample = spots()
    face, upright = patch(sample, 96), crop_of_box(sample.box_xyxy, 96).to_crop(sample.points_xy)

    def turn(how: Augment, seed: int) -> float:
        crop = augment(face, 96, how, W300_68, np.random.default_rng(seed))
        points = crop.points_xy
        assert np.linalg.norm(centroid(crop.image, points[27]) - points[27]) < 0.2
        (x, y), (x0, y0) = points[16] - points[0], upright[16] - upright[0]
        return float(np.degrees(np.arctan2(y, x) - np.arctan2(y0, x0)))

    always = Augment(**{**dict.fromkeys(Augment.kinds(), 0.0), "tilt": 1.0})
    turns = [turn(always, seed) for seed in range(40)]
    assert 55 < max(turns) <= 70 and -70 <= min(turns) < -55
    assert max(abs(turn(Augment.only("rotation"), seed)) for seed in range(40)) <= 30


def test_without_augmentation_it_is_the_plain_crop() -> None:
    """Up to the patch's second sampling, training sees what evaluation sees, at the same points."""
    sample = spots()
    found = augment(patch(sample, 64), 64, PLAIN, W300_68, np.random.default_rng(0))
    crop = crop_of_box(sample.box_xyxy, 64)
    np.testing.assert_allclose(found.points_xy, crop.to_crop(sample.points_xy), atol=1e-9)
    assert np.abs(found.image.astype(int) - cut(sample.image, crop)).mean() < 1.5


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda s: s.name)
def test_mirroring_twice_changes_nothing(scheme: Scheme) -> None:
    """x -> W - 1 - x and the mirror order are their own inverses; W is odd and differs from H."""
    rng = np.random.default_rng(0)
    image, points = rng.integers(0, 255, (20, 31, 3)).astype(np.uint8), rng.uniform(0, 30, (scheme.points, 2))
    once = mirror(image, points, scheme)
    twice = mirror(*once, scheme)
    np.testing.assert_array_equal(twice[0], image)
    np.testing.assert_allclose(twice[1], points, atol=1e-12)
    left, right = scheme.eyes
    np.testing.assert_allclose(once[1][left], [30 - points[right][0], points[right][1]])


def test_a_batch_depends_on_its_key_alone() -> None:
    """The same key gives the same batches, another gives others, and every face comes once an epoch."""

    class Four:
        scheme, title = W300_68, "four"

        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Sample:
            base = spots()
            image = base.image.copy()
            image[0:5, 0:5] = 50 * index
            return Sample(name=str(index), image=image, points_xy=base.points_xy, box_xyxy=base.box_xyxy)

    faces = finish(training_faces(Four(), 64))
    first, second, other = (list(faces.epoch(key, 2, Augment())) for key in ((1, 2), (1, 2), (1, 3)))
    assert len(first) == 2 and first[0].images.shape == (2, 64, 64, 3)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.points_xy, b.points_xy)
        assert a.rngs[0].random() == b.rngs[0].random()
    assert any((a.images != b.images).any() for a, b in zip(first, other, strict=True))


def test_a_whole_epoch_leaves_no_face_out() -> None:
    """Its last batch holds what is left, and the batches before are those of the epoch; with none left it is it."""
    faces = finish(training_faces(Blobs(10), 32))
    for size, sizes in ((4, [4, 4, 2]), (5, [5, 5]), (16, [10])):
        some, every = faces.epoch((1, 0), size, Augment()), faces.whole_epoch((1, 0), size, Augment())
        assert [len(batch.images) for batch in every] == sizes
        assert {batch.weight for batch in every} == {1.0}
        for a, b in zip(some, every, strict=False):
            np.testing.assert_array_equal(a.images, b.images)
    assert len({batch.images.tobytes() for batch in faces.whole_epoch((1, 0), 1, Augment())}) == 10


@pytest.mark.parametrize("fill", ["mean", "random"])
def test_a_mask_hides_a_rectangle_and_leaves_the_batch_alone(fill: Fill) -> None:
    """Each student draws for itself: two masks of one batch differ, and the clean batch is not touched."""
    rngs = [np.random.default_rng((5, i)) for i in range(4)]
    clean = rngs[0].uniform(0.5, 1, (4, 3, 40, 40)).astype(np.float32)
    before = clean.copy()
    masks = [random_masks(rngs, 40, 0.5, fill) for _ in range(2)]
    first, second = (masked(torch.from_numpy(clean), torch.from_numpy(drawn)).numpy() for drawn in masks)
    np.testing.assert_array_equal(clean, before)
    assert (first != second).any()
    colours = masks[0][:, 4:]
    assert len(np.unique(colours, axis=0)) == (1 if fill == "mean" else 4)
    shown = (colours / 255 - IMAGENET_MEAN) / IMAGENET_STD
    assert fill == "random" or np.abs(shown).max() < 0.01
    for image, original, colour in zip(first, clean, shown, strict=True):
        hidden = np.isclose(image, colour[:, None, None], atol=1e-5).all(axis=0)
        rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
        assert hidden.sum() == len(rows) * len(columns) > 0
        assert len(rows) <= 20 and len(columns) <= 20
        np.testing.assert_array_equal(image[:, ~hidden], original[:, ~hidden])
