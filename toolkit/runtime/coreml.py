"""CoreML packages: on CoreML itself on macOS, in the NumPy interpreter everywhere else."""

import platform
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

import numpy as np
from PIL import Image

from toolkit.core.arrays import ImageArray
from toolkit.core.provenance import install
from toolkit.core.schemes import scheme
from toolkit.runtime import mil, tensors
from toolkit.runtime.landmarker import Landmarker, Prediction, known_floor
from toolkit.runtime.sidecar import Sidecar

ComputeUnits = Literal["all", "cpu_only", "cpu_and_gpu", "cpu_and_ne"]
"""Which hardware CoreML may use; what it then does use, it does not tell."""


class InterpretedLandmarker:
    """An .mlpackage in the reference interpreter: what the program says, at no device's speed."""

    timed = False

    def __init__(self, path: Path, about: Sidecar) -> None:
        self._about = about
        self.scheme, self.size_px = scheme(about.scheme), about.size_px
        self.confidence_floor = known_floor(about.confidence_floor)
        self._program = mil.load(path)
        self.engine = f"mil-interpreter-numpy {np.__version__}"
        colours = {feature.colour for feature in self._program.features} - {None, "RGB"}
        if colours:
            raise ValueError(f"{path} takes {colours.pop()} images, expected RGB: convert it again")

    def __call__(self, crop: ImageArray) -> Prediction:
        """Landmarks of one crop."""
        tensors.check_crop(crop, self.size_px)
        # an image input, too, is a (1, 3, S, S) tensor inside the program
        image = crop.transpose(2, 0, 1)[None].astype(np.float32)
        return tensors.to_prediction(self._program({"image": image}), self._about)


class CoreMLLandmarker:
    """An .mlpackage on CoreML; needs macOS. The engine's version is that of macOS, of which CoreML is a part."""

    timed = True

    def __init__(self, path: Path, about: Sidecar, units: ComputeUnits) -> None:
        ct = _coremltools()
        self._about = about
        self.scheme, self.size_px = scheme(about.scheme), about.size_px
        self.confidence_floor = known_floor(about.confidence_floor)
        suffix = "" if units == "all" else f"-{units}"
        self.engine = f"coreml{suffix} {platform.mac_ver()[0]}"
        try:
            self._model = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit[units.upper()])
        except Exception as error:  # coremltools raises bare exceptions with the compiler's message
            raise ValueError(f"CoreML cannot load {path} ({error}): convert it again") from error

    def __call__(self, crop: ImageArray) -> Prediction:
        """Landmarks of one crop."""
        tensor = tensors.to_tensor(crop, self._about)
        image = Image.fromarray(crop) if self._about.input_layout == "image" else tensor
        return tensors.to_prediction(self._model.predict({"image": image}), self._about)


def load_coreml(path: Path, about: Sidecar, units: ComputeUnits = "all") -> Landmarker:
    """An .mlpackage, ready to run. Off macOS `units` changes nothing: the interpreter is on the CPU.

    Raises:
        FileNotFoundError: a part of the package is not there.
        ValueError: it is damaged, no ML Program, or has an operation that the interpreter does not know; unknown units.
        ModuleNotFoundError: on macOS, coremltools is not installed.
    """
    if units not in get_args(ComputeUnits):
        raise ValueError(f"unknown compute units {units!r}; known: {', '.join(get_args(ComputeUnits))}")
    if platform.system() == "Darwin":
        return CoreMLLandmarker(path, about, units)
    return InterpretedLandmarker(path, about)


def _coremltools() -> ModuleType:
    try:
        import coremltools  # takes seconds, and only macOS needs it
    except ModuleNotFoundError as error:
        message = f"coremltools is not installed: {install('convert')}"
        raise ModuleNotFoundError(message, name=error.name) from error
    return coremltools  # type: ignore[no-any-return]
