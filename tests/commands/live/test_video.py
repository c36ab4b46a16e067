"""`sdhrnet video` and `sdhrnet webcam`: the astronaut moved about, with a landmarker that needs no weights."""

import json
import os
import signal
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from skimage import data

from toolkit import landmarkers
from toolkit.cli import main
from toolkit.commands.live import webcam
from toolkit.commands.live.video import Video, run
from toolkit.commands.live.webcam import Webcam
from toolkit.core import camera as cameras
from toolkit.core.progress import ENDS, end_as_ctrl_c, finish
from toolkit.core.schemes import W300_68, Scheme
from toolkit.core.video import VideoReader, VideoWriter
from toolkit.detect import points as written_points
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

SIZE_WH = (320, 240)
SHAPE = np.random.default_rng(0).uniform(0.12, 0.88, size=(68, 2))
SHAPE[[36, 45]] = (0.3, 0.4), (0.7, 0.4)  # level eyes
"""What the fake landmarker says of every crop, over its side; the box of these points is about the crop's over 1.25."""
UNEVEN_S = np.cumsum([0.0, 0.04, 0.04, 0.2, 0.01, 0.04, 0.04, 0.3]).tolist()


class Fake:
    """A Landmarker that gives one shape for every crop."""

    scheme: Scheme = W300_68
    size_px = 64
    engine = "fake 1"
    timed = False
    confidence_floor = CONFIDENCE_FLOOR

    def __call__(self, crop: np.ndarray) -> Prediction:
        return Prediction(points_xy=SHAPE * 64 - 0.5, confidence=np.full(68, 0.9))


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every session opens this instead of a file."""
    monkeypatch.setattr(landmarkers, "open_model", lambda *_: Fake())


def portrait(shift: float = 0.0) -> np.ndarray:
    """(240, 320, 3): the astronaut's face of 100 px, its middle about (160 + shift, 120)."""
    matrix = np.array([[1.0, 0, 160 + shift - 225], [0, 1.0, 120 - 130]])
    return cv2.warpAffine(data.astronaut(), matrix, SIZE_WH, borderMode=cv2.BORDER_REPLICATE)


def clip(path: Path, seconds: list[float]) -> Path:
    with VideoWriter(path, SIZE_WH) as writer:
        for now in seconds:
            writer.write(portrait(20 * now), now)
    return path


def test_a_video_becomes_a_drawn_video_and_points(tmp_path: Path):
    """As many frames at the same uneven times, with new colours; JSON and CSV agree on one face through all of them."""
    source = clip(tmp_path / "in.mp4", UNEVEN_S)
    out, points, table = (tmp_path / "out" / name for name in ("drawn.mp4", "points.json", "points.csv"))
    outcome = finish(run(Video(video=source, out=out, json_out=points, csv_out=table, model=Path("m.tflite"))))
    before, after = list(VideoReader(source)), list(VideoReader(out))
    assert [f.seconds for f in after] == pytest.approx([f.seconds for f in before], abs=1e-4)
    assert np.abs(after[3].image.astype(int) - before[3].image).max() > 100
    record = json.loads(points.read_text())
    assert (record["kind"], record["video"], record["size_wh"]) == ("video", "in.mp4", [320, 240])
    assert (record["model"], record["engine"], record["scheme"], record["smooth"]) == (
        "m.tflite",
        "fake 1",
        "300w-68",
        True,
    )
    assert [len(f["faces"]) for f in record["frames"]] == [1] * 8
    assert {f["faces"][0]["track"] for f in record["frames"]} == {1}
    rows = np.loadtxt(table, delimiter=",", skiprows=1)
    assert rows[:, 1] == pytest.approx(UNEVEN_S, abs=1e-4)
    assert rows[5, 4:] == pytest.approx(np.ravel(record["frames"][5]["faces"][0]["points_xy"]), abs=1e-9)
    (summary,) = outcome.records
    assert (summary["frames"], summary["frames_with_face"], summary["tracks"], summary["skipped"]) == (8, 8, 1, 0)
    assert list(summary["stages"]) == ["decode", "detect", "crop", "network", "smooth", "draw", "encode"]
    assert "1 face in 8 of 8 frames" in outcome.text
    assert str(out) in outcome.text


def test_smoothing_has_a_switch(tmp_path: Path):
    """--no-smooth gives other points from the second frame on, and no stage of that name."""
    source, found = clip(tmp_path / "in.mp4", UNEVEN_S), {}
    for smooth in (True, False):
        options = Video(
            video=source, out=tmp_path / "o.mp4", json_out=tmp_path / "p.json", model=Path("m.tflite"), smooth=smooth,
            overwrite=True,
        )  # fmt: skip
        (summary,) = finish(run(options)).records
        assert ("smooth" in summary["stages"]) == smooth
        frames = json.loads((tmp_path / "p.json").read_text())["frames"]
        found[smooth] = np.array([f["faces"][0]["points_xy"] for f in frames])
    assert np.array_equal(found[True][0], found[False][0])
    assert not np.array_equal(found[True][4], found[False][4])


def test_a_flip_test_looks_at_each_crop_and_its_mirror_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """And the points file says so."""
    crops: list[np.ndarray] = []

    class Watched(Fake):
        def __call__(self, crop: np.ndarray) -> Prediction:
            crops.append(crop)
            return super().__call__(crop)

    monkeypatch.setattr(landmarkers, "open_model", lambda *_: Watched())
    source, points = clip(tmp_path / "in.mp4", UNEVEN_S[:2]), tmp_path / "points.json"
    finish(run(Video(video=source, out=tmp_path / "o.mp4", json_out=points, flip_test=True)))
    assert json.loads(points.read_text())["flip_test"] and len(crops) >= 4
    assert all(np.array_equal(plain, other[:, ::-1]) for plain, other in zip(crops[::2], crops[1::2], strict=True))


def test_a_video_without_a_face_is_written_and_says_so(tmp_path: Path):
    """Grey frames: no points, no error."""
    with VideoWriter(tmp_path / "in.mp4", SIZE_WH) as writer:
        for i in range(3):
            writer.write(np.full((240, 320, 3), 90, np.uint8), i / 30)
    out = tmp_path / "o.mp4"
    outcome = finish(run(Video(video=tmp_path / "in.mp4", out=out, csv_out=tmp_path / "p.csv", model=Path("m.tflite"))))
    assert "no face found" in outcome.text
    assert len(list(VideoReader(out))) == 3
    assert (tmp_path / "p.csv").read_text().count("\n") == 1


def test_a_film_that_changes_its_size_midway(tmp_path: Path):
    """As of a turned phone: points in each frame's own pixels, its size beside them; the film has one size."""
    sizes, shift = [SIZE_WH] * 3 + [SIZE_WH[::-1]] * 3, np.array([[1.0, 0, -105], [0, 1.0, -10]])
    with av.open(str(tmp_path / "in.webm"), "w") as container:
        stream = container.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE_WH, "yuv420p"
        for number, size_wh in enumerate(sizes):
            encoder = av.CodecContext.create("libvpx", "w")
            encoder.width, encoder.height = size_wh
            encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
            image = cv2.warpAffine(data.astronaut(), shift, size_wh, borderMode=cv2.BORDER_REPLICATE)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            for packet in [*encoder.encode(frame), *encoder.encode(None)]:
                packet.stream = stream
                container.mux(packet)
    out, points = tmp_path / "o.mp4", tmp_path / "p.json"
    outcome = finish(
        run(Video(video=tmp_path / "in.webm", out=out, json_out=points, model=Path("m.tflite"), smooth=False))
    )
    frames = json.loads(points.read_text())["frames"]
    assert [f.get("size_wh") for f in frames] == [None] * 3 + [[240, 320]] * 3
    assert {f.image.shape for f in VideoReader(out)} == {(240, 320, 3)}
    centres = [np.mean(f["faces"][0]["points_xy"], axis=0) for f in frames]
    assert centres[5] == pytest.approx(centres[0], abs=8)
    assert "3 frames are of another size" in outcome.text


def test_what_cannot_be_read_or_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A missing video, one that is none, a place that is a file: status 2, and no file appears."""
    source = clip(tmp_path / "in.mp4", UNEVEN_S)
    (tmp_path / "text.mp4").write_text("hello")
    before = sorted(tmp_path.iterdir())
    for arguments, message in (
        ([str(tmp_path / "none.mp4")], "no video at"),
        ([str(tmp_path / "text.mp4")], "not a video that can be read"),
        ([str(source), "--out", str(source / "o.mp4")], "in.mp4"),
    ):
        assert main(["video", *arguments]) == 2
        output = capsys.readouterr()
        assert message in output.err
        assert output.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_missing_is_not_told_as_a_place_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A detector that is not there, which is looked for with the first frame, and a model: each by its own message."""
    source, out = clip(tmp_path / "in.mp4", UNEVEN_S[:2]), tmp_path / "out.mp4"
    words = ["video", str(source), "--out", str(out)]
    assert main([*words, "--detector", str(tmp_path / "none.tflite")]) == 2
    said = capsys.readouterr().err
    assert f"no face detector at {tmp_path}/none.tflite" in said and "cannot write" not in said
    monkeypatch.undo()
    assert main([*words, "--model", str(tmp_path / "gone.tflite")]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/gone.tflite" in said and "cannot write" not in said
    assert not out.exists()


@pytest.mark.parametrize("which", ["film", "points"])
def test_what_cannot_be_written_is_told_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str):
    """A full disk, while the film or the points are written; neither is there then."""
    source, out, points = clip(tmp_path / "in.mp4", UNEVEN_S[:2]), tmp_path / "o" / "out.mp4", tmp_path / "p" / "p.json"
    full = OSError(28, "No space left on device", *([str(out)] if which == "film" else []))

    def fail(*_: object, **__: object) -> None:
        raise full

    if which == "film":
        monkeypatch.setattr(VideoWriter, "write", fail)
    else:
        monkeypatch.setattr(written_points, "face_record", fail)
    place = out if which == "film" else points
    with pytest.raises(ValueError, match=rf"^cannot write to {place} \(No space left on device\): choose another"):
        finish(run(Video(video=source, out=out, json_out=points, model=Path("m.tflite"))))
    assert not out.exists() and not points.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": Path("o.avi")}, r"end the name in \.mp4"),
        ({"faces": 0}, "--faces must be at least 1, got 0"),
        ({"min_confidence": 2.0}, "--min-confidence must be from 0 to 1, got 2"),
        ({"finest": -1}, "--finest 0 or more"),
        ({"threads": 0}, "--threads must be at least 1"),
    ],
)
def test_bad_options_of_video_are_refused(options, message):
    """Before the file is opened."""
    with pytest.raises(ValueError, match=message):
        Video(video=Path("in.mp4"), **options)


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDS])
def test_a_stopped_video_keeps_its_frames_and_says_so(tmp_path: Path, number: signal.Signals):
    """By a signal in its third frame: film and points have three; a second one, as of `timeout`, changes nothing."""
    source = clip(tmp_path / "in.mp4", UNEVEN_S)
    out, points = tmp_path / "out" / "o.mp4", tmp_path / "out" / "p.json"
    with pytest.raises(KeyboardInterrupt) as stop, end_as_ctrl_c():
        for step in run(Video(video=source, out=out, json_out=points, model=Path("m.tflite"))):
            if step.done == 3:
                os.kill(os.getpid(), number)
                for again in ENDS:
                    os.kill(os.getpid(), again)
    assert stop.value.args == (() if number == signal.SIGINT else (number,))
    assert stop.value.__notes__ == [f"stopped after 3 of 8 frames of in.mp4; {out} and {points} have those"]
    assert [f.seconds for f in VideoReader(out)] == pytest.approx(UNEVEN_S[:3], abs=1e-3)
    assert len(json.loads(points.read_text())["frames"]) == 3
    assert sorted(p.name for p in out.parent.iterdir()) == ["o.mp4", "p.json"]


def test_a_second_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It acts at once, also in the middle of a frame."""
    source, out = clip(tmp_path / "in.mp4", UNEVEN_S), tmp_path / "out"
    plain = Fake.__call__

    def interrupted(self: Fake, crop: np.ndarray) -> Prediction:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        return plain(self, crop)

    monkeypatch.setattr(Fake, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finish(run(Video(video=source, out=out / "o.mp4", model=Path("m.tflite"))))
    assert list(out.iterdir()) == []


def test_a_video_that_is_given_up_leaves_no_file(tmp_path: Path):
    """By the program that runs it, after three frames: neither a video nor points, nor temporary files."""
    source = clip(tmp_path / "in.mp4", UNEVEN_S)
    out = tmp_path / "out"
    steps = run(Video(video=source, out=out / "o.mp4", json_out=out / "p.json", model=Path("m.tflite")))
    for _ in range(3):
        next(steps)
    steps.close()
    assert list(out.iterdir()) == []


class FakeCapture:
    """A camera of OpenCV's that shows the astronaut, with a broken frame now and then, until it is unplugged."""

    frames = 12

    def __init__(self, number: int) -> None:
        self._read, self._there = 0, number == 0

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._there

    def set(self, setting: int, value: float) -> bool:
        return True

    def read(self) -> tuple[bool, np.ndarray | None]:
        self._read += 1
        if self._read > self.frames or self._read % 5 == 0:
            return False, None
        return True, cv2.cvtColor(portrait(), cv2.COLOR_RGB2BGR)

    def release(self) -> None:
        self._there = False


@pytest.fixture
def cam(monkeypatch: pytest.MonkeyPatch) -> type[FakeCapture]:
    """Camera 0 is a fake one, and there is no display."""
    real = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda what, *how: real(what, *how) if how else FakeCapture(what))
    monkeypatch.setattr(webcam, "has_windows", lambda: True)
    monkeypatch.setattr(webcam, "has_display", lambda: False)
    return FakeCapture


def test_frames_of_a_camera_at_one_time_are_one(cam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By a clock that stands still for three frames: those that go on are followed and recorded."""
    ticks = iter(range(1000))
    monkeypatch.setattr(cameras, "time", SimpleNamespace(perf_counter=lambda: next(ticks) // 3 / 100))
    frames = list(cameras.Camera(0, SIZE_WH))
    assert [frame.index for frame in frames] == list(range(4))
    assert np.diff([frame.seconds for frame in frames]) == pytest.approx(0.01)


def test_a_camera_is_recorded_until_it_is_gone(cam, tmp_path: Path):
    """Whole frames are drawn, mirrored and recorded with rising times; broken ones are counted."""
    out, points = tmp_path / "r.mp4", tmp_path / "p.json"
    outcome = finish(webcam.run(Webcam(out=out, json_out=points, model=Path("m.tflite"))))
    (record,) = outcome.records
    assert record["frames"] == 12 - 1 - 2
    assert record["skipped"] == 2 + cameras.BROKEN_IN_A_ROW
    assert record["frames_with_face"] == record["frames"]
    frames = list(VideoReader(out))
    assert len(frames) == record["frames"]
    centre = np.mean(json.loads(points.read_text())["frames"][0]["faces"][0]["points_xy"], axis=0)
    assert centre == pytest.approx([160, 120], abs=25)
    plain = portrait()[:, ::-1]
    assert (
        np.abs(frames[0].image[:40].astype(int) - plain[:40]).mean()
        < np.abs(plain[:40].astype(int) - portrait()[:40]).mean()
    )


def test_a_window_shows_every_frame_until_it_is_closed(cam, monkeypatch: pytest.MonkeyPatch):
    """The third picture is the last when the person then quits; from the second on the speed is written on it."""
    shown: list[np.ndarray] = []
    monkeypatch.setattr(webcam, "has_windows", lambda: True)
    monkeypatch.setattr(webcam, "has_display", lambda: True)
    monkeypatch.setattr(webcam, "show", lambda title, image: shown.append(image) or len(shown) < 3)
    closed: list[bool] = []
    monkeypatch.setattr(webcam, "close_windows", lambda: closed.append(True))
    outcome = finish(webcam.run(Webcam(model=Path("m.tflite"))))
    assert outcome.records[0]["frames"] == len(shown) == 3
    assert closed == [True]
    assert np.abs(shown[1][220:, :150].astype(int) - shown[0][220:, :150]).max() > 100


def test_ctrl_c_keeps_the_recording(cam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The interrupt ends the command well, with the frames so far."""
    monkeypatch.setattr(FakeCapture, "frames", 10_000)
    read, count = FakeCapture.read, 0

    def interrupted(self: FakeCapture) -> tuple[bool, np.ndarray | None]:
        nonlocal count
        count += 1
        if count > 8:
            raise KeyboardInterrupt
        return read(self)

    monkeypatch.setattr(FakeCapture, "read", interrupted)
    outcome = finish(webcam.run(Webcam(out=tmp_path / "r.mp4", model=Path("m.tflite"))))
    assert len(list(VideoReader(tmp_path / "r.mp4"))) == outcome.records[0]["frames"] == 6


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDS])
def test_a_signal_between_two_frames_keeps_the_recording(
    cam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
):
    """While its progress is shown; film and points have the same frames."""
    monkeypatch.setattr(FakeCapture, "frames", 10_000)
    steps = webcam.run(Webcam(out=tmp_path / "r.mp4", json_out=tmp_path / "p.json", model=Path("m.tflite")))
    with end_as_ctrl_c(), pytest.raises(StopIteration) as end:
        for _ in range(4):
            next(steps)
        os.kill(os.getpid(), number)
        next(steps)
    frames = end.value.value.records[0]["frames"]
    assert len(list(VideoReader(tmp_path / "r.mp4"))) == len(json.loads((tmp_path / "p.json").read_text())["frames"])
    assert frames == 4


@pytest.mark.slow
def test_it_stops_after_the_time_asked_for(cam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A camera that never ends, half a second."""
    monkeypatch.setattr(FakeCapture, "frames", 10**9)
    finish(webcam.run(Webcam(out=tmp_path / "r.mp4", seconds=0.5, model=Path("m.tflite"))))
    assert list(VideoReader(tmp_path / "r.mp4"))[-1].seconds <= 0.5


def test_no_camera_and_no_display_are_told_in_words(
    cam, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """What there is, and what to do; nothing is written."""
    assert main(["webcam", "--camera", "3", "--out", str(tmp_path / "r.mp4")]) == 2
    error = capsys.readouterr().err
    assert "no camera 3" in error
    assert "plug one in" in error
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(webcam, "has_windows", lambda: True)
    assert main(["webcam"]) == 2
    assert "no display" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a window needs no DISPLAY")
def test_a_display_that_names_no_server_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Qt would end the process; the message names the display and what to do."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":77")
    assert not cameras.has_display()
    monkeypatch.setattr(webcam, "has_windows", lambda: True)
    monkeypatch.setattr(webcam, "has_display", lambda: False)
    assert main(["webcam"]) == 2
    assert "the display :77 cannot be opened: record with --out" in capsys.readouterr().err


def test_an_opencv_without_windows_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The headless wheel names itself so; the message says what to install, and that recording needs no window."""
    monkeypatch.setattr(cameras.cv2, "getBuildInformation", lambda: "  Platform:\n\n  GUI:                NONE\n")
    assert not cameras.has_windows()
    monkeypatch.setattr(cameras.cv2, "getBuildInformation", lambda: "  GUI:                QT5\n    QT: YES\n")
    assert cameras.has_windows()
    monkeypatch.setattr(webcam, "has_windows", lambda: False)
    assert main(["webcam"]) == 2
    assert "[window]' brings one that does): record with --out" in capsys.readouterr().err


def test_this_machines_own_camera_or_its_absence(tmp_path: Path):
    """Without a fake: a camera number that no machine has is refused, not waited for."""
    with pytest.raises(ValueError, match="no camera 63"):
        cameras.Camera(63, (640, 480))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"seconds": 0.0}, "--seconds"), ({"camera": -1}, "--camera"), ({"out": Path("a.gif")}, "end the name in")],
)
def test_bad_options_of_webcam_are_refused(options, message):
    """Before the camera is opened."""
    with pytest.raises(ValueError, match=message):
        Webcam(**options)
