"""Stage: how fast a video is followed, stage by stage, and how steady its points are, on films of known points."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.commands.live.follow import Follow, follower, play
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append, called
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.video import VideoReader, VideoWriter
from toolkit.data.moving_face import FPS, SIZE_WH, SPEEDS, MovingFace
from toolkit.landmarkers import identify, load, open_model

Points = Callable[[ExitStack, VideoReader, Stopwatch], Iterator[FloatArray | None]]
"""How a film is followed: the points (M, 2) of the face in each frame, or None; what it opens ends with the stack."""
FACE_MESH = "mediapipe"


@dataclass(frozen=True, kw_only=True)
class VideoThroughput(Follow):
    """Follow moving synthetic faces in 640 x 480 films in some ways by turns, and measure each.

    Twice the whole way of `sdhrnet video` is timed, with and without smoothing: decode, detect, crop, network, smooth,
    draw, encode; once the points alone, without drawing and encoding. Flicker is the frame-to-frame change of the
    points' error over the inter-ocular distance. Processor time is given beside wall-clock time, since only the former
    means much on a machine that is busy otherwise.
    """

    faces: int = 1
    """Faces to follow at most; the films show one."""
    films: int = 4
    """Films, each of another face."""
    frames_each: int = 60
    """Frames at rest, in calm and in quick motion, of each film."""
    face_mesh: bool = False
    """Follow the films by Face Mesh's own pipeline too: its points alone, of which it smooths the box."""
    results: OutRecords | None = None
    """Add the record to this .jsonl file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.films < 1 or self.frames_each < 2:
            raise ValueError("expected one film or more, of two frames or more in each part")
        if self.json_out is not None or self.csv_out is not None:
            raise ValueError("--measure writes no points: leave --json-out and --csv-out out")


@dataclass(frozen=True, kw_only=True)
class Showing:
    """One film, followed once."""

    points_xy: FloatArray
    """(T, M, 2); those of the frame before where the face was lost."""
    lost: int
    """Frames without a face."""
    wall_s: float
    cpu_s: float
    """Of all threads of this process."""


def run(options: VideoThroughput) -> Steps[Outcome]:
    """Draw the films, follow each in every way, and score; see VideoThroughput."""
    check_outputs(options)
    model = open_model(options.model, options.threads)
    scheme = model.scheme
    ways = _ways(options)
    watches = {name: Stopwatch() for name in ways}
    shown: dict[str, list[Showing]] = {name: [] for name in ways}
    films = [MovingFace(seed=seed, frames_each=options.frames_each, scheme=scheme) for seed in range(options.films)]
    truths = []
    with tempfile.TemporaryDirectory() as folder:
        for number, film in enumerate(films):
            path = Path(folder) / f"film-{film.seed}.mp4"
            truths.append(_write(film, path))
            for name, points in ways.items():
                shown[name].append(_follow(path, points, watches[name]))
            yield Progress(task="following films", done=number + 1, total=len(films))
    record = {
        "kind": "video-pace",
        **identify(options.model),
        "engine": model.engine,
        "data": f"moving synthetic faces, {len(films)} films of {len(truths[0])} frames",
        "split": "test",
        "n": len(films),
        "size_wh": list(SIZE_WH),
        "ways": {name: _scores(films, truths, shown[name], watches[name]) for name in ways},
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "niceness": os.nice(0),
        **conditions(options.threads),
    }
    if options.results is not None:
        append(options.results, (record,))
    return Outcome(text=_text(record), records=(record,))


def _ways(options: VideoThroughput) -> dict[str, Points]:
    """Each by its name in the record."""
    ways: dict[str, Points] = {
        "smooth": partial(_drawn, replace(options, smooth=True)),
        "raw": partial(_drawn, replace(options, smooth=False)),
        "points": partial(_points_alone, replace(options, smooth=True)),
    }
    return {**ways, FACE_MESH: _face_mesh} if options.face_mesh else ways


def _drawn(options: Follow, stack: ExitStack, reader: VideoReader, watch: Stopwatch) -> Iterator[FloatArray | None]:
    """The whole of `sdhrnet video`."""
    frames = stack.enter_context(follower(options, {}, 0, watch))
    out = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "drawn.mp4"
    writer = stack.enter_context(VideoWriter(out, reader.size_wh, reader.fps))
    return (faces[0].points_xy if faces else None for _, faces in play(frames, reader, writer))


def _points_alone(
    options: Follow, stack: ExitStack, reader: VideoReader, watch: Stopwatch
) -> Iterator[FloatArray | None]:
    """Neither drawn nor encoded."""
    model = stack.enter_context(load(options.model, threads=options.threads, finest=0, detector=options.detector))
    tracker = model.tracker(options.tracking(), watch)
    tracked = (tracker(frame.image, frame.seconds) for frame in reader)
    return (faces[0].points_xy if faces else None for faces in tracked)


def _face_mesh(stack: ExitStack, reader: VideoReader, watch: Stopwatch) -> Iterator[FloatArray | None]:
    """Its own pipeline as one stage, in place of ours."""
    from toolkit.benchmarking.end_to_end import MeshPipeline

    pipeline = stack.enter_context(closing(MeshPipeline(corrected=True, followed=1)))

    def seen(image: ImageArray) -> FloatArray | None:
        with watch("face mesh"):
            faces = pipeline(image)
        return faces[0] if faces else None

    return (seen(frame.image) for frame in reader)


def _write(film: MovingFace, path: Path) -> FloatArray:
    """Write the film to a file; its points (T, M, 2)."""
    truth = []
    with VideoWriter(path, SIZE_WH, FPS) as writer:
        for seconds, image, points_xy in film:
            writer.write(image, seconds)
            truth.append(points_xy)
    return np.stack(truth)


def _follow(path: Path, follow: Points, watch: Stopwatch) -> Showing:
    """A file, followed; opening the models is not timed.

    Raises:
        ValueError: no face is found in the first frame.
    """
    points: list[FloatArray] = []
    lost = 0
    with ExitStack() as stack:
        reader = stack.enter_context(closing(VideoReader(path, watch)))
        seen = follow(stack, reader, watch)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        for face_xy in seen:
            if face_xy is None and not points:
                raise ValueError(f"no face found at the beginning of {path.name}")
            points.append(points[-1] if face_xy is None else face_xy)
            lost += face_xy is None
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return Showing(points_xy=np.stack(points), lost=lost, wall_s=wall_s, cpu_s=cpu_s)


def _scores(
    films: list[MovingFace], truths: list[FloatArray], shown: list[Showing], watch: Stopwatch
) -> dict[str, Any]:
    """Speed over all films; NME and flicker in percent, by part, means over the films."""
    count = sum(len(truth) for truth in truths)
    parts = {}
    for name in SPEEDS:
        pairs = [(s.points_xy[f.parts[name]], t[f.parts[name]]) for f, s, t in zip(films, shown, truths, strict=True)]
        scheme = films[0].scheme
        parts[name] = {
            "nme": round(100 * float(np.mean([metrics.nme(found, truth, scheme).mean() for found, truth in pairs])), 4),
            "flicker": round(100 * float(np.mean([metrics.flicker(*pair, scheme).mean() for pair in pairs])), 4),
        }
    return {
        "frames": count,
        "frames_lost": sum(s.lost for s in shown),
        "frames_per_second": round(count / sum(s.wall_s for s in shown), 2),
        "cpu_ms_per_frame": round(1000 * sum(s.cpu_s for s in shown) / count, 4),
        "stages": watch.summary(count),
        "parts": parts,
    }


def _text(record: dict[str, Any]) -> str:
    lines = [f"{called(record)} on {record['engine']}, {record['threads']} threads; {record['data']}, 640 x 480"]
    for name, way in record["ways"].items():
        stages = ", ".join(f"{stage} {row['median_ms']:.2f}" for stage, row in way["stages"].items())
        parts = "; ".join(
            f"{part} NME {row['nme']:.2f} %, flicker {row['flicker']:.2f} %" for part, row in way["parts"].items()
        )
        lines += [
            f"{name}: {way['frames_per_second']:.1f} frames a second, {way['cpu_ms_per_frame']:.2f} ms of processor "
            f"time a frame, lost in {way['frames_lost']} of {way['frames']}",
            f"  median ms of a call: {stages}",
            f"  {parts}",
        ]
    return "\n".join([*lines, f"load average {record['load_average'][0]:.1f} on {record['device']}"])
