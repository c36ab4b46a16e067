"""Somebody else's landmark model, from a small JSON file that says how it wants its crop and what its numbers mean."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from toolkit.benchmarking.framing import Framing
from toolkit.core import heatmap
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import read_json
from toolkit.core.heatmap import Decoder
from toolkit.core.schemes import scheme
from toolkit.core.validation import Real, Sigma, Text, check_fields
from toolkit.detect.boxes import Calibration
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction
from toolkit.runtime.raw import open_raw
from toolkit.runtime.tensors import check_crop

FEWEST_STEPS = 16
"""Of an integer input, from black to white; a quantised model has some two hundred."""
MOST_CUT = 0.1
"""Share of the levels, at either end, that an integer input may cut off."""

Shift = Annotated[float, Meta(ge=-10, le=10)]
Divisor = Annotated[float, Meta(ge=1e-6, le=1e6)]


@dataclass(frozen=True, kw_only=True)
class Description:
    """How to run a model: the fields of the JSON file. Only `file` and `size_px` must be there.

    A file may take and give integers or half floats: values are brought into the steps of its own scale and zero point
    and out of them.
    """

    file: Annotated[str, Meta(min_length=1, max_length=4096)]
    """The .tflite or .onnx file, beside the description or by its whole path."""
    size_px: Annotated[int, Meta(ge=8, le=4096)]
    """Side of the square crop."""
    name: Text = ""
    """What tables call it (default: the file's name)."""
    scheme: Text = "300w-68"
    crop_scale: Annotated[float, Meta(ge=0.1, le=10)] = 1.25
    """The crop's side over the longer side of the tight box around the landmarks."""
    shift_xy: tuple[Shift, Shift] = (0.0, 0.0)
    """Where the crop's centre lies from the box's, in sides of the box."""
    layout: Literal["NHWC", "NCHW"] = "NHWC"
    colours: Literal["RGB", "BGR"] = "RGB"
    mean: tuple[Real, Real, Real] = (0.0, 0.0, 0.0)
    """Taken off the levels 0 to 255 of each channel ..."""
    std: tuple[Divisor, Divisor, Divisor] = (255.0, 255.0, 255.0)
    """... which are then divided by this: the default gives 0 to 1."""
    output: Text = ""
    """Name of the output tensor (default: the first)."""
    kind: Literal["points", "heatmaps"] = "points"
    order: Literal["xy", "xxyy"] = "xy"
    """x and y of each point in turn, or all x before all y."""
    values: Annotated[int, Meta(ge=2, le=64)] = 2
    """Numbers a point with `xy`: 3 where a depth or a score follows, which is left out."""
    range: tuple[Real, Real] = (0.0, 1.0)
    """What the crop's left and upper outer edge, and its right and lower one, are as numbers of a point."""
    points: tuple[Annotated[int, Meta(ge=0, le=100_000)], ...] = ()
    """Which of its points are the scheme's, in the scheme's order (default: all of them)."""
    decoder: Decoder = "quarter"
    """How heatmaps become points."""
    sigma_px: Sigma = 1.0
    """Of the heatmaps' Gaussians, in their pixels."""

    def __post_init__(self) -> None:
        check_fields(self)
        known = scheme(self.scheme)
        if self.range[0] == self.range[1]:
            raise ValueError("range: the crop's two edges cannot be one number")
        if self.points and len(self.points) != known.points:
            raise ValueError(f"points: {self.scheme} has {known.points} points, `points` names {len(self.points)}")

    @property
    def framing(self) -> Framing:
        """The crop it wants."""
        return Framing(
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
    return read_json(path, Description)  # type: ignore[no-any-return]


class DescribedLandmarker:
    """A described model, ready to run."""

    timed, confidence_floor = True, CONFIDENCE_FLOOR

    def __init__(self, path: Path, threads: int) -> None:
        self._about = about = read_description(path)
        self.scheme, self.size_px = scheme(about.scheme), about.size_px
        self.file = path.parent / about.file
        side = (about.size_px, about.size_px)
        self._model = open_raw(self.file, threads, (1, 3, *side) if about.layout == "NCHW" else (1, *side, 3))
        self.engine = self._model.engine
        self._mean, self._std = (np.array(v, np.float32) for v in (about.mean, about.std))
        self._check_levels()

    def __call__(self, crop: ImageArray) -> Prediction:
        check_crop(crop, self.size_px)
        about = self._about
        pixels = crop if about.colours == "RGB" else crop[..., ::-1]
        tensor = self._normalised(pixels)[None]
        tensor = tensor if about.layout == "NHWC" else tensor.transpose(0, 3, 1, 2)
        outputs = self._model(np.ascontiguousarray(tensor))
        name = about.output or next(iter(outputs), "")
        if name not in outputs:
            raise ValueError(f"{about.file} has no output {name!r}; it has {', '.join(outputs) or 'none'}")
        found = outputs[name]
        if not np.issubdtype(found.dtype, np.number) or not np.isfinite(found).all():
            raise ValueError(f"{about.file} gives values in {name!r} that are no finite numbers")
        if about.kind == "heatmaps":
            return self._decoded(found.astype(np.float32))
        points_xy = self._points(found.ravel().astype(np.float64))
        return Prediction(points_xy=points_xy, confidence=np.ones(len(points_xy)))

    def _normalised(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray((pixels.astype(np.float32) - self._mean) / self._std)

    def _check_levels(self) -> None:
        """Raises ValueError where an integer input cannot hold what mean and std make of the levels 0 to 255."""
        taken = self._model.input
        if taken.kind.startswith("float"):
            return
        ends = np.iinfo(taken.kind)
        steps = taken.steps(self._normalised(np.array([[0] * 3, [255] * 3])))  # (2, 3)
        spread, lost = np.abs(steps[1] - steps[0]), np.maximum(ends.min - steps, steps - ends.max)
        if spread.min() < FEWEST_STEPS or (lost > MOST_CUT * spread).any():
            low, high = steps.round().astype(int)[:, 0].tolist()
            raise ValueError(
                f"{self._about.file} takes {taken.kind} of scale {taken.scale or 1:g} and zero point "
                f"{taken.zero_point}: levels 0 to 255 would become {low} to {high}; mend `mean` and `std` (0 and 1 "
                "where it takes the levels as they are)"
            )

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
        if maps.ndim != 4 or len(maps) != 1:
            raise ValueError(f"{about.file} gives {maps.shape}: heatmaps of one crop have 4 dimensions, the first 1")
        planes = maps[0] if about.layout == "NCHW" else maps[0].transpose(2, 0, 1)
        if planes.shape[1] != planes.shape[2]:
            raise ValueError(f"{about.file} gives {maps.shape}, which are no square heatmaps in {about.layout}")
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
