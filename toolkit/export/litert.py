"""torch -> TFLite by litert-torch, without ONNX: the second road, where it is installed. Float32 alone."""

import json
import shutil
import tempfile
from pathlib import Path

from toolkit.export.tools import require, run_apart
from toolkit.runtime.sidecar import OUTPUTS


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
