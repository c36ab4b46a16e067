"""Which labels are wrong or doubtful, and which faces show the same."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.faces import face_points
from toolkit.core.images import write_image
from toolkit.core.schemes import W300_68
from toolkit.data import Subset, open_folder
from toolkit.data.audit import NEAR_BITS, doubtful, fingerprint, inspect, labels_of, same_pictures, told, warning
from toolkit.data.formats.pts import write_pts
from toolkit.data.labels import Label, inside
from toolkit.data.sets import Mix, Portion
from toolkit.data.synthetic import SyntheticFaces

FACE = face_points((5, 5, 55, 55))


def folder(path: Path) -> Path:
    """Two faces, the second with x and y swapped."""
    for name, points in (("a", FACE), ("b", FACE[:, ::-1])):
        write_image(path / f"{name}.png", np.zeros((60, 60, 3), np.uint8))
        (path / f"{name}.pts").write_text(write_pts(points))
    return path


def test_a_set_a_part_of_it_and_a_mixture_are_looked_at(tmp_path: Path) -> None:
    """Synthetic faces have no labels that could be wrong."""
    faces, drawn = open_folder(folder(tmp_path), test=True), SyntheticFaces(3)
    (problem,) = doubtful(faces)
    assert str(problem) == f"{tmp_path}/b.pts: x and y are swapped"
    assert doubtful(Subset(faces, [0], "good")) == [] and doubtful(Subset(faces, [1], "bad")) == [problem]
    assert doubtful(drawn) == [] and labels_of(drawn) is None
    assert doubtful(Mix([Portion(faces=faces), Portion(faces=drawn)])) == [problem]


def test_the_warning_is_one_line(tmp_path: Path) -> None:
    """How many, where all are told, and the first."""
    faces = open_folder(folder(tmp_path), test=True)
    text = f"wrong labels? 1 in 2 faces (`sdhrnet data check` lists them), first {tmp_path}/b.pts: x and y are swapped"
    assert warning(faces) == text
    assert warning(Subset(faces, [0], "good")) == ""


def test_it_is_told_while_a_command_runs(tmp_path: Path) -> None:
    """As a line to keep; nothing is said of good faces."""
    faces = open_folder(folder(tmp_path), test=True)
    assert [step.text for step in told(faces)] == [warning(faces)]
    assert list(told(Subset(faces, [0], "good"))) == []


BOX = np.array([60.0, 40.0, 220.0, 190.0])
BESIDE = BOX + np.array([30.0, 25.0, 60.0, 45.0])
"""Of another face of the same picture."""
POINTS = np.random.default_rng(0).uniform(BOX[:2], BOX[2:], (68, 2))


def scene(seed: int) -> np.ndarray:
    """(240, 300, 3), smooth and unlike that of another seed."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 15, 3), dtype=np.uint8)
    return cv2.resize(small, (300, 240), interpolation=cv2.INTER_CUBIC)


def label(path: Path, image: np.ndarray, box: np.ndarray = BOX) -> Label:
    write_image(path, image)
    return Label(name=path.stem, source=str(path), group=path.stem, picture=path, points_xy=POINTS, box_xyxy=box)


def bits(first: np.ndarray, second: np.ndarray) -> int:
    return int((first != second).sum())


def test_a_copy_in_other_size_light_or_quality_has_nearly_the_same_fingerprint() -> None:
    """Halved, darkened or compressed: within NEAR_BITS of 256. Another scene, or the mirror image, is far away."""
    plain = fingerprint(scene(0), BOX)
    assert plain.shape == (256,)
    half = cv2.resize(scene(0), (150, 120), interpolation=cv2.INTER_AREA)
    assert bits(plain, fingerprint(half, (BOX + 0.5) / 2 - 0.5)) <= NEAR_BITS
    assert bits(plain, fingerprint((scene(0) * 0.5).astype(np.uint8), BOX)) <= NEAR_BITS
    packed = cv2.imdecode(cv2.imencode(".jpg", scene(0), [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR)
    assert bits(plain, fingerprint(packed, BOX)) <= NEAR_BITS
    assert bits(plain, fingerprint(scene(1), BOX)) > 80
    assert bits(plain, fingerprint(np.ascontiguousarray(scene(0)[:, ::-1]), BOX)) > 80


def test_pairs_are_found_within_and_across_splits(tmp_path: Path) -> None:
    """The same file twice, a copy of another quality, and another face of a picture that the other split has too."""
    looks = [
        inspect(label(tmp_path / "a.png", scene(0)), "train", W300_68),
        inspect(label(tmp_path / "b.png", scene(0)), "train", W300_68),
        inspect(label(tmp_path / "c.png", np.clip(scene(0) * 0.8 + 9, 0, 255).astype(np.uint8)), "test", W300_68),
        inspect(label(tmp_path / "d.png", scene(0), BESIDE), "test", W300_68),
        inspect(label(tmp_path / "e.png", scene(5)), "test", W300_68),
    ]
    pairs = {(a.label.name, b.label.name, exact) for a, b, exact in same_pictures(looks)}
    assert pairs == {
        ("a", "b", True), ("a", "c", False), ("b", "c", False),
        ("a", "d", True), ("b", "d", True),
    }  # fmt: skip


def test_other_faces_of_one_picture_in_one_split_are_no_copies(tmp_path: Path) -> None:
    """300W gives a photo once for every face in it."""
    looks = [
        inspect(label(tmp_path / "a.png", scene(0)), "train", W300_68),
        inspect(label(tmp_path / "b.png", scene(0), BESIDE), "train", W300_68),
    ]
    assert list(same_pictures(looks)) == []
    assert list(same_pictures([])) == []


def test_a_picture_within_a_file_is_known_by_its_pixels() -> None:
    """COFW's pictures have no file of their own."""

    def of(seed: int) -> Label:
        image = scene(seed)
        return Label(
            name=str(seed), source=f"face {seed}", group="g", picture=lambda: image, points_xy=POINTS, box_xyxy=BOX
        )

    first, again, other = (inspect(of(seed), "train", W300_68) for seed in (0, 0, 1))
    assert first.digest == again.digest != other.digest


@pytest.mark.parametrize(
    ("point", "expected"),
    [((-0.5, 0), True), ((-0.6, 0), False), ((299.5, 239.5), True), ((299.6, 0), False), ((0, 239.6), False)],
)
def test_a_picture_ends_half_a_pixel_beyond_its_centres(point: tuple[float, float], expected: bool) -> None:
    """300 x 240 pixels cover -0.5 to 299.5 and 239.5."""
    assert inside(np.array([point]), scene(0)).tolist() == [expected]
