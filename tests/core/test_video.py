"""Videos: every frame back at its own time, what is broken counted, and files whole or absent."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from toolkit.core.mp4 import TICKS, retime
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.video import VideoReader, VideoWriter

SIZE_WH = (96, 64)
UNEVEN_S = np.cumsum([0.0, 0.033, 0.1, 0.005, 0.25, 0.033, 0.033, 0.4]).tolist()


def picture(number: int, size_wh: tuple[int, int] = SIZE_WH) -> np.ndarray:
    """A red picture that is white up to a column which tells its number."""
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    image[..., 0] = 200
    image[:, : 8 * (number + 1)] = 255
    return image


def number_of(image: np.ndarray) -> int:
    """The number of a picture after compression."""
    return round(float((image[..., 1] > 128).mean(axis=0).sum()) / 8) - 1


def written(path: Path, seconds: list[float], size_wh: tuple[int, int] = SIZE_WH) -> Path:
    with VideoWriter(path, size_wh) as writer:
        for number, now in enumerate(seconds):
            writer.write(picture(number, size_wh), now)
    return path


def plain(path: Path, fourcc: str, count: int = 30) -> Path:
    """As OpenCV writes it, noisy so that every frame has bytes to break, 25 a second."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*fourcc), 25, SIZE_WH)
    noise = np.random.default_rng(0).integers(0, 60, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
    for number in range(count):
        writer.write(cv2.add(picture(number % 10), np.roll(noise, 7 * number, axis=1)))
    writer.release()
    return path


def test_every_frame_keeps_its_time(tmp_path: Path):
    """Uneven times come back within half a tick, from the first frame on, with each picture in its place."""
    frames = list(VideoReader(written(tmp_path / "a.mp4", [5 + s for s in UNEVEN_S])))
    assert [f.seconds for f in frames] == pytest.approx(UNEVEN_S, abs=0.6 / TICKS)
    assert [f.index for f in frames] == list(range(8))
    assert [number_of(f.image) for f in frames] == list(range(8))


def test_colours_are_rgb_and_sides_are_not_swapped(tmp_path: Path):
    """Red stays red within 30 levels, in a picture wider than tall."""
    frame = next(iter(VideoReader(written(tmp_path / "a.mp4", UNEVEN_S))))
    assert frame.image.shape == (64, 96, 3)
    assert frame.image[30, 80] == pytest.approx([200, 0, 0], abs=30)


def test_the_file_says_how_long_it_is(tmp_path: Path):
    """Frames and rate as players read them: eight frames in the time of the last one and its length."""
    path = written(tmp_path / "a.mp4", UNEVEN_S)
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 8
    assert 8 / capture.get(cv2.CAP_PROP_FPS) == pytest.approx(UNEVEN_S[-1] + 0.4, abs=0.01)


@pytest.mark.parametrize(
    ("name", "fourcc"), [("a.avi", "MJPG"), ("a.mkv", "mp4v"), ("a.mov", "mp4v"), ("a.avi", "XVID")]
)
def test_containers_without_sound_are_read(tmp_path: Path, name: str, fourcc: str):
    """Each with all its frames, 40 ms apart to the millisecond that Matroska rounds to."""
    reader = VideoReader(plain(tmp_path / name, fourcc))
    frames = list(reader)
    assert (len(frames), reader.packets, reader.skipped) == (30, 30, 0)
    assert np.diff([f.seconds for f in frames]) == pytest.approx(0.04, abs=0.0011)


def test_broken_frames_are_left_out_and_counted(tmp_path: Path):
    """Bytes overwritten in the middle of a file: the frames after the damage come, at their own times."""
    path = plain(tmp_path / "a.mp4", "mp4v", 60)
    data = bytearray(path.read_bytes())
    for start in (len(data) // 3, len(data) // 2):
        data[start : start + 300] = np.random.default_rng(0).integers(0, 256, 300, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    reader = VideoReader(path)
    seconds = [f.seconds for f in reader]
    assert reader.packets == 60
    assert 0 < reader.skipped < 60
    assert reader.skipped == 60 - len(seconds)
    assert np.diff(seconds).min() > 0
    steps = np.array(seconds) / 0.04
    assert steps == pytest.approx(np.rint(steps), abs=1e-6)


def test_a_file_that_ends_early_gives_what_it_has(tmp_path: Path):
    """Two thirds of an AVI: some frames, no error."""
    path = plain(tmp_path / "a.avi", "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert 10 < len(list(VideoReader(path))) < 30


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes):
    """Nothing and text, whatever the name says."""
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(ValueError, match="not a video that can be read"):
        VideoReader(tmp_path / "a.mp4")


def test_a_cut_off_mp4_and_a_missing_file_are_told_apart(tmp_path: Path):
    """An MP4 without its table of contents cannot be read; an address is no file."""
    path = plain(tmp_path / "a.mp4", "mp4v")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="cut off, damaged or sound only"):
        VideoReader(path)
    with pytest.raises(FileNotFoundError, match="no video at"):
        VideoReader(Path("http://127.0.0.1/a.mp4"))


@pytest.mark.parametrize("size_wh", [(97, 65), (640, 2), (16, 16)])
def test_any_size_is_written(tmp_path: Path, size_wh: tuple[int, int]):
    """An odd last column or row is left out."""
    reader = VideoReader(written(tmp_path / "a.mp4", [0.0, 0.1, 0.2], size_wh))
    assert reader.size_wh == (size_wh[0] // 2 * 2, size_wh[1] // 2 * 2)
    assert len(list(reader)) == 3


def test_a_failure_leaves_what_was_there(tmp_path: Path):
    """An error in the block keeps the old file and leaves no other."""
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.mp4", SIZE_WH) as writer:
        writer.write(picture(0), 0.0)
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


@pytest.mark.parametrize("seconds", [[], [0.0, 0.0], [0.2, 0.1]])
def test_times_that_do_not_rise_leave_no_file(tmp_path: Path, seconds: list[float]):
    """No frame, two at once, and one before the other: ValueError, and an empty folder."""
    with pytest.raises(ValueError, match=r"no frame was written|need rising times"):
        written(tmp_path / "a.mp4", seconds)
    assert list(tmp_path.iterdir()) == []


def test_frames_that_the_disk_did_not_take_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """OpenCV says nothing of a full disk; the frames that arrived are counted."""

    class Full:
        def write(self, image: np.ndarray) -> None:
            """Nothing arrives."""

    with pytest.raises(OSError, match="only 2 of 3 frames"), VideoWriter(tmp_path / "a.mp4", SIZE_WH) as writer:
        writer.write(picture(0), 0.0)
        with monkeypatch.context() as patch:
            patch.setattr(writer, "_writer", Full())
            writer.write(picture(1), 0.1)
        writer.write(picture(2), 0.2)
    assert list(tmp_path.iterdir()) == []


def test_other_kinds_of_files_are_not_written(tmp_path: Path):
    """The name decides, at once."""
    with pytest.raises(ValueError, match=r"end the name in \.mp4"):
        VideoWriter(tmp_path / "a.avi", SIZE_WH)


def test_retime_refuses_what_it_cannot_do(tmp_path: Path):
    """No MP4, another number of times than frames, more than 13 hours; the file stays as it was."""
    path = written(tmp_path / "a.mp4", [0.0, 0.1, 0.2])
    before = path.read_bytes()
    for seconds, message in (([0.0, 0.1], "3 frames cannot have 2"), ([0.0, 1.0, 9e4], "within 13 hours")):
        with pytest.raises(ValueError, match=message):
            retime(path, seconds)
    assert path.read_bytes() == before
    (tmp_path / "b.mp4").write_bytes(b"not an mp4 at all")
    with pytest.raises(ValueError, match="not an MP4 with its table of contents"):
        retime(tmp_path / "b.mp4", [0.0, 0.1])


def test_decoding_is_timed(tmp_path: Path):
    """One lap a frame, and the last one that finds the end."""
    watch = Stopwatch()
    list(VideoReader(written(tmp_path / "a.mp4", UNEVEN_S), watch))
    assert watch.summary(8)["decode"]["laps"] == 9
