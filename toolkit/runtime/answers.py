"""Predictions of a folder's .tflite files for given crops, to compare with those of another processor.

    python -m toolkit.runtime.answers MODELS CROPS.npy OUT.npz

needs NumPy, OpenCV and a TFLite runtime alone. OUT.npz has NAME/points (N, M, 2) in pixels and NAME/confidence (N, M).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import runtime
from toolkit.runtime.landmarker import ImageArray

Answers = dict[str, NDArray[Any]]


def answers(models: Path, crops: ImageArray) -> Answers:
    """Predictions for crops (N, S, S, 3), by file and output.

    Raises:
        ValueError: a file is damaged or takes crops of another size.
    """
    found: Answers = {}
    for path in runtime.models_in(models):
        if path.suffix == ".tflite":
            landmarker = runtime.load(path)
            predictions = [landmarker(crop) for crop in crops]
            found[f"{path.name}/points"] = np.stack([p.points_xy for p in predictions])
            found[f"{path.name}/confidence"] = np.stack([p.confidence for p in predictions])
    return found


def main() -> None:
    """The module as a program."""
    models, crops, out = map(Path, sys.argv[1:])
    np.savez(out, **answers(models, np.load(crops)))


if __name__ == "__main__":
    main()
