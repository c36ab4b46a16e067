"""Whether points form a face: what is wrong with labels is named, and what faces do is not."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.faces import face_points
from toolkit.core.schemes import SCHEMES, W300_68, Scheme
from toolkit.data import Photos
from toolkit.data.formats import detect
from toolkit.data.mean_shape import common_doubt, doubts
from toolkit.data.synthetic import SyntheticFaces

FACE = face_points((30, 40, 130, 150))


def doubt(points_xy: np.ndarray, scheme: Scheme = W300_68) -> str:
    """What is said of one face."""
    return doubts(points_xy[None], scheme).get(0, "")


def with_point(index: int, place: tuple[float, float]) -> np.ndarray:
    points = FACE.copy()
    points[index] = place
    return points


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
def test_drawn_faces_are_faces(scheme: Scheme) -> None:
    """Of every person, expression and pose that the synthetic faces have, up to profile."""
    faces = SyntheticFaces(40, seed=7, scheme=scheme)
    assert doubts(np.stack([faces[i].points_xy for i in range(40)]), scheme) == {}


@pytest.mark.parametrize("yaw", [-80, 0, 45])
@pytest.mark.parametrize("roll_deg", [0, 100])
def test_turned_and_half_hidden_faces_are_faces(yaw: float, roll_deg: float) -> None:
    """A baby on its side, and a profile of which one half is not given."""
    points = face_points((30, 40, 130, 150), yaw=yaw)
    points = np.stack([points @ [1, 1j] * np.exp(1j * np.radians(roll_deg))]).T
    points = np.concatenate([points.real, points.imag], axis=1)
    assert doubt(points) == ""
    points[:8] = points[36:40] = np.nan
    assert doubt(points) == ""


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda p, s: p[:, ::-1], "x and y are swapped"),
        (lambda p, s: p[list(s.mirror)], "left and right are exchanged"),
        (lambda p, s: p * (-1, 1) + (300, 0), "left and right are exchanged"),
        (lambda p, s: p * (1, -1) + (0, 300), "y counts from the bottom"),
        (lambda p, s: p[::-1], "in reversed order"),
        (lambda p, s: p[list(s.mirror)][::-1], "in reversed order and mirrored"),
        (lambda p, s: np.roll(p, -1, axis=0), "shifted by one: each point is where the next one belongs"),
        (lambda p, s: np.roll(p, 1, axis=0), "shifted by one: each point is where the one before belongs"),
        (lambda p, s: 300 - p, "upside down"),
        (lambda p, s: p / 200, "within 4 pixels"),
        (lambda p, s: np.random.default_rng(0).permutation(p), "form no face"),
    ],
)
def test_what_is_wrong_is_named(spoil: object, text: str, scheme: Scheme) -> None:
    """In each scheme."""
    assert text in doubt(spoil(face_points((30, 40, 130, 150), scheme), scheme), scheme)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("points", "text"),
    [
        (with_point(36, tuple(FACE[45])), "the outer eye corners, points 36 and 45, are the same place"),
        (with_point(5, (900, 20)), "far from where the other points put them: 5"),
        (with_point(5, (-1e6, 1e6)), "far from where the other points put them: 5"),
        (FACE + (np.arange(68) < 9)[:, None] * (0, 90), "put them: 0, 1, 2, 3, 4, 5 and 3 more"),
    ],
)
def test_single_points_are_named(points: np.ndarray, text: str) -> None:
    """The first of them where there are many."""
    assert doubt(points) == text or doubt(points).endswith(text)


def test_many_faces_are_told_apart() -> None:
    """Only those that are wrong, by their index; few points say nothing."""
    few = np.where(np.arange(68)[:, None] < 5, FACE, np.nan)
    shapes = np.stack([FACE, FACE[:, ::-1], few, FACE * 2])
    assert list(doubts(shapes, W300_68)) == [1]
    assert doubts(shapes[:0], W300_68) == {} and doubts(few[None], W300_68) == {}
    assert doubts(np.full((2, 68, 2), np.nan), W300_68) == {}


def test_an_order_that_no_single_face_betrays_is_told_of_a_set() -> None:
    """The wings of the nose exchanged in all faces; a few faces more have no common place of a point."""
    faces = SyntheticFaces(24, seed=7)
    points = np.stack([faces[i].points_xy for i in range(24)])
    assert common_doubt(points, W300_68) == ""
    points[:, 31:36] = points[:, 35:30:-1]
    assert doubts(points, W300_68) == {}
    assert common_doubt(points, W300_68) == "in most faces not where faces have them: points 31, 35"
    assert common_doubt(points[:8], W300_68) == ""


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "split", "wrong"),
    [
        *[("300w", "train", 0), ("300w", "test", 0), ("infanface", "train", 0), ("wflw_test", "test", 0)],
        *[("helen29", "train", 0), ("lfpw29/test", "test", 0), ("aflw_pose", "train", 2)],
    ],
)
def test_real_faces_are_faces(folder: str, split: str, wrong: int) -> None:
    """Turned to profile, tilted, babies: the two of AFLW that are told of are labelled wrong."""
    if not os.environ.get("SDHRNET_DATA"):
        pytest.skip("SDHRNET_DATA names no folder of real faces")
    data = Path(os.environ["SDHRNET_DATA"]) / folder
    faces = Photos(detect(data).read(data, split))  # type: ignore[arg-type]
    points = np.stack([label.points_xy for label in faces.labels])
    assert len(doubts(points, faces.scheme)) == wrong and common_doubt(points, faces.scheme) == ""
