"""Portraits seen anew: points that move as a head's do, and pictures that are warped to where they went."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.faces import studio
from toolkit.core.schemes import W300_68
from toolkit.data.synthetic import reposed
from toolkit.data.synthetic.pose import HeadPose, view_of
from toolkit.data.synthetic.reposed import FROM_FRONT, Portrait, from_front, matte, repose
from toolkit.data.synthetic.scheme_points import points_of

POSES = (
    HeadPose(yaw=0, pitch=0, roll=0, distance=8),
    HeadPose(yaw=35, pitch=-10, roll=0, distance=8),
    HeadPose(yaw=-20, pitch=15, roll=0, distance=12),
)
SMILE = {"smile": 1.0, "jaw_open": 0.15, "brow_raise": 0.05}


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    """One whose points are those of the mean head."""
    return Portrait.of(*studio())


@pytest.mark.parametrize("pose", POSES, ids=str)
@pytest.mark.parametrize("modes", [{}, SMILE], ids=["at rest", "smiling"])
def test_a_drawn_heads_points_move_as_the_head_does(
    pose: HeadPose, modes: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a mean head's points become, seen from afar, is what they are on a drawn head that is turned and smiles."""
    monkeypatch.setattr(reposed, "TAKEN_FROM", FROM_FRONT.distance)
    monkeypatch.setattr(reposed, "_nearer", lambda: np.zeros(68))
    view = view_of(modes, pose)
    moved = reposed._moved(from_front({})[:, :2], modes, view)
    assert np.abs(moved - points_of(view, W300_68)[:, :2]).max() < 1e-4


def test_another_face_keeps_its_own_form() -> None:
    """Seen from where its photo was taken and at rest every portrait is as it was; turned, a wider one is wider."""
    rest, view = from_front({})[:, :2], view_of({}, replace(FROM_FRONT, distance=reposed.TAKEN_FROM))
    wide = rest * (1.1, 1)
    moved = reposed._moved(wide, {}, view)
    larger = np.linalg.norm(moved[45] - moved[36]) / np.linalg.norm(wide[45] - wide[36])
    assert np.abs(moved - wide * larger)[17:].max() < 0.01
    turned = view_of({}, POSES[1])
    assert np.ptp(reposed._moved(wide, {}, turned)[:, 0]) > 1.05 * np.ptp(reposed._moved(rest, {}, turned)[:, 0])


def test_depths_are_given_once_for_both_sides() -> None:
    """For the face's middle and the image's left, and nothing for the contour."""
    assert all(17 <= i <= W300_68.mirror[i] for i in reposed.NEARER if i < 27) and min(reposed.NEARER) >= 17
    nearer = reposed._nearer()
    assert not any(W300_68.mirror[i] in reposed.NEARER for i in reposed.NEARER if W300_68.mirror[i] != i)
    np.testing.assert_array_equal(nearer, nearer[list(W300_68.mirror)])
    assert nearer[[31, 35]].tolist() == [-0.06, -0.06] and not nearer[:17].any()


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (25.0, -12.0), (-25.0, 12.0)])
def test_the_contour_is_parted_anew(yaw: float, pitch: float) -> None:
    """Evenly on its own line; a head that nods begins it lower on both sides; a mirrored one mirrors it."""
    rest = from_front({})[:17, :2] * 100

    def parted(yaw: float, pitch: float) -> np.ndarray:
        view = view_of({}, HeadPose(yaw=yaw, pitch=pitch, roll=0, distance=8)).placed(100, (0, 0))
        return reposed._respaced(rest, view)

    found, mirrored, nodding = parted(yaw, pitch), parted(-yaw, pitch), parted(yaw, pitch + 10)
    assert np.abs(mirrored[::-1] * (-1, 1) - found).max() < 0.1
    assert nodding[0, 1] > found[0, 1] + 3 and nodding[16, 1] > found[16, 1] + 3
    for side in (found[:9], found[8:]):
        steps = np.linalg.norm(np.diff(side, axis=0), axis=1)
        assert steps.max() < 1.1 * steps.min()
    if yaw == pitch == 0:
        assert np.abs(found[8] - rest[8]).max() < 1e-9 and 2 < rest[0, 1] - found[0, 1] < 4


@pytest.mark.parametrize("turn_deg", [0.0, 12.0])
def test_a_photos_frame_is_its_eyes(turn_deg: float) -> None:
    """Into units and back; a head askew is upright in them."""
    _, points = studio(turn_deg)
    frame = reposed._Frame.of(points)
    units = frame.into_units(points)
    assert np.abs(frame.into_pixels(units) - points).max() < 1e-9
    assert np.abs(units - from_front({})[:, :2]).max() < 1e-6


def test_the_picture_goes_where_the_points_go(portrait: Portrait) -> None:
    """At each new point the photo's own point is shown, to a pixel."""
    frame, view = reposed._Frame.of(portrait.points_xy), view_of(SMILE, POSES[1])
    head_on = frame.into_units(portrait.points_xy)
    points = reposed._moved(head_on, SMILE, view) * 80 + 128
    lips = {*reposed._UPPER, *reposed._LOWER}  # where they touch, the photo shows one place for two
    apart = [i for i in range(68) if i not in lips]
    shown = reposed._finer(reposed._warp(points, reposed._parted(head_on, reposed._LIPS), frame, 256), 256)
    x, y = np.rint(points[apart]).astype(int).T
    step = points[apart] - np.rint(points[apart])
    slope = np.stack([shown[y, x + 1] - shown[y, x - 1], shown[y + 1, x] - shown[y - 1, x]], -1) / 2
    found = shown[y, x] + np.einsum("nij,nj->ni", slope, step)
    assert np.abs(found - portrait.points_xy[apart]).max() < 1


def test_a_fold_is_noticed(portrait: Portrait) -> None:
    """A nose that is drawn beyond the cheek would show the cheek twice."""
    frame = reposed._Frame.of(portrait.points_xy)
    head_on = frame.into_units(portrait.points_xy)
    plain = head_on * 80 + (128, 100)
    assert not reposed._folds(reposed._warp(plain, head_on, frame, 256), plain, 256)
    folded = plain.copy()
    folded[27:36, 0] += 75
    assert reposed._folds(reposed._warp(folded, head_on, frame, 256), folded, 256)


def test_the_matte_is_the_person() -> None:
    """All of the head, dark parts too, and nothing of a background that grows lighter."""
    image, points = studio()
    inside = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(points).astype(np.int32)), (1,))
    found = matte(image)
    assert found[cv2.erode(inside, np.ones((9, 9))) > 0].min() > 0.99
    assert found[cv2.dilate(inside, np.ones((9, 9))) == 0].max() < 0.01
    with pytest.raises(ValueError, match="not before an even background"):
        matte(np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8))


def test_the_same_numbers_give_the_same_face(portrait: Portrait) -> None:
    """And others another; its form is that of a face to train on."""
    first, again, other = (repose(portrait, 128, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.points_xy, again.points_xy)
    assert not np.array_equal(first.image, other.image)
    assert first.image.shape == (128, 128, 3) and first.image.dtype == np.uint8
    assert first.points_xy.shape == (68, 2) and first.covered.shape == (68,) and first.covered.dtype == bool


def test_faces_fill_their_share_of_the_picture(portrait: Portrait) -> None:
    """Their points about the middle, and some are covered over many faces, most are not."""
    faces = [repose(portrait, 128, np.random.default_rng([3, n])) for n in range(40)]
    for face in faces:
        low, high = face.points_xy.min(axis=0), face.points_xy.max(axis=0)
        assert 0.35 < np.max(high - low) / 128 < 0.48
        assert np.abs((low + high) / 2 - 63.5).max() < 4  # contours are parted anew afterwards
    assert 0.005 < np.mean([face.covered for face in faces]) < 0.3


def test_a_photo_that_any_pose_folds_is_refused(portrait: Portrait, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than tried for ever."""
    monkeypatch.setattr(reposed, "_folds", lambda *_: True)
    with pytest.raises(ValueError, match="cannot be of a face seen from the front"):
        repose(portrait, 96, np.random.default_rng(0))


def test_what_is_seen_between_lips_is_drawn(portrait: Portrait, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where they part: there the picture is not stretched skin."""
    looked: list[float] = []
    drawn = reposed._mouth
    monkeypatch.setattr(reposed, "_mouth", lambda *given: looked.append(1.0) or drawn(*given))
    for jaw, expected in ((0.0, 0), (0.3, 1)):
        looked.clear()
        monkeypatch.setattr(reposed, "draw_expression", lambda _, jaw=jaw: {"jaw_open": jaw})
        monkeypatch.setattr(reposed, "draw_identity", lambda _: {})
        monkeypatch.setattr(reposed, "_pose", lambda _: replace(POSES[0]))
        repose(portrait, 128, np.random.default_rng(0))
        assert len(looked) == expected
