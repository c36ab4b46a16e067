"""What the chapters share: where they run, their dial, drawn faces, and how an exercise is checked.

All that a chapter uses of its helpers is here by name: records from `course_records`, checks from `course_checks`, the
broken files of chapter 6 from `course_files`, the capstone's marks from `course_grade`.

A check compares the learner's function with the toolkit's and says `right`, or `not yet` and why; it never raises, so
that a chapter runs through whatever stands in its exercises. Solutions are in notebooks/solutions, a module a chapter.
"""

import os
import platform
import time
from importlib.util import find_spec
from typing import Any, Literal, TypeVar

import numpy as np
from course_checks import CHECKS
from course_files import break_files, points_of
from course_grade import grade
from course_records import LIMIT_MB, LIMIT_MS, READ, ROOT, changed, records, shipped

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.schemes import W300_68, Scheme
from toolkit.reporting.table import duration

Size = Literal["tiny", "gpu"]
Value = TypeVar("Value")
EXTRAS = {"torch": "train", "torch_pruning": "train", "matplotlib": "report", "skimage": "report"}
EXTRAS |= {"coremltools": "convert", "tensorflow": "convert", "ipywidgets": "notebooks", "mediapipe": "mediapipe"}
MARK = "sdhrnet"
"""In the metadata of a chapter's last output, and of the notebook once it is stamped."""
_STARTED = [time.perf_counter()]
_CAME_TO: list[dict[str, Any]] = []


def begin(size: Size, *packages: str) -> Any:
    """Say where this chapter runs and what is missing, and give the torch device of its dial.

    Args:
        size: `tiny` for a minute on two old cores; `gpu` for minutes on a CUDA device, or up to half an hour without.
        packages: that the chapter imports.
    """
    missing = sorted({EXTRAS[name] for name in packages if find_spec(name) is None})
    if missing:
        print(f"missing: in the clone's folder, pip install -e '.[{','.join(missing)}]', then restart the kernel")
    import torch

    device = torch.device("cuda" if size == "gpu" and torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{os.cpu_count()} CPU cores"
    asked = " (no CUDA device is here: up to half an hour)" if size == "gpu" and device.type != "cuda" else ""
    print(f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}, on {name}, size {size}{asked}")
    torch.manual_seed(0)
    _STARTED[:] = [time.perf_counter()]
    _CAME_TO.clear()
    return device


def end() -> None:
    """Say how long the chapter ran; beside the words, which records it read, for the stamp, and what it came to, for
    `long_runs.py`."""
    from IPython.display import display

    seconds = round(time.perf_counter() - _STARTED[0])
    told = {"seconds": seconds, "read": dict(READ), "came_to": list(_CAME_TO)}
    display({"text/plain": f"this chapter ran in {seconds} s"}, raw=True, metadata={MARK: told})


def came_to(size: Size, chapter: int, what: str, value: float) -> None:
    """Say what a chapter's training came to and, at the dial's first place, what the long run did, from its record."""
    _CAME_TO.append({"what": what, "value": round(float(value), 3)})
    long = [r for r in records("training", kind="chapter", chapter=chapter) if r["what"] == what]
    text = f"{what[0].upper()}{what[1:]}: {value:.2f}"
    if size == "tiny" and long:
        last = long[-1]
        text += f'; with `SIZE = "gpu"` {last["value"]:.2f}, in {duration(last["seconds"]).text} on {last["device"]}'
    say(text + ".")


def pick(size: Size, *, tiny: Value, gpu: Value) -> Value:
    """The value for the dial's place.

    Raises:
        ValueError: the dial has no such place.
    """
    if size not in ("tiny", "gpu"):
        raise ValueError(f'SIZE is "tiny" or "gpu", got {size!r}')
    return tiny if size == "tiny" else gpu


def drawn(count: int, *, seed: int, size_px: int = 64, scheme: Scheme = W300_68) -> tuple[ImageArray, FloatArray]:
    """Crops (N, S, S, 3) of faces that the toolkit draws, and their points (N, M, 2) in crop pixels."""
    from toolkit.core.correspondence import translated
    from toolkit.core.schemes import FIVE_5
    from toolkit.data.synthetic import SyntheticFaces

    given = W300_68 if scheme == FIVE_5 else scheme  # five points have a box that shows half of a face
    source = SyntheticFaces(count, seed=seed, size_px=max(96, size_px), scheme=given)
    images, points = [], []
    for face in (source[i] for i in range(count)):
        crop = crop_of_box(face.box_xyxy, size_px)
        images.append(cut(face.image, crop))
        points.append(crop.to_crop(translated(face.points_xy, given, scheme)))
    return np.stack(images), np.stack(points)


def say(text: str) -> None:
    """Show a sentence whose figures were computed."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def check(exercise: str, answer: Any) -> None:
    """Say whether an exercise's answer is right; see CHECKS."""
    print(verdict(exercise, answer))


def verdict(exercise: str, answer: Any) -> str:
    """`right`, or `not yet` and why.

    Raises:
        KeyError: there is no such exercise.
    """
    examine = CHECKS[exercise]
    try:
        wrong = examine(answer)
    except Exception as error:  # whatever a learner's function does, the chapter goes on
        wrong = f"it raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return f"{exercise}: right" if wrong is None else f"{exercise}: not yet; {wrong}"


__all__ = [
    "CHECKS",
    "LIMIT_MB",
    "LIMIT_MS",
    "ROOT",
    "begin",
    "break_files",
    "came_to",
    "changed",
    "check",
    "drawn",
    "end",
    "grade",
    "pick",
    "points_of",
    "records",
    "say",
    "shipped",
    "verdict",
]
