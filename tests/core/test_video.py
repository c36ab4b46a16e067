"""Videos: every frame back at its own time, what is broken counted, and files whole or absent."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from toolkit.core.stopwatch import Stopwatch
from toolkit.core.video import TICKS, VideoReader, VideoWriter

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


def encoded(path: Path, codec: str, sizes_wh: Sequence[tuple[int, int]], aspect: Fraction = Fraction(1)) -> Path:
    """A stream with a frame of each size, 25 a second, as FFmpeg writes it."""
    with av.open(str(path), "w") as container:
        for number, size_wh in enumerate(sizes_wh):
            if number == 0 or size_wh != sizes_wh[number - 1]:
                encoder = av.CodecContext.create(codec, "w")
                encoder.width, encoder.height = size_wh
                encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
                encoder.max_b_frames, encoder.sample_aspect_ratio = 0, aspect
            if number == 0:
                stream = container.add_stream(codec, rate=25)
                stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
                stream.codec_context.sample_aspect_ratio = aspect
            frame = av.VideoFrame.from_ndarray(picture(number % 8, size_wh), format="rgb24")
            frame.pts = number
            last = number + 1 == len(sizes_wh) or sizes_wh[number + 1] != size_wh
            for packet in [*encoder.encode(frame), *(encoder.encode(None) if last else ())]:
                packet.stream = stream
                container.mux(packet)
    return path


def remuxed(source: Path, path: Path, begin_s: float = 0.0, **options: str) -> None:
    """The same frames in another MP4, of which those before a time are hidden."""
    with av.open(str(source)) as whole, av.open(str(path), "w", options=options) as copy:
        stream = copy.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(whole.streams.video[0]):
            if packet.pts is not None and packet.dts is not None:
                begin = int(begin_s / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - begin, packet.dts - begin, stream
                copy.mux(packet)


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
    assert (len(frames), reader.about, reader.skipped) == (30, 30, 0)
    assert np.diff([f.seconds for f in frames]) == pytest.approx(0.04, abs=0.0011)


def test_a_film_without_times_begins_at_0(tmp_path: Path):
    """A raw H.264 stream, whose frames have no time at all: 25 a second, as the stream says."""
    frames = list(VideoReader(encoded(tmp_path / "a.h264", "libx264", [SIZE_WH] * 8)))
    assert [number_of(f.image) for f in frames] == list(range(8))
    assert [f.seconds for f in frames] == pytest.approx([n / 25 for n in range(8)])


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([0.0, 0.0, 0.0, 0.2], [0.0, 0.04, 0.08, 0.2]),
        ([0.0, 0.0, 0.04 + 1e-17, 0.04 + 1e-6, 0.2], [0.0, 0.04, 0.08, 0.12, 0.2]),
        ([5.0, 1.0, 2.0, None, 6.0], [5.0, 5.04, 5.08, 5.12, 6.0]),
        ([None, None, 0.01, 0.3], [0.0, 0.04, 0.08, 0.3]),
    ],
)
def test_times_that_do_not_rise_are_made_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[float | None], expected: list[float]
):
    """By the time of a frame, 40 ms: so that they can be followed and written."""
    source = encoded(tmp_path / "a.mp4", "libx264", [SIZE_WH] * 2)
    monkeypatch.setattr(VideoReader, "_decoded", lambda _: ((seconds, picture(0)) for seconds in told))
    seconds = [frame.seconds for frame in VideoReader(source)]
    assert seconds == pytest.approx(expected)
    written(tmp_path / "b.mp4", seconds)


def test_a_sideways_phone_video_is_turned_upright(tmp_path: Path):
    """With a quarter turn in its header (the track's matrix), the white left end of the picture comes to the top."""
    path = written(tmp_path / "a.mp4", [0.0, 0.1])
    content = path.read_bytes()
    at = content.index(b"tkhd") + 4 + 40
    turn = (0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE_WH[1] << 16, 0, 1 << 30)
    path.write_bytes(content[:at] + b"".join(n.to_bytes(4, signed=True) for n in turn) + content[at + 36 :])
    reader = VideoReader(path)
    frame = next(iter(reader))
    assert reader.size_wh == (64, 96)
    assert frame.image.shape == (96, 64, 3)
    assert frame.image[2, 30, 1] > 200
    assert frame.image[60, 30, 1] < 60


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
def test_what_phones_and_browsers_record_is_read(tmp_path: Path, codec: str):
    """H.264, HEVC, VP9 and AV1: every frame, in its place."""
    frames = list(VideoReader(encoded(tmp_path / "a.mkv", codec, [SIZE_WH] * 8)))
    assert [number_of(f.image) for f in frames] == list(range(8))


def test_a_stream_that_changes_its_size_gives_every_frame_as_it_is(tmp_path: Path):
    """As browsers record a phone that is turned: upright frames after wide ones, none of them frozen."""
    path = encoded(tmp_path / "a.webm", "libvpx", [SIZE_WH] * 4 + [SIZE_WH[::-1]] * 4)
    reader = VideoReader(path)
    frames = list(reader)
    assert (reader.size_wh, reader.skipped) == (SIZE_WH, 0)
    assert [f.image.shape[:2] for f in frames] == [(64, 96)] * 4 + [(96, 64)] * 4
    assert [number_of(f.image) for f in frames] == list(range(8))
    assert np.diff([f.seconds for f in frames]) == pytest.approx(0.04, abs=0.0011)


def test_a_frame_of_another_size_is_fitted_into_the_film(tmp_path: Path):
    """A tall red frame in a wide film: whole, in the middle, between black borders."""
    with VideoWriter(tmp_path / "a.mp4", SIZE_WH) as writer:
        for seconds in (0.0, 0.1):
            writer.write(np.full((96, 64, 3), (200, 0, 0), np.uint8), seconds)
    image = next(iter(VideoReader(tmp_path / "a.mp4"))).image.astype(int)
    assert image.shape == (64, 96, 3)
    red = image[..., 0].mean(axis=0) > 100
    assert np.flatnonzero(red)[[0, -1]] == pytest.approx([27, 68], abs=2)


def test_pixels_are_made_square(tmp_path: Path):
    """A picture stored at half its width is shown as wide as it was meant."""
    reader = VideoReader(encoded(tmp_path / "a.mp4", "libx264", [SIZE_WH] * 3, aspect=Fraction(2)))
    assert reader.size_wh == (192, 64)
    assert next(iter(reader)).image.shape == (64, 192, 3)


def test_what_an_edit_list_hides_is_no_damage(tmp_path: Path):
    """Of eight frames, a lossless cut begins at the fourth: five at their times from 0 on, none broken."""
    source = encoded(tmp_path / "a.mp4", "libx264", [SIZE_WH] * 8)
    remuxed(source, tmp_path / "b.mp4", begin_s=3 / 25)
    reader = VideoReader(tmp_path / "b.mp4")
    frames = list(reader)
    assert [number_of(f.image) for f in frames] == [3, 4, 5, 6, 7]
    assert [f.seconds for f in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16], abs=1e-3)
    assert (reader.skipped, reader.missing_s) == (0, 0)


def test_a_broken_first_frame_is_left_out_and_counted(tmp_path: Path):
    """The next whole one comes at its own time."""
    path = plain(tmp_path / "a.avi", "MJPG")
    data = path.read_bytes()
    start = data.index(b"\xff\xd8", data.index(b"movi"))
    path.write_bytes(data[:start] + bytes(1500) + data[start + 1500 :])
    reader = VideoReader(path)
    assert next(iter(reader)).seconds == pytest.approx(0.04)
    assert reader.skipped == 1


def test_a_film_of_broken_frames_is_blamed_itself(tmp_path: Path):
    """Not what should have been written."""
    path = encoded(tmp_path / "a.mp4", "libx264", [SIZE_WH])
    data = path.read_bytes()
    start = data.index(b"mdat") + 4
    path.write_bytes(data[:start] + bytes(200) + data[start + 200 :])
    with pytest.raises(ValueError, match=r"a\.mp4 is damaged or cut off: none of its 1 frames can be decoded"):
        VideoReader(path)


def test_a_codec_that_cannot_be_decoded_is_told(tmp_path: Path):
    """With the file's name and what to do."""
    path = encoded(tmp_path / "a.mp4", "libx264", [SIZE_WH] * 2)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(ValueError, match=r"the codec of .*a\.mp4 cannot be decoded here.*ffmpeg -i a\.mp4"):
        VideoReader(path)


def test_sound_and_text_are_no_video(tmp_path: Path):
    """FFmpeg makes a film of any text with such a name."""
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux([*stream.encode(frame), *stream.encode(None)])
    (tmp_path / "a.nfo").write_text("no film\n" * 300)
    for name, message in (("a.mp4", "sound only"), ("a.nfo", "a text")):
        with pytest.raises(ValueError, match=message):
            VideoReader(tmp_path / name)


def test_the_missing_end_of_a_cut_off_file_is_told(tmp_path: Path):
    """Its table of contents, at the beginning, tells of two seconds; half of the bytes are there."""
    path = tmp_path / "a.mp4"
    remuxed(plain(tmp_path / "b.mp4", "mp4v", 50), path, movflags="+faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reader = VideoReader(path)
    seconds = [f.seconds for f in reader]
    assert 0 < len(seconds) < 50
    assert reader.missing_s == pytest.approx(2 - seconds[-1], abs=0.1)


def test_broken_frames_are_left_out_and_counted(tmp_path: Path):
    """Bytes overwritten in the middle of a file: the frames after the damage come, at their own times."""
    path = plain(tmp_path / "a.mp4", "mp4v", 60)
    data = bytearray(path.read_bytes())
    for start in (len(data) // 3, len(data) // 2):
        data[start : start + 300] = np.random.default_rng(0).integers(0, 256, 300, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    reader = VideoReader(path)
    seconds = [f.seconds for f in reader]
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
    with pytest.raises(ValueError, match="cut off or damaged"):
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


def test_frames_that_the_disk_did_not_take_are_noticed(tmp_path: Path):
    """A file that may grow to 20 kB only, as on a full disk: OSError with the film's name, and no file."""
    resource = pytest.importorskip("resource", reason="Windows has no limit for files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"a\.mp4"), VideoWriter(tmp_path / "a.mp4", (640, 480)) as writer:
            for number in range(5):
                writer.write(noise, number / 30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_other_kinds_of_files_are_not_written(tmp_path: Path):
    """The name decides, at once."""
    with pytest.raises(ValueError, match=r"end the name in \.mp4"):
        VideoWriter(tmp_path / "a.avi", SIZE_WH)


def test_decoding_is_timed(tmp_path: Path):
    """One lap a frame, and the last one that finds the end."""
    watch = Stopwatch()
    list(VideoReader(written(tmp_path / "a.mp4", UNEVEN_S), watch))
    assert watch.summary(8)["decode"]["laps"] == 9
