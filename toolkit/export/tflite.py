"""torch -> ONNX -> TensorFlow -> TFLite by TensorFlow's converter: float32, float16 and the kinds of int8."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from toolkit.export.onnx import to_onnx
from toolkit.export.static_int8 import Way
from toolkit.export.tools import require, run_apart
from toolkit.runtime.landmarker import ImageArray
from toolkit.runtime.sidecar import OUTPUTS, Output, Precision

CALIBRATED: tuple[Precision, ...] = ("int8", "int8io")
"""Precisions that take the ranges of their activations from crops."""


def to_tflite(
    module: nn.Module,
    output: Output,
    size_px: int,
    paths: dict[Precision, Path],
    calibration: Sequence[ImageArray] = (),
    ways: Mapping[Path, Way] = {},
) -> None:
    """Write a deployed module as TFLite: input `image` (1, S, S, 3), static shapes, NHWC.

    Args:
        module: Deployed or DeployedHeatmaps.
        output: which of the two it is.
        size_px: side of the crop.
        paths: a file for each precision that is wanted; one conversion serves them all.
        calibration: crops (S, S, 3) uint8 that static int8 takes its ranges from.
        ways: files of static int8 made otherwise, for comparison.

    Raises:
        ModuleNotFoundError: the convert extra is not installed.
        ValueError: static int8 without calibration crops, or a converter failed; the message names its log.
    """
    require("tensorflow", "onnx", "onnxscript")
    static = [precision for precision in paths if precision in CALIBRATED]
    if static and not calibration:
        raise ValueError(f"{static[0]} needs calibration crops")
    names = {path: f"way-{place}" for place, path in enumerate(ways)}
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        folder = Path(temporary)
        to_onnx(module, size_px, tuple(OUTPUTS[output]), folder / "model.onnx")
        if calibration:
            np.save(folder / "calibration.npy", np.stack(calibration))
        job: dict[str, Any] = {"size_px": size_px, "precisions": list(paths), "outputs": list(OUTPUTS[output])}
        job["ways"] = {names[path]: asdict(way) for path, way in ways.items()}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        run_apart("toolkit.export.tflite_worker", folder)
        for name, path in [*paths.items(), *((names[path], path) for path in ways)]:
            shutil.copyfile(folder / f"{name}.tflite", path)
