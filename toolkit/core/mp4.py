"""The times of an MP4's frames, set after it was written.

OpenCV writes every frame at the same distance from the last. Cameras and phones do not record so, and the file should
play as it was seen. An MP4 (ISO/IEC 14496-12) keeps its frames' durations in one table, `stts`, which is replaced here
together with the lengths that follow from it; the pictures stay as they are.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

TICKS = 90_000
"""Ticks a second, as is usual for video; 32-bit lengths then hold 13 hours."""
LONGEST_S = 2**32 / TICKS
FOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")
"""Boxes that hold boxes, on the way to those that are changed."""
DURATION_AT = {b"mvhd": 16, b"tkhd": 20, b"mdhd": 16, b"elst": 8}
"""Where, inside a box, the 32-bit length of the film, the track, the media and the track's only edit is."""


def retime(path: Path, seconds: Sequence[float]) -> None:
    """Give every frame its own time, in place; the last frame lasts as long as the one before.

    Args:
        path: an MP4 with one track, its table of contents at the end, as OpenCV writes it.
        seconds: when each of its frames is shown, rising; the first one becomes 0.

    Raises:
        ValueError: not such a file, not as many times as frames, or times that do not rise or last over 13 hours.
    """
    ticks = np.rint((np.asarray(seconds) - seconds[0]) * TICKS).astype(np.int64)
    steps = np.diff(ticks)
    steps = np.append(steps, steps[-1] if len(steps) else TICKS // 30)
    if steps.min() < 1 or steps.sum() >= 2**32:
        raise ValueError(f"the frames of {path.name} need rising times within {LONGEST_S / 3600:.0f} hours")
    start, contents = _contents(path)
    with path.open("r+b") as file:
        file.seek(start)
        file.write(_retimed(contents, steps.tolist()))
        file.truncate()


def _contents(path: Path) -> tuple[int, bytes]:
    """Where the table of contents begins, which must be the last box of the file, and the box."""
    size, start = path.stat().st_size, 0
    with path.open("rb") as file:
        while start < size:
            file.seek(start)
            head = file.read(16)
            length, kind = int.from_bytes(head[:4]), head[4:8]
            length = int.from_bytes(head[8:]) if length == 1 else length
            if kind == b"moov" and start + length == size:
                file.seek(start)
                return start, file.read()
            if length < 8:
                break
            start += length
    raise ValueError(f"{path.name} is not an MP4 with its table of contents at the end")


def _retimed(boxes: bytes, steps: Sequence[int], film_ticks: int = 1000) -> bytes:
    """The same boxes, and those inside them, with the new times; `film_ticks` a second count the film's length."""
    out, start = b"", 0
    while start < len(boxes):
        length, kind = int.from_bytes(boxes[start : start + 4]), boxes[start + 4 : start + 8]
        body = bytearray(boxes[start + 8 : start + length])
        if kind == b"mvhd":
            film_ticks = int.from_bytes(body[12:16])
        if kind in FOLDERS:
            body[:] = _retimed(bytes(body), steps, film_ticks)
        elif kind == b"stts":
            frames = sum(int.from_bytes(body[i : i + 4]) for i in range(8, len(body), 8))
            if frames != len(steps):
                raise ValueError(f"a film of {frames} frames cannot have {len(steps)} times")
            body[4:] = _durations(steps)
        elif kind in DURATION_AT:
            at, media = DURATION_AT[kind], kind == b"mdhd"
            ticks = sum(steps) if media else round(sum(steps) * film_ticks / TICKS)
            body[at : at + 4] = ticks.to_bytes(4)
            body[at - 4 : at] = TICKS.to_bytes(4) if media else body[at - 4 : at]
        out += (len(body) + 8).to_bytes(4) + kind + body
        start += max(length, 8)
    return out


def _durations(steps: Sequence[int]) -> bytes:
    """The table of durations: how many runs of equal ones, and of each the count and the duration."""
    runs: list[list[int]] = []
    for step in steps:
        if runs and runs[-1][1] == step:
            runs[-1][0] += 1
        else:
            runs.append([1, step])
    return len(runs).to_bytes(4) + b"".join(count.to_bytes(4) + step.to_bytes(4) for count, step in runs)
