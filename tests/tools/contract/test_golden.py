"""The golden files: Python still gives what they say, from the files alone, as every other platform must."""

import base64
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit import runtime
from toolkit.core import heatmap
from toolkit.core.files import read_json, sha256
from toolkit.core.geometry import Crop, Pose, crop_of_box, cut
from toolkit.core.images import read_image
from toolkit.core.schemes import W300_68
from toolkit.core.smoothing import OneEuro, Smoother
from toolkit.core.zoo import WEIGHTS
from toolkit.detect import Detection
from toolkit.detect.blazeface import letterboxed
from toolkit.detect.boxes import Calibration, calibrate
from toolkit.detect.tracking import FaceTracker, Tracking
from toolkit.detect.turned import crop_around
from toolkit.runtime.landmarker import Prediction
from tools.contract.golden import heatmaps, kept_faces, pattern

DEPLOY = Path(__file__).parents[3] / "deploy"
GOLDEN = DEPLOY / "golden"


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    return read_json(DEPLOY / "contract.json")


def pixels(encoded: str, size_px: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(size_px, size_px, 3).astype(int)


def test_boxes_become_the_matrices_of_the_rule(contract):
    """The matrix is box_scale and the longer side, worked out here from the contract's words; and goes back again."""
    for case in read_json(GOLDEN / "geometry.json")["matrices"]:
        left, top, right, bottom = case["box_xyxy"]
        scale = case["size_px"] / (contract["crop"]["box_scale"] * max(right - left, bottom - top))
        cos, sin = np.cos(np.deg2rad(case["roll_deg"])), np.sin(np.deg2rad(case["roll_deg"]))
        linear = scale * np.array([[cos, sin], [-sin, cos]])  # against the face's turn
        centre = ((left + right) / 2, (top + bottom) / 2)
        expected = np.column_stack([linear, (case["size_px"] - 1) / 2 - linear @ centre])
        assert np.abs(np.array(case["matrix"]) - expected).max() < 1e-8  # crop px
        crop = Crop(matrix=np.array(case["matrix"]), size_px=case["size_px"])
        assert crop.to_image(np.array(case["crop_xy"])) == pytest.approx(case["image_xy"], abs=1e-5)  # image px


def test_detector_boxes_become_boxes_of_training(contract):
    """With the calibration of the contract."""
    terms = contract["detector"]["calibration"]
    calibration = Calibration(shift_xy=tuple(terms["shift_xy"]), scale_xy=tuple(terms["scale_xy"]))
    for case in read_json(GOLDEN / "geometry.json")["calibration"]:
        found = calibrate(np.array(case["detector_xyxy"]), calibration, case["roll_deg"])
        assert found == pytest.approx(case["box_xyxy"], abs=1e-8)  # image px


def test_keypoints_become_first_crops_by_the_rule(contract):
    """Worked out here from the contract's words, with complex numbers; odd keypoints leave the detector's box."""
    weights, seen = np.array(contract["detector"]["first_crop"]["weights"]), []
    for case in read_json(GOLDEN / "geometry.json")["first_crop"]:
        places, by_box = (
            np.array(case["keypoints_xy"]) @ [1, 1j],
            calibrate(np.array(case["detector_xyxy"]), turn_deg=case["roll_deg"]),
        )
        spread, turn = np.sqrt(np.var(places.real) + np.var(places.imag)), np.exp(1j * np.deg2rad(case["roll_deg"]))
        seen.append(case["box_xyxy"] == pytest.approx(by_box, abs=1e-8))
        if not seen[-1]:
            upright = (places - places.mean()) / turn / spread
            x, y, width, height = np.array([part for k in upright for part in (k.real, k.imag)] + [1]) @ weights
            middle = places.mean() + spread * turn * complex(x, y)
            found = np.array(case["box_xyxy"]) @ [[1, 0.5], [1j, 0.5j], [-1, 0.5], [-1j, 0.5j]]
            assert found == pytest.approx([-spread * complex(width, height), middle], abs=1e-6)  # image px
    assert seen == [False] * 9 + [True] * 5


def test_points_become_boxes_that_turn_with_them():
    """Level ones none, others all the way; those half-way between turn by a part."""
    found = {}
    for case in read_json(GOLDEN / "geometry.json")["around"]:
        box, roll_deg = crop_around(np.array(case["points_xy"]), replace(W300_68, eyes=tuple(case["eyes"])))
        assert [*box, roll_deg] == pytest.approx([*case["box_xyxy"], case["roll_deg"]], abs=1e-6)  # px, degrees
        found.setdefault(round(roll_deg), box[2:] - box[:2])  # upright before hardly turned
    assert set(found) == {0, 10, -10, 37, 90, 143, -180, -90}
    assert found[37] == pytest.approx(found[0], abs=0.01)  # the face's own box, and not the one around a turned face


def test_faces_of_a_turned_picture_are_where_they_were():
    """A quarter turn to the right as often as the picture was turned to the left, by NumPy's own turning."""
    for case in read_json(GOLDEN / "geometry.json")["turned_back"]:
        width, height = case["size_wh"]
        for seen, back in zip(case["seen_keypoints_xy"], case["keypoints_xy"], strict=True):
            if all(value == round(value) for value in seen):
                picture = np.zeros((height, width))
                turned = np.rot90(picture, case["quarter"])  # a view of it
                turned[int(seen[1]), int(seen[0])] = 1
                assert np.argwhere(picture)[0, ::-1].tolist() == back
        assert case["box_xyxy"][0] < case["box_xyxy"][2] and case["box_xyxy"][1] < case["box_xyxy"][3]


def test_crops_of_the_pattern_are_cut_alike():
    """`cut` gives the golden pixels within a level; a crop half a pixel off would not."""
    golden = read_json(GOLDEN / "geometry.json")
    blocks = set()
    for case in golden["crops"]:
        crop = crop_of_box(np.array(case["box_xyxy"]), case["size_px"], Pose(rotation_deg=-case["roll_deg"]))
        expected = pixels(case["crop_rgb"], case["size_px"])
        assert np.abs(cut(pattern(), crop) - expected).max() <= golden["pattern"]["tolerance_levels"]
        off = Crop(matrix=crop.matrix + np.array([[0, 0, 0.5 * crop.scale], [0, 0, 0]]), size_px=crop.size_px)
        assert np.abs(cut(pattern(), off) - expected).max() > golden["pattern"]["tolerance_levels"]
        blocks.add(max(1, int(1 / crop.scale)))
    assert blocks >= {1, 3}


@pytest.mark.parametrize("decoder", ["dark", "centroid", "quarter", "argmax"])
def test_heatmaps_are_decoded_alike(decoder: heatmap.Decoder):
    """Within the tolerance, for maps written with four decimals; the maps are those that the command writes."""
    golden = read_json(GOLDEN / "decode.json")
    width, height = golden["size_wh"]
    maps = np.array(golden["maps"], dtype=np.float32).reshape(-1, height, width)
    assert np.array_equal(maps, heatmaps(golden["sigma_px"]))
    points_xy, confidence = heatmap.decode(maps, decoder, golden["sigma_px"])
    expected = golden["expected"][decoder]
    assert np.abs(points_xy - expected["points_xy"]).max() < golden["tolerance_px"]
    assert np.abs(confidence - expected["confidence"]).max() < 1e-4


def test_the_maps_are_hard_enough():
    """DARK finds the drawn centre of a peak inside; the decoders disagree; a flat map stays at its first pixel."""
    expected = read_json(GOLDEN / "decode.json")["expected"]
    dark, quarter = (np.array(expected[d]["points_xy"]) for d in ("dark", "quarter"))
    assert dark[0] == pytest.approx(heatmap.from_heatmap(np.array([7.3, 4.8])), abs=0.02)  # crop px
    assert (np.abs(dark - quarter).max(axis=1) > 0.1).sum() >= 5
    assert dark[-1].tolist() == quarter[-1].tolist() == [1.5, 1.5]


def test_the_detector_s_steps_are_taken_alike(contract):
    """With the numbers of the contract alone: pictures become its input, and its outputs faces, as the words say."""
    golden, terms = read_json(GOLDEN / "detector.json"), contract["detector"]
    network, cases = terms["network"], golden["letterboxed"]
    side, (low, high) = network["input_px"], network["range"]
    for case in cases["pictures"]:
        left, top, right, bottom = case["part_xyxy"]
        tensor = letterboxed(np.ascontiguousarray(pattern()[top:bottom, left:right]))
        levels = (tensor - low) * 255 / (high - low)
        assert tensor.shape == (side, side, 3)
        apart = np.abs(levels[:: cases["every"], :: cases["every"]].ravel() - case["levels"])
        assert apart.max() <= cases["tolerance_levels"] and max(case["levels"]) > 150
    for case in golden["seen"]:
        found = by_the_words(case, terms)
        assert len(found) == len(case["faces"]) > 0
        for face, expected in zip(found, case["faces"], strict=True):
            assert face == pytest.approx(
                [expected["score"], *expected["box_xyxy"], *np.ravel(expected["keypoints_xy"])], abs=2e-3
            )
    assert any(len(case["faces"]) < len(case["anchors"]) for case in golden["seen"])


def test_what_is_looked_at_is_halved_by_the_words():
    """Means of blocks, black beyond the picture, odd columns and rows left out."""
    golden = read_json(GOLDEN / "detector.json")
    for case in golden["viewed"]:
        left, top, right, bottom = case["window_xyxy"]
        beyond = np.zeros((bottom - top, right - left, 3))
        inside = pattern()[max(top, 0) : bottom, max(left, 0) : right]
        beyond[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]] = inside
        (wide, high), scale = case["size_wh"], case["scale"]
        blocks = beyond[: high * scale, : wide * scale].reshape(high, scale, wide, scale, 3)
        levels = blocks.mean(axis=(1, 3)).ravel()[:: golden["viewed_every"]]
        assert np.abs(levels - case["levels"]).max() <= 1.5  # levels, rounded at each halving
        assert max(wide, high) < 2 * case["view_px"] or min(wide, high) == 1


def test_one_look_is_enough_where_large_faces_are_alone():
    """Looks and faces of each picture: by default, without tiles, and with tiles asked for."""
    cases = iter(read_json(GOLDEN / "detector.json")["searched"])
    looks = [
        [(case["looks"], len(case["found_xyxy"])) for case in three] for three in zip(cases, cases, cases, strict=True)
    ]
    near, unsure, behind, large, small, nobody = looks
    tiles = near[2][0] - 2  # the small face's own second look is one
    assert tiles > 30
    assert near == [(1, 1), (1, 1), (2 + tiles, 2)]
    assert unsure == [(2, 1), (2, 1), (3 + tiles, 2)]
    assert behind == [(2 + tiles, 2), (2, 2), (2 + tiles, 2)]  # one of two is small: there may be more
    assert large == [(2, 1), (2, 1), (2 + tiles, 1)]
    assert small[0] == small[2] and [found for _, found in small] == [1, 0, 1]
    assert [found for _, found in nobody] == [0, 0, 0] and nobody[1][0] == 2


def by_the_words(case: dict[str, Any], terms: dict[str, Any]) -> list[list[float]]:
    """Score, box and keypoints of each face, written from the contract's text and not with the toolkit's code."""
    network, size = terms["network"], np.array(case["size_wh"])
    side, longer = network["input_px"], size.max()
    centres = [
        ((column + 0.5) * stride / side, (row + 0.5) * stride / side)
        for stride, count in network["grids"]
        for row in range(side // stride)
        for column in range(side // stride)
        for _ in range(count)
    ]
    left = []
    for anchor in case["anchors"]:
        score = 1 / (1 + np.exp(-anchor["logit"]))
        (x, y, width, height), points = np.split(np.array(anchor["numbers"]) / side, [4])
        x, y = x + centres[anchor["index"]][0], y + centres[anchor["index"]][1]
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        points = points.reshape(-1, 2) + centres[anchor["index"]]
        if score >= terms["min_score"]:
            left.append((score, np.concatenate([box, points.ravel()])))
    faces = []
    while left:
        best, box = max(left, key=lambda seen: seen[0])
        same = [seen for seen in left if union_share(seen[1], box) > network["suppressed"]]
        left = [seen for seen in left if not any(seen is other for other in same)]
        mean = sum(score * values for score, values in same) / sum(score for score, _ in same)
        faces.append([best, *(mean.reshape(-1, 2) * longer + (size - longer) / 2 - 0.5).ravel()])
    return faces


def union_share(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes, by their sides."""
    width, height = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1))
    common = max(width, 0) * max(height, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def test_frames_are_smoothed_alike(contract):
    """With the settings of the contract; at rest the points are quieter, after a jump they have arrived."""
    terms = {name: value for name, value in contract["smoothing"].items() if name != "rule"}
    smoother = Smoother(OneEuro(**terms))
    frames = read_json(GOLDEN / "smoothing.json")["frames"]
    for frame in frames:
        found = smoother(np.array(frame["points_xy"]), frame["seconds"])
        assert found == pytest.approx(np.array(frame["smooth_xy"]), abs=1e-5)  # px
    raw, smooth = (np.array([f[name] for f in frames]) for name in ("points_xy", "smooth_xy"))
    assert np.abs(np.diff(smooth[:8], axis=0)).mean() < 0.7 * np.abs(np.diff(raw[:8], axis=0)).mean()
    assert np.abs(smooth - raw)[10:].max() < 15  # px, of a jump of 25


def test_a_film_is_tracked_alike(contract):
    """With the settings of the contract: the same frames looked at, the same numbers, crops and smoothed points."""
    golden = read_json(GOLDEN / "tracking.json")
    terms = contract["tracking"]
    settings = Tracking(**{f.name: terms[f.name] for f in fields(Tracking) if f.name in terms})
    now: dict[str, Any] = {}
    looked: list[float] = []

    class Script:
        scheme, size_px, engine, timed = replace(W300_68, eyes=(0, 1)), golden["size_px"], "script", False

        def __call__(self, crop: np.ndarray) -> Prediction:
            points_xy, said = np.array(now["crop_points_xy"]), now["confidence"]
            calls.append(said[min(len(calls), len(said) - 1)])
            return Prediction(points_xy=points_xy, confidence=np.full(len(points_xy), calls[-1]))

    def detect(image: np.ndarray) -> list[Detection]:
        looked.append(now["seconds"])
        quarter = next(k for k in range(4) if np.rot90(image, -k)[0, 0, 0] == golden["mark"])
        seen = [face for face in now["seen"] if face["quarter"] == quarter]
        return [
            Detection(box_xyxy=np.array(f["box_xyxy"]), score=f["score"], keypoints_xy=np.array(f["keypoints_xy"]))
            for f in seen
        ]

    tracker, (width, height) = FaceTracker(detect, Script(), settings), golden["size_wh"]
    image = np.zeros((height, width, 3), np.uint8)
    image[0, 0] = golden["mark"]
    for now in golden["frames"]:
        calls: list[float] = []
        faces = tracker(image, now["seconds"])
        assert [f.track for f in faces] == [f["number"] for f in now["faces"]]
        for face, expected in zip(faces, now["faces"], strict=True):
            assert face.box_xyxy == pytest.approx(expected["box_xyxy"], abs=1e-4)  # px
            assert face.roll_deg == pytest.approx(expected["roll_deg"], abs=1e-4)  # degrees
            assert face.points_xy == pytest.approx(np.array(expected["points_xy"]), abs=1e-4)
    rolls = {round(face["roll_deg"]) for frame in golden["frames"] for face in frame["faces"]}
    assert {0, 38, 91, 144, -179, -89} <= rolls
    assert sorted(set(looked)) == [f["seconds"] for f in golden["frames"] if f["looked"]]


def test_faces_give_the_points_of_the_named_model(contract):
    """Picture, box, matrix, crop and points belong together, and to the file that the contract names by its hash."""
    model = WEIGHTS / contract["model"]["file"]
    assert sha256(model) == contract["model"]["file_sha256"]
    golden, landmarker = read_json(GOLDEN / "faces.json"), runtime.load(model)
    tolerance = golden["tolerance"]
    for case in golden["faces"]:
        crop = crop_of_box(np.array(case["box_xyxy"]), landmarker.size_px, Pose(rotation_deg=-case["roll_deg"]))
        assert np.abs(crop.matrix - case["matrix"]).max() < tolerance["matrix"]
        image = read_image(GOLDEN / case["picture"])
        assert [image.shape[1], image.shape[0]] == case["size_wh"]
        cropped = cut(image, crop)
        apart = np.abs(cropped - pixels(case["crop_rgb"], crop.size_px))
        assert apart.max() <= tolerance["crop_levels"] and apart.mean() <= tolerance["crop_levels_mean"]
        found = landmarker(cropped)
        assert np.abs(found.points_xy - case["crop_points_xy"]).max() < tolerance["points_px"]
        assert np.abs(found.confidence - case["confidence"]).max() < tolerance["confidence"]
        assert crop.to_image(np.array(case["crop_points_xy"])) == pytest.approx(np.array(case["points_xy"]), abs=0.01)


def test_the_faces_are_found_well_and_cover_the_hard_crops(contract):
    """The model is sure of every face, and one crop reaches beyond its picture; crops of the pattern are shrunk."""
    beyond, px = [], contract["model"]["size_px"]
    for case in read_json(GOLDEN / "faces.json")["faces"]:
        assert np.mean(case["confidence"]) > contract["tracking"]["min_confidence"] + 0.1
        crop = Crop(matrix=np.array(case["matrix"]), size_px=px)
        corners = crop.to_image(np.array([[0.0, 0.0], [px - 1.0, px - 1.0]]))
        beyond.append(bool((corners < -1).any() or (corners > np.array(case["size_wh"])).any()))
    assert any(beyond) and not all(beyond)


def test_the_golden_folder_stays_small():
    """Under 1.5 MiB together with the contract: it is read in browsers and packed into apps."""
    assert sum(f.stat().st_size for f in [*GOLDEN.iterdir(), DEPLOY / "contract.json"]) < 3 << 19


def test_a_damaged_or_missing_golden_file_is_named(tmp_path: Path):
    """An empty folder has no faces; faces.json without pictures or without sense says what to do."""
    assert kept_faces(tmp_path) == []
    (tmp_path / "faces.json").write_text('{"faces": [{"name": "a"}]}')
    with pytest.raises(ValueError, match="--redraw"):
        kept_faces(tmp_path)
    (tmp_path / "faces.json").write_text(
        '{"faces": [{"name": "a", "picture": "a.png", "box_xyxy": [0, 0, 1, 1], "roll_deg": 0}]}'
    )
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        kept_faces(tmp_path)
