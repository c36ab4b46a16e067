"""Between crops and tensors, the same for every engine."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core import heatmap
from toolkit.core.arrays import ImageArray
from toolkit.runtime.landmarker import Prediction
from toolkit.runtime.sidecar import Sidecar


def check_crop(crop: ImageArray, size_px: int) -> None:
    """Raises ValueError unless a crop is (size_px, size_px, 3) uint8."""
    shape, dtype = getattr(crop, "shape", None), getattr(crop, "dtype", None)
    if shape != (size_px, size_px, 3) or dtype != np.uint8:
        raise ValueError(
            f"expected a ({size_px}, {size_px}, 3) uint8 RGB crop, got {shape} {dtype}; "
            "cut one with toolkit.core.geometry.cut"
        )


def to_tensor(crop: ImageArray, about: Sidecar) -> NDArray[np.float32 | np.uint8]:
    """A checked crop as the (1, ...) input tensor of its layout and type."""
    check_crop(crop, about.size_px)
    tensor = crop.astype(about.input_type)[None]
    return np.ascontiguousarray(tensor.transpose(0, 3, 1, 2)) if about.input_layout == "NCHW" else tensor


def check_input(name: str, shape: Sequence[Any], kind: str, about: Sidecar) -> None:
    """Raises ValueError unless a file's input tensor is the one that its sidecar promises."""
    side = (about.size_px, about.size_px)
    wanted = (1, *side, 3) if about.input_layout == "NHWC" else (1, 3, *side)
    if (tuple(shape), kind) != (wanted, about.input_type):
        raise ValueError(
            f"{about.model} takes {name} {tuple(shape)} {kind}, its sidecar promises {wanted} {about.input_type}: "
            "convert it again"
        )


def to_prediction(outputs: Mapping[str, NDArray[Any]], about: Sidecar) -> Prediction:
    """A face's landmarks from the output tensors, by name.

    Raises:
        ValueError: an output is missing, of another shape than the sidecar's, or not finite.
    """
    side = about.size_px // heatmap.STRIDE
    shapes = {
        "points": (1, about.points, 2),
        "confidence": (1, about.points),
        "heatmaps": (1, side, side, about.points),
    }
    for name in about.outputs:
        if name not in outputs or outputs[name].shape != shapes[name]:
            got = outputs[name].shape if name in outputs else f"only {sorted(outputs)}"
            raise ValueError(f"{about.model} should give {name} {shapes[name]}, got {got}: convert it again")
        if not np.isfinite(outputs[name]).all():
            raise ValueError(f"{about.model} gave {name} that are not finite")
    if about.output == "heatmaps":
        maps = outputs["heatmaps"][0].transpose(2, 0, 1)
        points_xy, confidence = heatmap.decode(maps, about.decoder, about.sigma_px)
        return Prediction(points_xy=points_xy, confidence=confidence)
    points_xy = outputs["points"][0].astype(np.float64) * about.size_px - 0.5
    return Prediction(points_xy=points_xy, confidence=outputs["confidence"][0].astype(np.float64))
