"""The robustness corruptions and what it paints: known answers, and nothing that training has seen."""

from types import ModuleType

import numpy as np
import pytest

from toolkit.core.geometry import Pose
from toolkit.core.progress import finish
from toolkit.core.schemes import COFW_29, W300_68, WFLW_98
from toolkit.data import augment, augment_effects, corruption_effects, corruptions
from toolkit.data.augment import Augment
from toolkit.data.corruptions import CORRUPTIONS, FaceImage, corrupted_crops
from toolkit.data.crops import plain_crops
from toolkit.data.synthetic import SyntheticFaces

TEXTURE = np.random.default_rng(0).integers(0, 256, (40, 64, 3)).astype(np.uint8)
FLAT = np.full((200, 100, 3), 128, np.uint8)


def dot() -> np.ndarray:
    image = np.zeros((41, 61, 3), np.uint8)
    image[20, 30] = 255
    return image


def own_functions(module: ModuleType) -> list[str]:
    """The functions that are defined in a module itself."""
    return [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and callable(value)
    ]


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("a painter of the other side was called")


def test_corruptions_and_augmentation_share_no_painter(monkeypatch) -> None:
    """Every condition is drawn with training's painters gone, and every augmentation with the corruptions's gone."""
    faces = SyntheticFaces(1, seed=2)
    patch, everything = augment.patch(faces[0], 64), {k: 1.0 for k in Augment.kinds() if k not in ("scale", "rotation")}
    with monkeypatch.context() as gone:
        for name in own_functions(augment_effects):
            gone.setattr(augment_effects, name, forbidden)
        for name in ("augment", "patch", "mirror", "_light", "_sensor"):
            gone.setattr(augment, name, forbidden)
        for condition, how in CORRUPTIONS.items():
            crops = finish(corrupted_crops(faces, 64, condition, how.levels[-1]))
            assert crops.images.shape == (1, 64, 64, 3)
    for name in own_functions(corruption_effects):
        monkeypatch.setattr(corruption_effects, name, forbidden)
    image = augment.augment(patch, 64, Augment(**everything), W300_68, np.random.default_rng(0)).image
    assert image.shape == (64, 64, 3)


def test_the_corruptions_know_nothing_of_trainings_painters() -> None:
    """Neither of its modules holds a function of data.augment_effects, of synthetic faces, or the module."""
    for module in (corruptions, corruption_effects):
        seen = [
            value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
            for value in vars(module).values()
        ]
        assert not [
            name for name in seen if str(name).startswith(("toolkit.data.augment_effects", "toolkit.data.synthetic"))
        ]


def test_defocus_spreads_a_dot_over_a_disk() -> None:
    """Even light within the radius of 6 pixels, none outside; a Gaussian would fall off."""
    seen = corruption_effects.defocus(dot(), 6)[..., 0].astype(float)
    away = np.hypot(*(np.mgrid[:41, :61] - np.array([20, 30])[:, None, None]))
    assert np.ptp(seen[away < 5.4]) <= 1 and seen[away < 5.4].min() > 0 and not seen[away > 6.6].any()


def test_a_shaken_dot_keeps_its_light_and_place() -> None:
    """Its path is not longer than asked for; the light stays within 10 %, its centre within a pixel."""
    seen = corruption_effects.shake(dot(), 12, np.random.default_rng(0))[..., 0].astype(float)
    rows, columns = np.nonzero(seen > 2)
    assert 4 < np.hypot(np.ptp(rows), np.ptp(columns)) <= 14
    assert seen.sum() == pytest.approx(255, rel=0.1)
    assert (columns * seen[rows, columns]).sum() / seen[rows, columns].sum() == pytest.approx(30, abs=1)


def test_fewer_pixels_keep_the_size_and_lose_detail() -> None:
    """The second difference of noise shrinks."""
    seen = corruption_effects.sampled(TEXTURE, 4)
    assert seen.shape == TEXTURE.shape
    assert (
        np.abs(np.diff(seen.astype(int), 2, axis=1)).mean()
        < 0.5 * np.abs(np.diff(TEXTURE.astype(int), 2, axis=1)).mean()
    )


def test_fewer_photons_are_noisier_and_less_light_is_darker() -> None:
    """Noise in mid gray falls with the root of the photons; a 30th of the light: 30 ** (-1 / 2.2) of the level."""
    rng = np.random.default_rng(0)
    many, few = (corruption_effects.exposed(FLAT, 1, n, rng).std() for n in (4000, 1000))
    assert few / many == pytest.approx(2, rel=0.05)
    dark = corruption_effects.exposed(FLAT, 1 / 30, 1e6, rng)
    assert dark.mean() == pytest.approx(128 * 30 ** (-1 / 2.2), abs=1)


def test_a_shadow_takes_its_share_of_the_light_in_parts() -> None:
    """Some of a flat picture keeps its level, some has a quarter of it."""
    seen = corruption_effects.cast_shadow(FLAT, 0.75, 60, np.random.default_rng(1))
    assert (seen == 128).mean() > 0.1 and (seen == 32).mean() > 0.1 and seen.min() == 32


@pytest.mark.parametrize("seed", range(6))
def test_an_obstacle_has_the_promised_size_and_place(seed: int) -> None:
    """Where the picture changes strongly: 30 pixels across its longest side, around the place asked for."""
    image = np.full((80, 120, 3), 255, np.uint8)
    centre = np.array([70.0, 40.0])
    seen = corruption_effects.obstruct(image, centre, 30, np.random.default_rng(seed))
    rows, columns = np.nonzero((seen != 255).any(axis=2))
    assert len(rows) and max(np.ptp(rows), np.ptp(columns)) <= 30 + 14  # with its soft shadow
    assert abs(np.mean(columns) - 70) < 9 and abs(np.mean(rows) - 40) < 9


@pytest.mark.parametrize("scheme", [W300_68, WFLW_98], ids=lambda s: s.name)
def test_a_mask_covers_the_mouth_but_not_the_eyes(scheme) -> None:
    """On synthetic faces: pixels at the mouth change, those at the eyes do not."""
    faces, rng = SyntheticFaces(6, seed=4, scheme=scheme), np.random.default_rng(0)
    for i in range(6):
        sample = faces[i]
        seen = corruption_effects.surgical_mask(sample.image, sample.points_xy, scheme, rng)
        changed = (seen != sample.image).any(axis=2)
        at = np.clip(sample.points_xy.round().astype(int), 0, np.array(sample.image.shape[1::-1]) - 1)
        mouth, eyes = at[list(scheme.regions["mouth"])], at[list(scheme.regions["eyes"])]
        assert changed[mouth[:, 1], mouth[:, 0]].mean() > 0.9
        assert not changed[eyes[:, 1], eyes[:, 0]].any()


def test_a_face_without_its_points_wears_no_mask() -> None:
    """COFW's points have no contour; a missing point leaves the picture as it is, too."""
    rng = np.random.default_rng(0)
    assert corruption_effects.surgical_mask(TEXTURE, rng.uniform(0, 40, (29, 2)), COFW_29, rng) is TEXTURE
    points = rng.uniform(0, 40, (68, 2))
    points[3] = np.nan
    assert corruption_effects.surgical_mask(TEXTURE, points, W300_68, rng) is TEXTURE


def test_nothing_is_changed_in_place() -> None:
    """Every condition gives a new picture, or the same one where only the crop departs."""
    view = FaceImage(
        image=TEXTURE.copy(), points_xy=np.random.default_rng(1).uniform(5, 35, (68, 2)), scheme=W300_68, side_px=40
    )
    for how in CORRUPTIONS.values():
        how.paint(view, how.levels[-1], np.random.default_rng(0))
    np.testing.assert_array_equal(TEXTURE, view.image)


def test_a_condition_that_a_scheme_cannot_show_is_refused() -> None:
    """COFW's points have no contour to hang a face mask on, but can be rotated."""
    assert not CORRUPTIONS["face mask"].suits(COFW_29) and CORRUPTIONS["rotation"].suits(COFW_29)
    with pytest.raises(ValueError, match="no face mask can be drawn on cofw-29"):
        finish(corrupted_crops(SyntheticFaces(2, scheme=COFW_29), 64, "face mask", 1))


@pytest.mark.parametrize("condition", CORRUPTIONS)
def test_a_condition_is_the_same_every_time_and_grows(condition: str) -> None:
    """Fixed by its seed; the severest level changes the crops more than the slightest one."""
    faces, levels = SyntheticFaces(3, seed=8), CORRUPTIONS[condition].levels
    plain = finish(plain_crops(faces, 64)).images.astype(float)
    changes = []
    for level in (levels[0], levels[-1]):
        crops = finish(corrupted_crops(faces, 64, condition, level))
        np.testing.assert_array_equal(crops.images, finish(corrupted_crops(faces, 64, condition, level)).images)
        assert crops.points_xy.shape == (3, 68, 2)
        changes.append(np.abs(crops.images - plain).mean())
    assert min(changes) > 0
    if len(levels) > 1 and condition != "scale":  # its levels go from smaller to larger
        assert changes[1] > changes[0]


def test_only_boxes_that_are_wrong_are_of_the_box() -> None:
    """What moves or scales the crop is the box's fault; a turned or painted face is in the picture."""
    rng = np.random.default_rng(0)
    poses = {name: how.pose(how.levels[0], rng) for name, how in CORRUPTIONS.items()}
    moved = {name for name, pose in poses.items() if (pose.scale, pose.shift) != (Pose().scale, Pose().shift)}
    assert moved == {name for name, how in CORRUPTIONS.items() if how.of_box}
