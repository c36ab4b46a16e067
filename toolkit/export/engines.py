"""Engines of the kind that phones have, each in a Python environment of its own: a file's points there, and its record.

deploy/engines/fetch.sh makes the environments; runtime.engine_worker runs in them.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
from msgspec import Meta

from toolkit.bundle import Bundle
from toolkit.core.arrays import ImageArray
from toolkit.core.files import sha256, size_bytes
from toolkit.core.validation import Text, check, parse
from toolkit.export import npu
from toolkit.export.parity import BUDGETS, Parity, compare
from toolkit.export.proof import Reference
from toolkit.runtime import engine_worker
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction
from toolkit.runtime.sidecar import Precision, Sidecar

Engine = Literal["htp", "gpu"]
"""Qualcomm's NPU, simulated; LiteRT's GPU engine, on a software driver."""
FLOATS: tuple[Precision, ...] = ("float32", "float16")
BUDGET_PX = 0.1
"""Mean displacement from the bundle's points, in crop pixels, of a network that is computed in half precision; int8 has
the budget of its own that conversion holds it to."""
ICD = "icd.json"
"""In an engine's folder: what tells Vulkan which driver to take, by VK_ICD_FILENAMES."""
SPLIT = re.compile(r"(\d+) operations will run on the GPU, and the remaining (\d+) operations will run on the CPU")
REFUSED = "not supported by GPU delegate:"
"""What LiteRT's GPU engine says before the operations that it leaves, a line each with the reason; SPLIT ends them."""
Number = Annotated[int, Meta(ge=0)]


class About(TypedDict, total=False):
    """What the worker says of an engine and a file."""

    engine: Text
    operations: Number
    taken: Number
    parts: Number
    left: list[Text]
    whole: bool


class Answered:
    """A landmarker whose predictions were made elsewhere, in the order of the crops."""

    timed, confidence_floor = False, CONFIDENCE_FLOOR

    def __init__(self, engine: str, loaded: Bundle, predictions: list[Prediction]) -> None:
        self.engine, self.scheme, self.size_px = engine, loaded.scheme, loaded.card.size_px
        self._next = iter(predictions)

    def __call__(self, crop: ImageArray) -> Prediction:
        return next(self._next)


def environment(root: Path, engine: Engine) -> Path:
    """An engine's folder.

    Raises:
        FileNotFoundError: it was not made.
    """
    if not (root / engine / ".ready").exists():
        raise FileNotFoundError(
            f"no {engine} engine at {root}: run `make verify-engines`, or deploy/engines/fetch.sh {root} python3"
        )
    return root / engine


def prove_on(
    engine: Engine, root: Path, path: Path, expected: Reference, about: Sidecar | None
) -> tuple[Parity, dict[str, Any]]:
    """Run a file on an engine and compare its points with its bundle's.

    Args:
        engine: which.
        root: where the engines' environments are.
        path: the file.
        expected: its bundle, crops, and the bundle's predictions for them.
        about: its sidecar; None for a file of floats that has none.

    Returns:
        Agreement, and the record: what the engine took, in how many parts, and whether points stay within the budget.
    """
    own = environment(root, engine)
    precision = about.precision if about else "float32"
    compiled = about.compiled if about else None
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        if about and compiled:
            runs = npu.as_onnx(path, about, Path(temporary))
            predictions, said = answers(own, "compiled", runs, expected.crops.crops)
            said |= {"operations": compiled.operations, "taken": compiled.taken, "parts": compiled.parts}
        else:
            predictions, said = answers(own, engine, path, expected.crops.crops)
    parity = compare(
        Answered(said["engine"], expected.bundle, predictions), expected.predictions, expected.crops, "float16"
    )
    budget_px = BUDGET_PX if precision in FLOATS else BUDGETS[precision].allowed_px(expected.bundle.card.size_px)
    name = "half precision" if precision in FLOATS else precision
    text = f"points move by {parity.mean_px:.4g} px on average; the budget of {name} is {budget_px} px"
    reasons = [] if parity.mean_px <= budget_px else [text]
    operations, taken = said.get("operations"), said.get("taken")
    return parity, {
        **_identity(engine, path, about),
        "engine": said["engine"],
        "operations": operations,
        "operations_taken": taken,
        "whole": said.get("whole", operations is not None and operations == taken),
        "parts": said.get("parts"),
        "left": said.get("left", []),
        **parity.record(),
        "budget_px": budget_px,
        "reasons": reasons,
        "ok": not reasons,
    }


def refusal_on(
    engine: str, path: Path, expected: Reference, about: Sidecar | None, error: ValueError
) -> dict[str, Any]:
    """The record of a file that an engine did not run: prove_on's, without figures, with the reason."""
    return {
        **_identity(engine, path, about),
        "engine": None,
        "operations": None,
        "operations_taken": None,
        "whole": False,
        "parts": None,
        "left": [],
        "data": expected.crops.title,
        "n": len(expected.crops.crops),
        "mean_px": None,
        "worst_px": None,
        "reasons": [" ".join(str(error).split())],
        "ok": False,
    }


def _identity(engine: str, path: Path, about: Sidecar | None) -> dict[str, Any]:
    """The fields of a record that say what was asked to run where."""
    return {
        "kind": "engine",
        "model": path.name,
        "file_sha256": sha256(path),
        "size_bytes": size_bytes(path),
        "simulated": engine,
        "chip": about.compiled.chip if about and about.compiled else None,
        "precision": about.precision if about else "float32",
    }


def answers(
    root: Path, engine: Literal["htp", "gpu", "compiled"], path: Path, crops: Sequence[ImageArray]
) -> tuple[list[Prediction], About]:
    """A file's predictions on an engine in its own environment, and what it says of itself.

    Args:
        root: the environment's folder, with bin/python.
        engine: which engine it has; `compiled` is the htp of a file that stands for a compiled one.
        path: the file.
        crops: (S, S, 3) uint8 each.

    Raises:
        ValueError: it did not run to its end; the message has its last words.
    """
    root = root.resolve()
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        given, out = Path(temporary) / "crops.npy", Path(temporary) / "out.npz"
        np.save(given, np.stack(crops).astype(np.float32))
        command = [str(root / "bin/python"), engine_worker.__file__, engine, str(path.resolve()), str(given), str(out)]
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        variables |= {"VK_ICD_FILENAMES": str(root / ICD), "LD_LIBRARY_PATH": str(root / "lib")}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            words = " ".join(done.stderr.split()[-30:])
            raise ValueError(f"{engine} failed on {path.name} with status {done.returncode}: {words}")
        with np.load(out) as found:
            points, confidence, said = found["points"], found["confidence"], str(found["about"])
    about: About = check(parse(said.encode(), "the engine's answer"), About, "the engine's answer")
    side = crops[0].shape[0]
    predictions = [
        Prediction(points_xy=xy.astype(np.float64) * side - 0.5, confidence=sure.astype(np.float64))
        for xy, sure in zip(points, confidence, strict=True)
    ]
    return predictions, _by_the_log(about, done.stderr) if engine == "gpu" else about


def _by_the_log(about: About, log: str) -> About:
    """What LiteRT's GPU engine took, which its log alone tells."""
    split = SPLIT.search(log)
    if split is None:
        return about
    taken, left = map(int, split.groups())
    refused = log[: split.start()].rpartition(REFUSED)[2].split("\n")
    return {**about, "operations": taken + left, "taken": taken, "left": [line.strip() for line in refused if line]}
