"""Following faces: discs of light stand for faces, so that every frame's truth is known and no weights are needed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from toolkit.core.schemes import W300_68
from toolkit.detect import Detection, FaceTracker, Tracking
from toolkit.detect.identity import Cuts
from toolkit.detect.landmarks import landmarks_in
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

SIZE_WH = (400, 300)
RADIUS = 30
FPS = 30
AROUND = 2 * np.pi * (np.arange(68) - (36 + 45) / 2) / 68 - np.pi / 2  # points 36 and 45, the eyes, are level
SHAPE = np.stack([np.cos(AROUND), np.sin(AROUND)], axis=1)
PLAIN = Tracking(smoothing=None)


def scene(*centres: tuple[float, float], level: int = 255) -> np.ndarray:
    """A dark picture with a disc at each centre."""
    image = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    for x, y in centres:
        cv2.circle(image, (round(x * 64), round(y * 64)), RADIUS * 64, (level,) * 3, cv2.FILLED, cv2.LINE_AA, 6)
    return image


class Discs:
    """A detector and a landmarker of discs; as sure as they are bright."""

    scheme, size_px, engine, timed = W300_68, 64, "discs", False
    confidence_floor = CONFIDENCE_FLOOR

    def __init__(self) -> None:
        self.looks = 0
        self.predictions = 0

    def detector(self, image: np.ndarray) -> list[Detection]:
        self.looks += 1
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 100).astype(np.uint8))
        boxes = [np.array([x, y, x + w - 1, y + h - 1], float) for x, y, w, h, _ in stats[1:]]
        return [Detection(box_xyxy=box, score=0.9, keypoints_xy=np.zeros((6, 2))) for box in boxes]

    def __call__(self, crop: np.ndarray) -> Prediction:
        self.predictions += 1
        light = crop[..., 0].astype(float)
        light[light < 30] = 0
        if light.sum() == 0:
            return Prediction(points_xy=32 + 20 * SHAPE, confidence=np.zeros(68))
        y, x = np.mgrid[:64, :64]
        centre = np.array([(x * light).sum(), (y * light).sum()]) / light.sum()
        radius = np.sqrt((light > light.max() / 2).sum() / np.pi)
        return Prediction(points_xy=centre + radius * SHAPE, confidence=np.full(68, light.max() / 255))


def tracker(settings: Tracking = PLAIN) -> tuple[FaceTracker, Discs]:
    discs = Discs()
    return FaceTracker(discs.detector, discs, settings), discs


def test_the_detector_rests_while_a_face_is_followed():
    """One look and one second pass in the first frame, then one prediction a frame and no look."""
    follow, discs = tracker(replace(PLAIN, faces=1))
    for i in range(20):
        (face,) = follow(scene((100 + 2 * i, 120)), i / FPS)
        assert face.track == 1
    assert (discs.looks, discs.predictions) == (1, 2 + 19)


@pytest.mark.parametrize("sides_per_s", [0.0, 1.0, 3.0])
def test_points_stay_on_a_moving_face(sides_per_s):
    """To and fro over the picture, its middle is found within 1.5 px in every frame."""
    follow, _ = tracker()
    for i in range(60):
        x = 200 + 90 * np.sin(sides_per_s * 2 * RADIUS * i / FPS / 90)
        (face,) = follow(scene((x, 140)), i / FPS)
        assert face.points_xy.mean(axis=0) == pytest.approx([x, 140], abs=1.5)


def test_a_quick_face_leaves_its_crop_unless_the_crop_moves_on():
    """At 6 sides a second, a fifth a frame: within 2 px; without moving on, further off or lost."""
    errors = {}
    for ahead_s in (0.1, 0.0):
        follow, discs = tracker(replace(PLAIN, ahead_s=ahead_s, faces=1))
        start = 60.0
        for i in range(20):
            start += 6 * 2 * RADIUS / FPS * min(i / 8, 1)
            faces = follow(scene((start, 140)), i / FPS)
        errors[ahead_s] = abs(faces[0].points_xy[:, 0].mean() - start) if discs.looks == 1 else np.inf
    assert errors[0.1] < 2 < errors[0.0]


@pytest.mark.parametrize("settings", [PLAIN, Tracking()])
def test_a_frame_that_is_not_later_is_refused_and_changes_nothing(settings):
    """At the same time, an instant later, earlier or at none: an error, and the frames after it as without it."""
    found = []
    for wrong in ((), (0.0, 1e-9, -0.5, float("nan"), float("inf"))):
        follow, discs = tracker(settings)
        for i in range(4):
            (face,) = follow(scene((100 + 5 * i, 120)), 3 + i / FPS)
            found.append((face.track, face.points_xy, face.box_xyxy, discs.looks, discs.predictions))
            for seconds in wrong:
                with pytest.raises(ValueError, match=r"expected a frame later than the one at 3(\.\d+)? s, got one at"):
                    follow(scene((300, 200)), 3 + i / FPS + seconds)
    for plain, after in zip(found[:4], found[4:], strict=True):
        assert all(np.array_equal(*pair) for pair in zip(plain, after, strict=True))


def test_frames_may_come_at_any_pace():
    """At intervals between 5 and 150 ms an evenly moving face is followed within 2 px, with one look."""
    follow, discs = tracker(replace(PLAIN, faces=1))
    seconds = np.cumsum(np.random.default_rng(0).uniform(0.005, 0.15, 40))
    for now in seconds:
        x = 50 + 60 * now
        (face,) = follow(scene((x, 140)), float(now))
        assert face.points_xy.mean(axis=0) == pytest.approx([x, 140], abs=2)
    assert discs.looks == 1


def test_a_second_face_is_found_within_a_second_and_keeps_its_number():
    """The first stays 1, the newcomer is 2, and the detector has looked once a second."""
    follow, discs = tracker(replace(PLAIN, faces=3))
    for i in range(91):
        centres = [(100, 120)] + ([(300, 150)] if i >= 10 else [])
        faces = follow(scene(*centres), i / FPS)
        assert [f.track for f in faces] == ([1, 2] if i >= FPS else [1])
    assert faces[1].points_xy.mean(axis=0) == pytest.approx([300, 150], abs=1)
    assert discs.looks == 4


def test_no_more_faces_than_wanted():
    """Of three, two are followed, and then the detector rests."""
    follow, discs = tracker(replace(PLAIN, faces=2))
    for i in range(40):
        assert len(follow(scene((60, 60), (200, 200), (330, 90)), i / FPS)) == 2
    assert discs.looks == 1


def test_a_face_that_leaves_the_picture_is_lost():
    """Followed until half of it is out, then not; the detector looks in every frame from then on."""
    follow, discs = tracker(replace(PLAIN, faces=1))
    seen = [len(follow(scene((340 + 3 * i, 140)), i / FPS)) for i in range(40)]
    last = 340 + 3 * max(i for i, n in enumerate(seen) if n)
    assert SIZE_WH[0] - RADIUS / 2 < last < SIZE_WH[0] + RADIUS / 2
    assert discs.looks > 5


@pytest.mark.parametrize(("away_s", "number"), [(0.5, 1), (1.5, 2)])
def test_a_face_found_again_has_its_number_back_for_a_second(away_s, number):
    """Where it was lost; after that it counts as another face."""
    follow, _ = tracker()
    for i in range(5):
        follow(scene((150, 140)), i / FPS)
    for i in range(5, 5 + round(away_s * FPS)):
        assert follow(scene(), i / FPS) == []
    (face,) = follow(scene((155, 140)), 5 / FPS + away_s)
    assert face.track == number


def test_a_face_that_appears_elsewhere_is_another():
    """Even at once."""
    follow, _ = tracker()
    follow(scene((80, 80)), 0.0)
    (face,) = follow(scene((300, 220)), 1 / FPS)
    assert face.track == 2


def test_a_number_is_never_given_again():
    """Three faces one after the other, far apart in time, at one place: 1, 2, 3."""
    follow, _ = tracker()
    numbers = [follow(scene((150, 140)), 10.0 * i)[0].track for i in range(3) if follow(scene(), 10.0 * i - 5) == []]
    assert numbers == [1, 2, 3]


def test_unsure_points_end_a_track():
    """A face that fades below the least confidence is lost, one just above it is not."""
    for level, kept in ((0.6, 1), (0.3, 0)):
        follow, _ = tracker(replace(PLAIN, min_confidence=0.45))
        follow(scene((150, 140)), 0.0)
        assert len(follow(scene((150, 140), level=round(255 * level)), 0.1)) == kept


@pytest.mark.parametrize(("floor", "wanted", "kept"), [(0.7, None, 0), (0.5, None, 1), (0.7, 0.5, 1), (0.5, 0.7, 0)])
def test_a_network_s_own_floor_ends_a_track_unless_another_is_wanted(floor: float, wanted: float | None, kept: int):
    """A face of 0.6, in a film and, by the network's alone, in a photo."""
    follow, discs = tracker(replace(PLAIN, min_confidence=wanted))
    discs.confidence_floor = floor
    follow(scene((150, 140)), 0.0)
    faded = scene((150, 140), level=round(255 * 0.6))
    assert len(follow(faded, 0.1)) == kept
    (face,) = landmarks_in(faded, discs.detector, discs)
    assert (face.sure, face.confidence_floor) == (floor < 0.6, floor)


def test_two_tracks_on_one_face_become_one():
    """Two faces meet and one goes behind the other: one of the two numbers remains, once."""
    follow, _ = tracker(replace(PLAIN, faces=2, look_again_s=100))
    for i in range(61):
        faces = follow(scene((100 + 1.5 * i, 140), (300 - 1.5 * i, 140)), i / FPS)
    for i in range(61, 80):
        faces = follow(scene((200, 140)), i / FPS)
    assert len(faces) == 1
    assert faces[0].points_xy.mean(axis=0) == pytest.approx([200, 140], abs=2)


def test_smoothing_steadies_points_but_not_the_crop():
    """With a trembling network the smoothed points move less than half as much; the crops' boxes are the same."""

    class Trembling(Discs):
        def __call__(self, crop: np.ndarray) -> Prediction:
            found = super().__call__(crop)
            shift = np.random.default_rng(self.predictions).normal(0, 0.4, (68, 2))
            return Prediction(points_xy=found.points_xy + shift, confidence=found.confidence)

    points, boxes = [], []
    for settings in (PLAIN, Tracking()):
        discs = Trembling()
        follow = FaceTracker(discs.detector, discs, settings)
        faces = [follow(scene((150, 140)), i / FPS)[0] for i in range(40)]
        points.append(np.diff([f.points_xy for f in faces], axis=0)[10:])
        boxes.append([f.box_xyxy for f in faces])
    assert np.abs(points[1]).mean() < np.abs(points[0]).mean() / 2
    assert np.array_equal(boxes[0], boxes[1])


def test_points_that_collapse_are_no_face_and_no_error():
    """A network that puts all points in one place, sure of them: never a face, and the next frame goes on."""

    class Collapsed(Discs):
        def __call__(self, crop: np.ndarray) -> Prediction:
            return Prediction(points_xy=np.full((68, 2), 31.0), confidence=np.ones(68))

    discs = Collapsed()
    follow = FaceTracker(discs.detector, discs, PLAIN)
    assert [follow(scene((150, 140)), i / FPS) for i in range(3)] == [[], [], []]


def test_points_that_grow_without_end_are_no_face_and_no_error():
    """A network that fills every crop, turned by an eighth: each crop is larger than the one before, for 200 frames."""

    class Growing(Discs):
        def __call__(self, crop: np.ndarray) -> Prediction:
            points_xy = np.full((68, 2), 31.5) + 31 * SHAPE
            points_xy[[36, 45]] = (12, 12), (51, 51)
            return Prediction(points_xy=points_xy, confidence=np.ones(68))

    discs = Growing()
    follow = FaceTracker(discs.detector, discs, PLAIN)
    sides = [np.ptp(f.box_xyxy[[0, 2]]) for i in range(200) for f in follow(scene((150, 140)), i / FPS)]
    assert 2 * SIZE_WH[0] < max(sides) < 8 * SIZE_WH[0]


@pytest.mark.parametrize("setting", [{"faces": 0}, {"min_confidence": 1.5}, {"min_inside": -0.1}])
def test_settings_that_mean_nothing_are_refused(setting):
    """Before any frame."""
    with pytest.raises(ValueError, match=r"expected one face|must be from 0 to 1"):
        Tracking(**setting)


def moved(image: np.ndarray, x: float = 0) -> np.ndarray:
    """(240, 320, 3) of the middle, moved."""
    matrix = np.array([[0.8, 0, x - 40.0], [0, 0.8, 0]])
    return cv2.warpAffine(image, matrix, (320, 240), borderMode=cv2.BORDER_REFLECT)


class Constant:
    """A face that is always at one place, in whatever is shown."""

    scheme, size_px, engine, timed = W300_68, 64, "constant", False
    confidence_floor = CONFIDENCE_FLOOR

    def detector(self, image: np.ndarray) -> list[Detection]:
        box_xyxy = np.array([100.0, 60, 200, 160])
        return [Detection(box_xyxy=box_xyxy, score=0.9, keypoints_xy=np.array([[130.0, 90], [170, 90]] * 3))]

    def __call__(self, crop: np.ndarray) -> Prediction:
        points_xy = np.random.default_rng(0).uniform(7, 57, (68, 2))
        points_xy[[36, 45]] = (20, 25), (44, 25)
        return Prediction(points_xy=points_xy, confidence=np.full(68, 0.9))


def test_another_person_after_a_cut_has_another_number() -> None:
    """At the same place, at once; and the one before the cut does not come back with the number of the other."""
    face = Constant()
    follow = FaceTracker(face.detector, face)
    scenes = [moved(data.astronaut())] * 3 + [moved(data.coffee())] * 3 + [moved(data.astronaut())] * 3
    numbers = [follow(image, i / 30)[0].track for i, image in enumerate(scenes)]
    assert numbers == [1, 1, 1, 2, 2, 2, 3, 3, 3]


class Two:
    """A detector and a landmarker of two people, told apart by what is drawn on them; the second stands in front."""

    scheme, size_px, engine, timed = W300_68, 64, "two", False
    confidence_floor = CONFIDENCE_FLOOR
    looks = (((210, 60, 60), (90, 20, 20)), ((60, 200, 90), (200, 220, 60)))
    """Of each person the upper and the lower half."""
    half = 30

    def scene(self, *centres: tuple[float, float]) -> np.ndarray:
        """A gray room with both at their places."""
        image = np.full((240, 400, 3), 128, np.uint8)
        self.mask = np.zeros((240, 400), int)
        for number, (x, y) in enumerate(centres):
            left, top, high = round(x) - self.half, round(y) - self.half, round(y)
            for part, colour in zip((slice(top, high), slice(high, high + self.half)), self.looks[number], strict=True):
                image[part, left : left + 2 * self.half] = colour
                self.mask[part, left : left + 2 * self.half] = number + 1
        self.image = image
        return image

    def detector(self, image: np.ndarray) -> list[Detection]:
        """Those of whom half can be seen."""
        found = []
        for number in (1, 2):
            y, x = np.nonzero(self.mask == number)
            if len(x) > 2 * self.half**2:
                box_xyxy = np.array([x.min(), y.min(), x.max(), y.max()], float)
                eyes = np.array([[box_xyxy[0] + 10, y.min() + 15.0], [box_xyxy[2] - 10, y.min() + 15.0]])
                found.append(Detection(box_xyxy=box_xyxy, score=0.9, keypoints_xy=np.tile(eyes, (3, 1))))
        return found

    def __call__(self, crop: np.ndarray) -> Prediction:
        """Points on whom the crop shows most of."""
        seen = []
        for looks in self.looks:
            parts = [np.abs(crop.astype(int) - colour).sum(axis=2) < 40 for colour in looks]
            seen.append(parts[0] | parts[1])
        y, x = np.nonzero(max(seen, key=np.sum))
        if len(x) < 64:
            return Prediction(points_xy=32 + 20 * SHAPE, confidence=np.zeros(68))
        low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()])
        return Prediction(points_xy=(low + high) / 2 + (high - low) / 2 * SHAPE, confidence=np.full(68, 0.9))


def numbers_by_person(two: Two, paths: list[tuple[tuple[float, float], tuple[float, float]]]) -> list[tuple[int, int]]:
    """In every frame the numbers of the faces nearest to each of both; -1 where there is none within 12 px."""
    follow = FaceTracker(two.detector, two, replace(PLAIN, faces=2, look_again_s=0.2))
    out = []
    for i, places in enumerate(paths):
        faces = follow(two.scene(*places), i / FPS)
        near = [min(faces, key=lambda f: abs(f.points_xy[:, 0].mean() - x), default=None) for x, _ in places]
        out.append(
            tuple(
                -1 if face is None or abs(face.points_xy[:, 0].mean() - x) > 12 else face.track
                for face, (x, _) in zip(near, places, strict=True)
            )
        )
    return out


CROSSINGS = {
    "walking past": [((80 + 3 * i, 120), (320 - 3 * i, 120)) for i in range(80)],
    "slowly": [((100 + 1.2 * i, 120), (300 - 1.2 * i, 120)) for i in range(170)],
    "one stands": [((200, 120), (60 + 4 * i, 122)) for i in range(70)],
    "the one behind turns back": [((120 + 3 * min(i, 60 - i), 120), (210, 118)) for i in range(60)],
    "half": [((80 + 3 * i, 100), (320 - 3 * i, 128)) for i in range(80)],
}


@pytest.mark.parametrize("path", CROSSINGS.values(), ids=CROSSINGS)
def test_people_who_cross_keep_their_numbers(path: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    """Before and after, the one in front all the time, though crops go on with the wrong face; no third is given."""
    numbers = numbers_by_person(Two(), path)
    assert set(numbers[5]) == {1, 2}
    assert numbers[-1] == numbers[5]
    assert {pair[1] for pair in numbers} <= {numbers[5][1], -1}
    assert {pair[0] for pair in numbers} <= {1, 2, -1}


def test_somebody_else_at_the_place_of_a_lost_face_is_another() -> None:
    """Within the time in which the number would come back."""
    two, numbers = Two(), []
    follow = FaceTracker(two.detector, two, PLAIN)
    for i, places in enumerate([((200, 120),)] * 5 + [()] * 6 + [((-500, 0), (200, 120))] * 5):
        numbers.append([f.track for f in follow(two.scene(*places), i / FPS)])
    assert numbers[4] == [1] and numbers[8] == [] and numbers[-1] == [2]


def test_somebody_else_in_the_same_room_after_a_cut_is_another() -> None:
    """Though the room is the same, and the face never lost."""
    two, numbers = Two(), []
    follow = FaceTracker(two.detector, two, PLAIN)
    for i, places in enumerate([((200, 120),)] * 5 + [((-500, 0), (200, 120))] * 5):
        numbers.append([f.track for f in follow(two.scene(*places), i / FPS)])
    assert numbers == [[1]] * 5 + [[2]] * 5


@pytest.mark.parametrize("zoom", [0.5, 2.0])
def test_a_film_that_changes_its_size_alone_keeps_its_numbers(zoom: float) -> None:
    """In the frame in which it does, and where it was; the other way round again."""
    two, seen = Two(), []
    follow = FaceTracker(two.detector, two, replace(PLAIN, look_again_s=100.0))
    for i, times in enumerate((1.0,) * 4 + (zoom,) * 4 + (1.0,) * 4):
        scene = two.scene((200 + i, 120))
        image = cv2.resize(scene, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
        seen += [(f.track, f.points_xy.mean(axis=0) / times) for f in follow(image, i / FPS)]
    assert [number for number, _ in seen] == [1] * 12
    assert all(np.abs(at[0] - 200 - i) < 4 for i, (_, at) in enumerate(seen))


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_film_that_is_turned_midway_keeps_its_numbers(quarter: int) -> None:
    """In the frame in which it is, and where the face then is and moves to; turned back again."""
    two, seen = Two(), []
    follow = FaceTracker(two.detector, two, replace(PLAIN, look_again_s=100.0))
    for i, turns in enumerate((0,) * 4 + (quarter,) * 4 + (0,) * 4):
        room = two.scene((150 + 4 * i, 80))
        room[:90][two.mask[:90] == 0] = 20  # dark above
        for face in follow(np.ascontiguousarray(np.rot90(room, turns)), i / FPS):
            y, x = np.nonzero(np.rot90(two.mask, turns))
            seen.append((face.track, round(face.roll_deg), np.abs(face.points_xy.mean(axis=0) - (x.mean(), y.mean()))))
    assert [number for number, _, _ in seen] == [1] * 12
    assert [roll % 360 for _, roll, _ in seen] == [0] * 4 + [-90 * quarter % 360] * 4 + [0] * 4
    assert max(off.max() for _, _, off in seen) < 4


def test_a_scene_that_is_another_when_the_film_is_turned_is_a_cut() -> None:
    """Of a shape that was turned, though of nothing that was seen before."""
    cuts = Cuts()
    assert [cuts(image) for image in (moved(data.astronaut()), np.rot90(moved(data.coffee())))] == [False, True]
    assert cuts.reframed is None
