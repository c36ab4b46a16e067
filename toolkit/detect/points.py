"""The points of every frame as files: JSON for programs, CSV for tables; whole or absent, written as they come.

x and y are 0-based pixels of the upright picture, whole numbers at pixel centres, to a thousandth. It is the picture
that the camera took: where `mirror` in a JSON head says that it was shown as a mirror does, points are not mirrored.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from toolkit.core.files import naming, new_file
from toolkit.core.schemes import Scheme
from toolkit.detect.tracking import TrackedFace

DECIMALS = 3


class Sink(Protocol):
    """Takes the faces of one frame after the other, and the size of those that are not as large as the first."""

    def __call__(
        self, frame: int, seconds: float, faces: Sequence[TrackedFace], size_wh: tuple[int, int] | None = None
    ) -> None: ...


def face_record(face: TrackedFace) -> dict[str, Any]:
    """A face as plain JSON values."""
    return {
        "track": face.track,
        "score": round(face.score, DECIMALS),
        "box_xyxy": face.box_xyxy.round(DECIMALS).tolist(),
        "roll_deg": round(face.roll_deg, DECIMALS),
        "points_xy": face.points_xy.round(DECIMALS).tolist(),
        "confidence": face.confidence.round(DECIMALS).tolist(),
    }


@contextmanager
def json_points(path: Path, about: dict[str, Any]) -> Iterator[Sink]:
    """A JSON object: what `about` says, then `frames`, a line each.

    Args:
        path: where it appears when the block ends.
        about: plain JSON values.
    """
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(about, allow_nan=False)[:-1] + ', "frames": [')
        between = "\n"

        def write(
            frame: int, seconds: float, faces: Sequence[TrackedFace], size_wh: tuple[int, int] | None = None
        ) -> None:
            nonlocal between
            record: dict[str, Any] = {"frame": frame, "seconds": round(seconds, 6)}
            record |= {"size_wh": list(size_wh)} if size_wh is not None else {}
            with naming(path):
                record["faces"] = [face_record(face) for face in faces]
                file.write(between + json.dumps(record, allow_nan=False))
            between = ",\n"

        yield write
        file.write("\n]}\n")


@contextmanager
def csv_points(path: Path, scheme: Scheme) -> Iterator[Sink]:
    """A table with a row for each face of each frame: frame, seconds, track, confidence (the mean), x0, y0, x1, ...

    Args:
        path: where it appears when the block ends.
        scheme: says how many points there are.
    """
    with new_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        names = [f"{axis}{point}" for point in range(scheme.points) for axis in "xy"]
        file.write(",".join(["frame", "seconds", "track", "confidence", *names]) + "\n")

        def write(
            frame: int, seconds: float, faces: Sequence[TrackedFace], size_wh: tuple[int, int] | None = None
        ) -> None:
            for face in faces:
                points = (f"{value:.{DECIMALS}f}" for value in face.points_xy.ravel().tolist())
                head = (str(frame), f"{seconds:.6f}", str(face.track), f"{face.confidence.mean():.{DECIMALS}f}")
                with naming(path):
                    file.write(",".join([*head, *points]) + "\n")

        yield write
