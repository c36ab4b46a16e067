"""torch -> ONNX -> TensorFlow -> TFLite by TensorFlow's converter: float32, float16 and the kinds of int8.

A second way beside it: litert-torch, without ONNX, where it is installed, for float32 alone.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from toolkit.core import heatmap
from toolkit.core.arrays import ImageArray
from toolkit.export.deployed import Deployed, DeployedHeatmaps
from toolkit.export.onnx import to_onnx
from toolkit.export.static_int8 import Way
from toolkit.export.tools import require, run_apart
from toolkit.runtime.sidecar import OUTPUTS, Mixed, Precision

Converter = Literal["channels-last", "onnx2tf"]
"""Who makes a TensorFlow function of the network's ONNX graph: this toolkit's own, which follows where channels lie
(channels_last), or onnx2tf, which takes any network and guesses that by sizes where it must."""
CALIBRATED: tuple[Precision, ...] = ("int8", "int8whole", "int8io")
"""Precisions that take the ranges of their activations from crops."""


def to_tflite(
    module: Deployed | DeployedHeatmaps,
    size_px: int,
    paths: dict[Precision, Path],
    calibration: Sequence[ImageArray] = (),
    ways: Mapping[Path, Way] | None = None,
    *,
    converter: Converter = "channels-last",
) -> dict[Precision, Mixed]:
    """Write a deployed module as TFLite: input `image` (1, S, S, 3), static shapes, NHWC.

    Static int8 that would move points too far is left in float in part; of which files that is so is returned.

    Args:
        module: points or heatmaps.
        size_px: side of the crop.
        paths: a file for each precision that is wanted; one conversion serves them all.
        calibration: crops (S, S, 3) uint8 that static int8 takes its ranges from.
        ways: files of static int8 made otherwise, for comparison; then nothing is left in float for the points' sake.
        converter: of the network; decoding is always by channels_last, since onnx2tf makes its indices int64.

    Raises:
        ModuleNotFoundError: the convert extra is not installed.
        ValueError: static int8 without calibration crops, or a converter failed; the message names its log.
    """
    require("tensorflow", "onnx", "onnxscript")
    outputs = OUTPUTS["points" if isinstance(module, Deployed) else "heatmaps"]
    static = [precision for precision in paths if precision in CALIBRATED]
    if static and not calibration:
        raise ValueError(f"{static[0]} needs calibration crops")
    others = ways or {}
    names = {path: f"way-{place}" for place, path in enumerate(others)}
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        folder = Path(temporary)
        if converter == "onnx2tf":
            require("onnx2tf")
            _halves(module, size_px, tuple(outputs), folder)
        else:
            to_onnx(module, size_px, tuple(outputs), folder / "model.onnx")
        if calibration:
            np.save(folder / "calibration.npy", np.stack(calibration))
        job: dict[str, Any] = {"size_px": size_px, "precisions": list(paths), "outputs": list(outputs)}
        job["ways"] = {names[path]: asdict(way) for path, way in others.items()}
        job["within_budget"] = "points" in outputs and ways is None
        job["reach"] = module.decode.reach if isinstance(module, Deployed) else None
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        run_apart("toolkit.export.tflite_worker", folder)
        for name, path in [*paths.items(), *((names[path], path) for path in others)]:
            shutil.copyfile(folder / f"{name}.tflite", path)
        told = json.loads((folder / "mixed.json").read_text(encoding="utf-8"))
    return {precision: Mixed(**told[precision]) for precision in paths if precision in told}


def _halves(module: Deployed | DeployedHeatmaps, size_px: int, outputs: tuple[str, ...], folder: Path) -> None:
    """Write network and decoding as ONNX files of their own."""
    to_onnx(module.network, size_px, ("heatmaps",), folder / "network.onnx")
    if isinstance(module, Deployed):
        decode, side = module.decode, size_px // heatmap.STRIDE
        to_onnx(decode, side, outputs, folder / "decode.onnx", maps=decode.points)


def to_litert(bundle: Path, path: Path) -> None:
    """Write a bundle as it is deployed, with decoding, as TFLite: input `image` (1, S, S, 3) float32.

    Raises:
        ModuleNotFoundError: litert-torch or the convert extra is not installed.
        ValueError: the converter failed; the message names its log.
    """
    require("tensorflow")
    require("litert_torch", extra="litert")
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        folder = Path(temporary)
        job = {"bundle": str(bundle.resolve()), "outputs": list(OUTPUTS["points"])}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        run_apart("toolkit.export.litert_worker", folder)
        shutil.copyfile(folder / "model.tflite", path)
