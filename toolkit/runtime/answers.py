"""Predictions of a folder's .tflite files for given crops, to compare with those of another processor.

    python -m toolkit.runtime.answers MODELS CROPS.npz OUT.npz

needs NumPy, OpenCV and a TFLite runtime alone. CROPS.npz has (N, S, S, 3) by the side S, OUT.npz has NAME/points
(N, M, 2) in pixels and NAME/confidence (N, M).
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import runtime
from toolkit.core.arrays import ImageArray

Answers = dict[str, NDArray[Any]]


def answers(models: Path, crops: Mapping[str, ImageArray]) -> Answers:
    """Predictions by file and output.

    Args:
        models: the folder.
        crops: (N, S, S, 3) by the side S in pixels, one of every size that a file takes.

    Raises:
        ValueError: a file is damaged.
    """
    found: Answers = {}
    for path in runtime.models_in(models):
        if path.suffix == ".tflite":
            landmarker = runtime.load(path)
            predictions = [landmarker(crop) for crop in crops[str(landmarker.size_px)]]
            found[f"{path.name}/points"] = np.stack([p.points_xy for p in predictions])
            found[f"{path.name}/confidence"] = np.stack([p.confidence for p in predictions])
    return found


def main() -> None:
    """The module as a program."""
    models, crops, out = map(Path, sys.argv[1:])
    with np.load(crops) as given:
        np.savez(out, **answers(models, given))


if __name__ == "__main__":
    main()
