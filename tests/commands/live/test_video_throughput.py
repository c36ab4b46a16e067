"""`sdhrnet video measure`: what its record holds, with a network that says where the face truly is."""

from pathlib import Path

import numpy as np
import pytest

from toolkit import landmarkers
from toolkit.cli import main
from toolkit.commands.live import video_throughput
from toolkit.commands.live.video_throughput import VideoThroughput, run
from toolkit.core.files import read_lines
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68, Scheme
from toolkit.core.zoo import released
from toolkit.detect import Detection
from toolkit.reporting.readme.deployment import device
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

LOW, HIGH = 32 - 0.5 - 25.6, 32 - 0.5 + 25.6
"""Ends of a box of which the crop of 64 pixels is 1.25 times."""


class Trembling:
    """A landmarker that finds one shape in every crop, and trembles."""

    scheme: Scheme = W300_68
    size_px = 64
    engine = "fake 1"
    timed = True
    confidence_floor = CONFIDENCE_FLOOR

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self._shape = np.random.default_rng(1).uniform(LOW, HIGH, (68, 2))
        self._shape[[36, 45]] = (LOW, 32), (HIGH, 32)  # level eyes

    def __call__(self, crop: np.ndarray) -> Prediction:
        points = np.clip(self._shape + self._rng.normal(0, 0.5, (68, 2)), LOW, HIGH)
        points[0], points[1] = LOW, HIGH  # so that the next crop is the same
        return Prediction(points_xy=points, confidence=np.full(68, 0.8))


class Middle:
    """A detector that sees one face in the middle."""

    def __init__(self, finest: int, **how: object) -> None:
        pass

    def __call__(self, image: np.ndarray) -> list[Detection]:
        box = np.array([220.0, 130.0, 420.0, 330.0])
        return [Detection(box_xyxy=box, score=0.9, keypoints_xy=np.zeros((6, 2)))]

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Two short films, followed and recorded once."""
    results = tmp_path_factory.mktemp("pace") / "results.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        for module in (video_throughput, landmarkers):
            patch.setattr(module, "open_model", lambda *_: Trembling())
        patch.setattr(landmarkers, "FaceDetector", Middle)
        outcome = finish(run(VideoThroughput(films=2, frames_each=12, results=results)))
    assert "frames a second" in outcome.text
    (written,) = read_lines(results)
    assert (written,) == outcome.records
    return written


@pytest.mark.slow
def test_the_record_says_how_fast_and_how_steady(record: dict):
    """Each way over all frames, every stage of the road, conditions; the stages' times add up to at most the whole."""
    assert list(record["ways"]) == ["smooth", "raw", "points"]
    assert record["model"] == released("float16").name
    assert (record["kind"], record["n"], record["size_wh"]) == ("video-pace", 2, [640, 480])
    assert len(record["load_average"]) == 3
    for name, way in record["ways"].items():
        assert way["frames"] == 2 * 3 * 12
        stages = ["decode", "detect", "crop", "network", *([] if name == "raw" else ["smooth"])]
        assert list(way["stages"]) == [*stages, *([] if name == "points" else ["draw", "encode"])]
        assert way["stages"]["detect"]["laps"] == 2
        total_ms = sum(row["mean_ms_per_frame"] for row in way["stages"].values())
        assert 0 < total_ms <= 1000 / way["frames_per_second"]
        assert way["cpu_ms_per_frame"] > 0
        assert list(way["parts"]) == ["rest", "calm", "quick"]


@pytest.mark.slow
def test_smoothing_takes_the_trembling_away(record: dict):
    """At rest to less than half of what the network gives."""
    ways = record["ways"]
    assert ways["smooth"]["parts"]["rest"]["flicker"] < ways["raw"]["parts"]["rest"]["flicker"] / 2


def test_options_that_make_no_sense_are_refused(capsys: pytest.CaptureFixture[str]):
    """No film, one frame, points files."""
    for options in ({"films": 0}, {"frames_each": 1}, {"json_out": Path("p.json")}):
        with pytest.raises(ValueError, match=r"expected one film|writes no points"):
            VideoThroughput(**options)
    assert main(["video", "measure", "--films", "0"]) == 2
    assert "expected one film" in capsys.readouterr().err


def test_the_record_becomes_two_tables(record: dict):
    """Speed with a column for every stage, and steadiness, a row for each way."""
    speed, steady = device([record])
    for _, header, rows in (speed, steady):
        assert [len(row) for row in rows] == [len(header)] * 3
    assert "640 x 480" in speed[0]
    assert [row[0] for row in rows] == ["smoothed", "as the network gives them", "smoothed, not drawn"]


@pytest.mark.slow
def test_face_mesh_is_followed_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own pipeline, in one stage beside decoding; a column of its own in the table, and no look of ours."""
    for module in (video_throughput, landmarkers):
        monkeypatch.setattr(module, "open_model", lambda *_: Trembling())
    monkeypatch.setattr(landmarkers, "FaceDetector", Middle)
    (record,) = finish(run(VideoThroughput(films=1, frames_each=4, face_mesh=True))).records
    mesh = record["ways"]["mediapipe"]
    assert list(mesh["stages"]) == ["decode", "face mesh"]
    assert mesh["frames_lost"] == 0
    assert mesh["parts"]["rest"]["nme"] < 15
    _, header, rows = device([record])[0]
    assert dict(zip(header, rows[-1], strict=True))["looks"] == ""
    assert "face mesh" in header
