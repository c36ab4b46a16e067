"""Somebody else's landmark model, from a small JSON file that says how it wants its crop and what its numbers mean."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from toolkit.bench.frame import Frame
from toolkit.bench.raw import open_raw
from toolkit.core import heatmap
from toolkit.core.files import read_json
from toolkit.core.heatmap import Decoder
from toolkit.core.schemes import scheme
from toolkit.detect.calibration import Calibration
from toolkit.runtime.landmarker import FloatArray, ImageArray, Prediction
from toolkit.runtime.tensors import check_crop

Kind = Literal["points", "heatmaps"]
Layout = Literal["NHWC", "NCHW"]


@dataclass(frozen=True, kw_only=True)
class Description:
    """How to run a model: the fields of the JSON file. Only `file` and `size_px` must be there."""

    file: str
    """The .tflite or .onnx file, beside the description or by its whole path."""
    size_px: int
    """Side of the square crop."""
    name: str = ""
    """What tables call it (default: the file's name)."""
    scheme: str = "300w-68"
    crop_scale: float = 1.25
    """The crop's side over the longer side of the tight box around the landmarks."""
    shift_xy: tuple[float, float] = (0.0, 0.0)
    """Where the crop's centre lies from the box's, in sides of the box."""
    layout: Layout = "NHWC"
    colours: Literal["RGB", "BGR"] = "RGB"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Taken off the levels 0 to 255 of each channel ..."""
    std: tuple[float, ...] = (255.0, 255.0, 255.0)
    """... which are then divided by this: the default gives 0 to 1."""
    output: str = ""
    """Name of the output tensor (default: the first)."""
    kind: Kind = "points"
    order: Literal["xy", "xxyy"] = "xy"
    """x and y of each point in turn, or all x before all y."""
    values: int = 2
    """Numbers a point with `xy`: 3 where a depth or a score follows, which is left out."""
    range: tuple[float, float] = (0.0, 1.0)
    """What the crop's left and upper outer edge, and its right and lower one, are as numbers of a point."""
    points: tuple[int, ...] = ()
    """Which of its points are the scheme's, in the scheme's order (default: all of them)."""
    decoder: Decoder = "quarter"
    """How heatmaps become points."""
    sigma_px: float = 1.0
    """Of the heatmaps' Gaussians, in their pixels."""

    def __post_init__(self) -> None:
        known = scheme(self.scheme)
        choices = ((self.kind, Kind), (self.layout, Layout), (self.decoder, Decoder))
        for value, allowed in choices:
            if value not in get_args(allowed):
                raise ValueError(f"{value!r} is none of {', '.join(get_args(allowed))}")
        if self.size_px < 1 or self.crop_scale <= 0 or self.values < 2 or self.range[0] == self.range[1]:
            raise ValueError("size_px, crop_scale and range must say where the crop is, and values be at least 2")
        if len(self.mean) != 3 or len(self.std) != 3 or 0 in self.std:
            raise ValueError("mean and std are three numbers each, and no std is 0")
        if self.points and len(self.points) != known.points:
            raise ValueError(f"{self.scheme} has {known.points} points, `points` names {len(self.points)}")

    @property
    def frame(self) -> Frame:
        """The crop it wants."""
        return Frame(
            size_px=self.size_px,
            scale=self.crop_scale,
            box=Calibration(shift_xy=self.shift_xy, scale_xy=(1.0, 1.0)),
        )


def read_description(path: Path) -> Description:
    """The description in a JSON file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no description; the message says which field.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no model and no description at {path}")
    fields = read_json(path)
    known = {f.name for f in dataclasses.fields(Description)}
    if not isinstance(fields, dict) or not {"file", "size_px"} <= fields.keys():
        raise ValueError(f"{path} does not describe a model: it needs at least `file` and `size_px`")
    if unknown := sorted(fields.keys() - known):
        raise ValueError(f"{path} has unknown fields {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    try:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        return Description(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


class DescribedLandmarker:
    """A described model, ready to run."""

    timed = True

    def __init__(self, path: Path, threads: int) -> None:
        self._about = about = read_description(path)
        self.scheme, self.size_px = scheme(about.scheme), about.size_px
        self.file = path.parent / about.file
        self._model = open_raw(self.file, threads)
        self.engine = self._model.engine
        self._mean, self._std = (np.array(v, np.float32) for v in (about.mean, about.std))

    def __call__(self, crop: ImageArray) -> Prediction:
        check_crop(crop, self.size_px)
        about = self._about
        pixels = crop if about.colours == "RGB" else crop[..., ::-1]
        tensor = ((pixels.astype(np.float32) - self._mean) / self._std)[None]
        tensor = tensor if about.layout == "NHWC" else tensor.transpose(0, 3, 1, 2)
        outputs = self._model(np.ascontiguousarray(tensor))
        name = about.output or next(iter(outputs))
        if name not in outputs:
            raise ValueError(f"{about.file} has no output {name!r}; it has {', '.join(outputs)}")
        if about.kind == "heatmaps":
            return self._decoded(outputs[name])
        points_xy = self._points(outputs[name].ravel().astype(np.float64))
        return Prediction(points_xy=points_xy, confidence=np.ones(len(points_xy)))

    def _points(self, numbers: FloatArray) -> FloatArray:
        about = self._about
        each = about.values if about.order == "xy" else 2
        if len(numbers) % each:
            raise ValueError(f"{about.file} gives {len(numbers)} numbers, which are no points of {each} each")
        pairs = numbers.reshape(2, -1).T if about.order == "xxyy" else numbers.reshape(-1, each)[:, :2]
        low, high = about.range
        return self._chosen((pairs - low) / (high - low) * about.size_px - 0.5)

    def _decoded(self, maps: NDArray[np.float32]) -> Prediction:
        about = self._about
        planes = maps[0] if about.layout == "NCHW" else maps[0].transpose(2, 0, 1)
        points_xy, confidence = heatmap.decode(planes, about.decoder, about.sigma_px)
        # decode's crop has STRIDE pixels to one of the map; this one may have another number
        stride = about.size_px / planes.shape[-1]
        points_xy = (heatmap.to_heatmap(points_xy) + 0.5) * stride - 0.5
        return Prediction(points_xy=self._chosen(points_xy), confidence=self._chosen(confidence))

    def _chosen(self, found: FloatArray) -> FloatArray:
        """Those points that are the scheme's."""
        wanted = self._about.points
        if (wanted and max(wanted) >= len(found)) or (not wanted and len(found) != self.scheme.points):
            raise ValueError(
                f"{self._about.file} gives {len(found)} points, {self.scheme.name} has {self.scheme.points}: "
                "say with `points` which are which"
            )
        return found[list(wanted)] if wanted else found
