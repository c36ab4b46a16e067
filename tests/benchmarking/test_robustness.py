"""Robustness and flicker: known answers for landmarkers that are known to be steady, or to follow the face."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.own import scheme_file
from toolkit.benchmarking.end_to_end import LookOnce, found_points
from toolkit.benchmarking.flicker import FRAMES, clip_flicker, flicker_percent, measured, still_clips, synthetic_clips
from toolkit.benchmarking.framing import Framing
from toolkit.benchmarking.robustness import CorruptedFace, behind, robustness
from toolkit.core.geometry import Pose
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68, Scheme, own_scheme
from toolkit.data.corruptions import CORRUPTIONS, Corruption
from toolkit.data.sample import Sample
from toolkit.data.synthetic import SyntheticFaces
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

FACES = SyntheticFaces(3, seed=5)
RIGHT = np.array([1.0, 0.0])


class Follower:
    """A Landmarker that reads the face's place off a dot of its own on the crop, so that it moves with the face."""

    scheme = W300_68
    engine = "follower 1"
    timed = True
    confidence_floor = CONFIDENCE_FLOOR

    def __init__(self, size_px: int, tremble_px: float = 0.0) -> None:
        self.size_px = size_px
        self._tremble_px, self._rng = tremble_px, np.random.default_rng(0)
        self.truth: Callable[[np.ndarray], np.ndarray] | None = None

    def __call__(self, crop: np.ndarray) -> Prediction:
        assert self.truth is not None
        noise = self._rng.normal(0, self._tremble_px, (68, 2))
        return Prediction(points_xy=self.truth(crop) + noise, confidence=np.ones(68))


def test_flicker_is_the_change_of_the_error() -> None:
    """A constant error has none; an error of 1 px that jumps to the other side every frame has 2 px."""
    truth = np.cumsum(np.ones((6, 68, 2)), axis=0)
    assert flicker_percent(truth + 3, truth, 50) == 0
    jumping = truth + np.array([1.0, 0.0]) * (-1) ** np.arange(6)[:, None, None]
    assert flicker_percent(jumping, truth, 50) == pytest.approx(100 * 2 / 50)
    truth[:, 0] = np.nan
    assert flicker_percent(jumping, truth, 50) == pytest.approx(100 * 2 / 50), "a missing point counts nowhere"


def test_clips_move_smoothly_and_know_their_points() -> None:
    """From frame to frame and from the last to the first no point moves by more than 4 % of the face; pixels change."""
    clips = [next(still_clips(FACES, 1)), next(synthetic_clips(W300_68, 1, size_px=96))]
    for clip in clips:
        assert len(clip.images) == len(clip.points_xy) == FRAMES
        face_px = float(np.ptp(clip.points_xy[0], axis=0).max())
        around = np.concatenate([clip.points_xy, clip.points_xy[:1]])
        steps = np.linalg.norm(np.diff(around, axis=0), axis=2)
        assert steps.mean() > 0 and steps.max() < 0.08 * face_px
        assert (clip.images[0] != clip.images[1]).any()
        inside = (clip.points_xy > 0).all() and (clip.points_xy < len(clip.images[0])).all()
        assert inside


class Seven:
    """Faces of the seven points of one's own, of which the ears are missing; and a Landmarker of them."""

    size_px, engine, timed, title = 64, "seven 1", True, "seven points"
    confidence_floor = CONFIDENCE_FLOOR
    subsets: Mapping[str, Sequence[int]] = {}

    def __init__(self, scheme: Scheme, drawn: Scheme) -> None:
        self.scheme, self._faces = scheme, SyntheticFaces(1, scheme=drawn)

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: int) -> Sample:
        return self._faces[index]

    def __call__(self, crop: np.ndarray) -> Prediction:
        return Prediction(points_xy=np.full((7, 2), 32.0), confidence=np.ones(7))


@pytest.mark.slow
def test_points_of_one_s_own_flicker_too(tmp_path: Path) -> None:
    """Where they are picked from points that drawn faces have; else there are photos alone."""
    picked = own_scheme(scheme_file(tmp_path / "a.json", "flicker-picked", mapped=True))
    named = own_scheme(scheme_file(tmp_path / "b.json", "flicker-named"))
    clip = next(synthetic_clips(picked, 1, size_px=96))
    whole = next(synthetic_clips(W300_68, 1, size_px=96))
    np.testing.assert_array_equal(clip.points_xy[:, :5], whole.points_xy[:, [36, 45, 30, 48, 54]])
    assert np.isnan(clip.points_xy[:, 5:]).all()
    for scheme, kinds in ((picked, ["still face moved", "synthetic clip"]), (named, ["still face moved"])):
        seven = Seven(scheme, picked)
        (found,) = finish(measured([(seven, Framing(size_px=64))], seven, 1))
        assert list(found) == kinds and all(value > 0 for value in found.values())


def test_clip_flicker_of_a_follower_is_its_tremble() -> None:
    """One that follows exactly has none; one with noise of 1 px a coordinate has sqrt(pi) px from frame to frame."""
    clip = next(still_clips(FACES, 1))
    framing = Framing(size_px=64)
    for tremble in (0.0, 1.0):
        model = Follower(64, tremble)
        crops = iter([framing.crop(box).to_crop(p) for box, p in zip(clip.boxes_xyxy, clip.points_xy, strict=True)])
        model.truth = lambda _, crops=crops: next(crops)
        scale = np.mean([framing.crop(box).scale for box in clip.boxes_xyxy])
        # the difference of two normal pairs: a Rayleigh mean of sqrt(2) * sqrt(pi / 2)
        expected = 100 * tremble * np.sqrt(np.pi) / scale / clip.eyes_px
        assert clip_flicker(model, framing, clip) == pytest.approx(expected, rel=0.08, abs=1e-9)


def test_the_spoilt_picture_is_the_same_for_every_frame() -> None:
    """Truth in two networks' crops is the same place; a pose moves the crop and not the face."""
    sample = FACES[0]
    turned = Corruption(unit="degrees", levels=(20,), pose=lambda v, _: Pose(rotation_deg=v))
    for condition, level in ((CORRUPTIONS["blur"], 0.02), (turned, 20.0), (CORRUPTIONS["box jitter"], 1)):
        picture = CorruptedFace(sample, W300_68, condition, level, np.random.default_rng(0))
        for framing in (Framing(size_px=64), Framing(size_px=96, scale=1.7)):
            model, crop = Follower(framing.size_px), framing.crop(picture._box, picture._pose)
            model.truth = lambda _, p=picture, c=crop: c.to_crop(p._points)
            assert picture.error(model, framing) == pytest.approx(0, abs=1e-9)
            model.truth = lambda _, p=picture, c=crop: c.to_crop(p._points) + RIGHT
            eyes = np.linalg.norm(np.diff(picture._points[list(W300_68.eyes)], axis=0))
            assert picture.error(model, framing) == pytest.approx(1 / crop.scale / eyes)


def test_a_turned_face_is_turned_in_the_picture_that_a_pipeline_sees() -> None:
    """By 20 degrees to either side, about the middle of its box, at the same size."""
    turned = Corruption(unit="degrees", levels=(20,), pose=lambda v, _: Pose(rotation_deg=v))
    upright, tilted = (
        CorruptedFace(FACES[0], W300_68, c, 20, np.random.default_rng(0))
        for c in (Corruption(unit="", levels=(1,)), turned)
    )
    before, after = (np.diff(p._points[list(W300_68.eyes)], axis=0)[0] for p in (upright, tilted))
    assert np.degrees(np.arctan2(after[1], after[0]) - np.arctan2(before[1], before[0])) == pytest.approx(20)
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before))
    np.testing.assert_allclose(upright._box, tilted._box)
    assert (upright._image != tilted._image).any()


def test_lengths_are_shares_of_the_plain_crop_not_of_the_canvas() -> None:
    """The plain crop has half the side of the picture that is disturbed."""
    seen: list[tuple[float, int]] = []
    spy = Corruption(unit="", levels=(1,), paint=lambda v, _, __: seen.append((v.side_px, len(v.image))) or v.image)
    CorruptedFace(FACES[0], W300_68, spy, 1, np.random.default_rng(0))
    assert seen == [(256, 512)]


@pytest.mark.slow
def test_robustness_has_every_condition_and_level(steady) -> None:
    """For each landmarker; one that looks at no pixel feels only what moves its crop."""
    middle = np.full((68, 2), 31.5)
    found = finish(robustness([(steady(middle, 64), Framing(size_px=64))], FACES))[0]
    assert found["conditions"].keys() == CORRUPTIONS.keys()
    for name, own in found["conditions"].items():
        assert own["levels"] == list(CORRUPTIONS[name].levels) and len(own["nme_mean"]) == len(own["levels"])
        if name not in ("box jitter", "scale", "rotation"):
            assert own["nme_mean"] == pytest.approx([found["plain"]] * len(own["levels"]), abs=1e-3)
    again = finish(robustness([(steady(middle, 64), Framing(size_px=64))], FACES))[0]
    assert again == found


@pytest.mark.slow
def test_behind_a_detector_misses_count_and_box_conditions_do_not(steady) -> None:
    """Of three faces one missed and one 11 % off: 67 % failed, NME of those found; wrong boxes are nobody's own."""
    found = behind(np.array([np.inf, 0.11, 0.01, np.nan]))
    assert found == {"n_faces": 3, "found": 2, "nme_mean": 6.0, "failed_percent": pytest.approx(66.6667)}
    assert behind(np.array([np.inf])) == {"n_faces": 1, "found": 0, "nme_mean": None, "failed_percent": 100.0}
    runner = (steady(np.full((68, 2), 31.5), 64), Framing(size_px=64))
    blind, own = finish(robustness([runner, runner], FACES, [lambda _: [], lambda image: [middle_of(image)]]))
    assert blind["own_detector"]["plain"]["found"] == 0 and own["own_detector"]["plain"]["found"] == 3
    assert own["own_detector"]["conditions"].keys() == CORRUPTIONS.keys() - {"box jitter", "scale"}
    assert own["own_detector"]["conditions"]["blur"]["found"] == 3
    assert own["own_detector"]["conditions"]["blur"]["level"] == CORRUPTIONS["blur"].levels[1]
    assert own["own_detector"]["plain"]["nme_mean"] == pytest.approx(own["plain"], abs=0.5)


def middle_of(image: np.ndarray) -> np.ndarray:
    return np.full((68, 2), (len(image) - 1) / 2)


def test_several_networks_share_a_look() -> None:
    """One picture is looked at once, another one or a forgotten one again."""
    looks: list[int] = []
    once = LookOnce(lambda image: looks.append(id(image)) or [])
    first, second = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)
    for image in (first, first, second):
        assert once(image) == []
    once.forget()
    once(second)
    assert looks == [id(first), id(second), id(second)]


def test_behind_a_detector_the_nearest_face_counts_if_it_is_the_one() -> None:
    """Of two that are found the nearer; one that is elsewhere in the picture is not found."""
    sample = FACES[0]
    far = sample.points_xy + 300
    pipelines = {
        "both": lambda image: [far, sample.points_xy + 2],
        "elsewhere": lambda image: [far],
        "none": lambda image: [],
    }
    found = finish(found_points(pipelines, FACES))
    assert found["both"][0] == pytest.approx(sample.points_xy + 2)
    assert np.isnan(found["elsewhere"]).all() and np.isnan(found["none"]).all()
