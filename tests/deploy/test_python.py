"""deploy/python: the example gives the golden points and the toolkit's, and imports nothing of the toolkit."""

import ast
import base64
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from toolkit.core.files import read_json, write_json
from toolkit.core.geometry import rotation
from toolkit.core.images import read_image, write_image
from toolkit.core.quiet import no_chatter, no_tensorflow
from toolkit.core.video import VideoReader, VideoWriter
from toolkit.core.zoo import released
from toolkit.detect import Detection, FaceDetector, FaceTracker, Tracking, landmarks_in
from toolkit.detect.boxes import area
from toolkit.detect.first_crop import first_crop
from toolkit.detect.turned import faces_any_way_up, turned_back
from toolkit.landmarkers import open_model

DEPLOY = Path(__file__).parents[2] / "deploy"
GOLDEN = DEPLOY / "golden"
MODEL = released("float16")
WITHOUT_TENSORFLOW = """
import runpy, sys
sys.modules["tensorflow"] = None  # where it is installed, mediapipe waits for it
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def loaded(path: Path) -> ModuleType:
    """The file as a module, loaded the way the toolkit loads mediapipe."""
    spec = spec_from_file_location("landmarks", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with no_tensorflow(), no_chatter():
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The file where it lies."""
    return loaded(DEPLOY / "python" / "landmarks.py")


def test_a_copy_reads_the_contract_beside_it(tmp_path: Path):
    """Of another size here; without one, or with one that it cannot follow, it says what to do."""
    copy = Path(shutil.copy(DEPLOY / "python" / "landmarks.py", tmp_path / "app.py"))
    with pytest.raises(FileNotFoundError, match=r"copy it there"):
        loaded(copy)
    terms = read_json(DEPLOY / "contract.json")
    for part, change, error in (
        ("model", {"size_px": 96}, None),
        ("format", terms["format"] + 1, "newer"),
        ("input", {"layout": "image"}, "tools contract"),
    ):
        changed = {**terms[part], **change} if isinstance(change, dict) else change
        write_json(tmp_path / "contract.json", {**terms, part: changed})
        if error is None:
            assert loaded(copy).SIZE == 96
        else:
            with pytest.raises(ValueError, match=error):
                loaded(copy)


def test_the_golden_geometry(example: ModuleType):
    """Boxes and rolls of points and of the detector, to a millionth of a pixel."""
    golden = read_json(GOLDEN / "geometry.json")
    for case in golden["calibration"]:
        box = example.calibrated(np.array(case["detector_xyxy"]), case["roll_deg"])
        assert box == pytest.approx(np.array(case["box_xyxy"]), abs=1e-6)
    for case in golden["first_crop"]:
        box, roll = example.first_crop(np.array(case["detector_xyxy"]), np.array(case["keypoints_xy"]))
        assert [*box, roll] == pytest.approx([*case["box_xyxy"], case["roll_deg"]], abs=1e-6)
    for case in golden["around"]:
        points = np.zeros((68, 2)) + case["points_xy"][2]
        points[:3] = case["points_xy"][2:]
        points[example.TURNING["eyes"]] = case["points_xy"][:2]
        box, roll = example.turned_around(points)
        assert [*box, roll] == pytest.approx([*case["box_xyxy"], case["roll_deg"]], abs=1e-6)


def moving(roll_deg: float = 0.0) -> list[tuple[float, np.ndarray]]:
    """The astronaut swinging to either side and back within a second: 320 x 240 at an uneven pace; or turned."""
    frames, seconds = [], 0.0
    for number in range(24):
        x = 160 + 50 * np.sin(2 * np.pi * seconds)
        turn = rotation(roll_deg)
        shift = np.column_stack([turn, (x, 120) - turn @ (225, 130)])
        frames.append((seconds, cv2.warpAffine(data.astronaut(), shift, (320, 240), borderMode=cv2.BORDER_REPLICATE)))
        seconds += 0.03 + 0.02 * (number % 3 == 0)
    return frames


def test_it_depends_on_the_runtime_alone():
    """NumPy, OpenCV, MediaPipe and LiteRT besides the standard library; and it stays a file to read in one go."""
    allowed = {"numpy", "cv2", "mediapipe", "ai_edge_litert"}
    for name, more in (("landmarks.py", set()), ("demo.py", {"landmarks"})):
        source = (DEPLOY / "python" / name).read_text()
        imported = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
        assert imported - sys.stdlib_module_names <= allowed | more
        assert len(source.splitlines()) < 300


def test_the_golden_faces(example: ModuleType):
    """Points and confidence of every golden face, within the tolerance that its file states."""
    golden = read_json(GOLDEN / "faces.json")
    network = example.Network(MODEL)
    for face in golden["faces"]:
        image = read_image(GOLDEN / face["picture"])
        points, confidence = network(image, np.array(face["box_xyxy"]), face["roll_deg"])
        linear = np.array(face["matrix"])[:, :2]
        scale = np.sqrt(np.linalg.det(linear))
        assert np.abs(points - face["points_xy"]).max() * scale < 0.02
        assert confidence == pytest.approx(np.array(face["confidence"]), abs=0.001)
        pixels = np.frombuffer(base64.b64decode(face["crop_rgb"]), np.uint8).reshape(example.SIZE, -1, 3)
        cut = example.cut(image, linear, np.array(face["matrix"])[:, 2])
        assert np.abs(cut.astype(int) - pixels).max() <= 1


def test_the_golden_smoothing(example: ModuleType):
    """Every golden frame, to a millionth of a pixel."""
    smoother = example.Smoother()
    for frame in read_json(GOLDEN / "smoothing.json")["frames"]:
        found = smoother(np.array(frame["points_xy"]), frame["seconds"])
        assert found == pytest.approx(np.array(frame["smooth_xy"]), abs=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("roll_deg", [0, 37])
def test_a_video_has_the_toolkits_points(example: ModuleType, roll_deg: float):
    """Followed through quick turns at an uneven pace: within 0.05 px of the toolkit's on average.

    Rounding grows as each crop follows the points before; a rule that is another one costs more than 0.1 px.
    """
    detector = FaceDetector(0)

    def boxes(image: np.ndarray, quarters: list[int]) -> list[list[tuple[np.ndarray, float]]]:
        return [[example.first_crop(face.box_xyxy, face.keypoints_xy)] for face in detector(image)]

    ours = FaceTracker(detector, open_model(MODEL), Tracking(faces=1))
    theirs = example.Tracker(boxes, example.Network(MODEL))
    frames = moving(roll_deg)
    assert ours(np.full_like(frames[0][1], 99), -1.0) == []
    assert theirs(np.full_like(frames[0][1], 99), -1.0) is None
    off = []
    for seconds, image in frames:
        (face,) = ours(image, seconds)
        off.append(np.abs(theirs(image, seconds) - face.points_xy))
    assert np.mean(off) < 0.05 and np.max(off) < 2
    assert ours(np.full_like(frames[0][1], 99), 9.0) == []
    assert theirs(np.full_like(frames[0][1], 99), 9.0) is None
    detector.close()


def test_a_frame_that_is_not_later_is_refused(example: ModuleType):
    """And the next one is followed as if it had not been."""
    found = []
    for wrong in ((), (0.0, -1.0, float("nan"))):
        tracker = example.Tracker(lambda *_: [[(np.array([170.0, 70, 280, 200]), 0.0)]], example.Network(MODEL))
        tracker(data.astronaut(), 1.0)
        for seconds in wrong:
            with pytest.raises(ValueError, match=r"cannot follow one at 1\.0 s"):
                tracker(data.astronaut(), seconds + 1)
        found.append(tracker(np.roll(data.astronaut(), 3, axis=1), 1.1))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_face_on_its_side_or_head_is_found(example: ModuleType, quarter: int):
    """Turned by quarters, the photo's points turn with it: 2 px apart on average at most, on a face of 100 px."""
    photo = data.astronaut()
    tracker = example.Tracker(example.Detector(), example.Network(MODEL))
    upright = tracker.photo(photo)
    turned = tracker.photo(np.rot90(photo, quarter).copy())
    for _ in range(quarter):  # a quarter to the right in a square picture
        turned = np.stack([len(photo) - 1 - turned[:, 1], turned[:, 0]], axis=1)
    assert np.linalg.norm(turned - upright, axis=1).mean() < 2


def scripted(example: ModuleType, seen: dict[int, list[Detection]]) -> tuple[Any, list[int]]:
    """A detector that sees these faces after so many quarter turns, in the picture as it is; and how often it looks."""
    looks: list[int] = []

    class Scripted(example.Detector):
        def __init__(self) -> None: ...

        def look(self, image: np.ndarray, quarter: int) -> list[tuple[float, np.ndarray, np.ndarray]]:
            looks.append(quarter)
            return [(face.score, face.box_xyxy, face.keypoints_xy) for face in seen.get(quarter, [])]

    return Scripted(), looks


def faces(rng: np.random.Generator) -> list[Detection]:
    """Up to three, anywhere in a picture of 320 x 240, the largest first, some of them over others, clear or not."""
    found = []
    for _ in range(rng.integers(4)):
        low, side = rng.uniform(0, 180, 2), rng.uniform(30, 90)
        keypoints = low + side * rng.uniform(0.2, 0.8, (6, 2))
        box = np.concatenate([low, low + side])
        found.append(Detection(box_xyxy=box, score=rng.uniform(0.6, 1), keypoints_xy=keypoints))
    return sorted(found, key=lambda face: -area(face.box_xyxy))


@pytest.mark.parametrize("seed", range(40))
def test_views_of_one_face_are_put_together_as_the_toolkit_does(example: ModuleType, seed: int):
    """Up to three people, seen from any side: the same faces, views and crops, in the same order, by as many looks."""
    rng, image = np.random.default_rng(seed), np.zeros((240, 320, 3), np.uint8)
    seen = {quarter: faces(rng) for quarter in range(4)}
    looked: list[int] = []

    def detector(turned: np.ndarray) -> list[Detection]:
        quarter = int(turned[0, 0, 0])
        looked.append(quarter)
        back = (-quarter) % 4  # as they are seen there
        height, width = turned.shape[:2]
        return [turned_back(face, back, width, height) for face in seen[quarter]]

    marked = image.copy()
    for quarter, (y, x) in enumerate(((0, 0), (0, -1), (-1, -1), (-1, 0))):
        marked[y, x] = quarter  # the corner that is the first after so many turns
    for quarters in ([1, 3, 2], [3]):
        ours = faces_any_way_up(marked, detector, quarters)
        theirs, looks = scripted(example, seen)
        found = theirs(image, quarters)
        assert looks == looked
        assert [len(views) for views in found] == [len(views) for views in ours]
        for views, expected in zip(found, ours, strict=True):
            for (box, roll), face in zip(views, expected, strict=True):
                crop, turn_deg = first_crop(face)
                assert [*box, roll] == pytest.approx([*crop, turn_deg], abs=1e-6)  # px, degrees
        looked.clear()


def test_a_film_without_a_face_is_looked_at_from_one_more_side_a_frame(example: ModuleType):
    """Another one each time; a photo from all four."""
    detector, looks = scripted(example, {})
    tracker, frame = example.Tracker(detector, None), np.zeros((240, 320, 3), np.uint8)
    assert [tracker(frame, number / 30) for number in range(4)] == [None] * 4
    assert looks == [0, 1, 0, 3, 0, 2, 0, 1]
    looks.clear()
    assert tracker.photo(frame) is None
    assert looks == [0, 1, 3, 2]


def test_what_has_no_area_is_no_face(example: ModuleType):
    """Flat, back to front, or nowhere: MediaPipe's other faces are left."""
    keypoints = [SimpleNamespace(x=x, y=y) for x, y in ((0.4, 0.4), (0.5, 0.4), (0.45, 0.5))]

    def seen(left: float, width: float) -> SimpleNamespace:
        box = SimpleNamespace(xmin=left, ymin=0.3, width=width, height=0.3)
        where = SimpleNamespace(relative_bounding_box=box, relative_keypoints=keypoints)
        return SimpleNamespace(score=[0.9], location_data=where)

    detector = example.Detector.__new__(example.Detector)
    found = SimpleNamespace(detections=[seen(0.3, width) for width in (0.3, 0.0, -0.3, np.nan)])
    detector.detect = lambda image: found
    assert len(detector.look(np.zeros((240, 320, 3), np.uint8), 0)) == 1
    found.detections = None
    assert detector.look(np.zeros((240, 320, 3), np.uint8), 0) == []


def test_no_crop_is_predicted_twice(example: ModuleType):
    """Whether the first crop of a new face is in place or not."""
    network, crops = example.Network(MODEL), []

    def counted(image: np.ndarray, box: np.ndarray, roll: float) -> tuple[np.ndarray, np.ndarray]:
        crops.append((*box, roll))
        return network(image, box, roll)

    (face,) = (detector := FaceDetector(0))(data.astronaut())
    detector.close()
    for beside in (0, 12):
        aside = replace(face, box_xyxy=face.box_xyxy + beside, keypoints_xy=face.keypoints_xy + beside)
        crops.clear()
        assert example.Tracker(scripted(example, {0: [aside]})[0], counted)(data.astronaut(), 0.0) is not None
        assert len(crops) == len(set(crops)) == (2 if beside else 1)


def test_a_photo_from_the_detector_on(example: ModuleType):
    """Its one look and the toolkit's closer ones give points 2 px apart on average at most, on a face of 100 px."""
    detector = FaceDetector()
    (face,) = landmarks_in(data.astronaut(), detector, open_model(MODEL))
    detector.close()
    points = example.Tracker(example.Detector(), example.Network(MODEL)).photo(data.astronaut())
    assert np.linalg.norm(points - face.points_xy, axis=1).mean() < 2


@pytest.mark.slow
def test_the_demo_runs_as_its_readme_says(tmp_path: Path):
    """A photo and a video to files; what is neither is one line and a status that is not 0."""
    write_image(tmp_path / "in.png", data.astronaut())
    with VideoWriter(tmp_path / "in.mp4", (320, 240)) as writer:
        for seconds, image in moving()[:5]:
            writer.write(image, seconds)

    def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT_TENSORFLOW, str(DEPLOY / "python" / "demo.py"), str(MODEL), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "1 frames" in demo("in.png", "out.png").stdout
    assert (read_image(tmp_path / "out.png") != data.astronaut()).any(axis=2).sum() > 68
    assert "5 frames" in demo("in.mp4", "out.mp4").stdout
    assert len(list(VideoReader(tmp_path / "out.mp4"))) == 5
    failed = demo("none.mp4", "out.mp4")
    assert failed.returncode != 0
    assert "nothing to see at none.mp4" in failed.stderr
