"""The JSON beside every converted file: what goes in, what comes out, where it comes from, and its proof.

`NAME.tflite` has its sidecar in `NAME.tflite.json`. The file's hash in it ties the two together.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from toolkit.core.files import read_json, sha256, write_json
from toolkit.core.heatmap import Decoder
from toolkit.core.schemes import SchemeFile, known, scheme
from toolkit.core.validation import CropSide, Points, Sha256, Share, Sigma, Text, check_fields, versioned

FORMAT = 2
"""The version of the JSON written here (2 added `indices`); a higher one comes from a newer release."""

Precision = Literal["float32", "float16", "int8", "int8whole", "int8io", "dynamic8", "weights8", "palette6", "palette4"]
Layout = Literal["NHWC", "NCHW", "image"]
Output = Literal["points", "heatmaps"]

OUTPUTS: dict[Output, dict[str, str]] = {
    "points": {
        "points": "(1, M, 2) x then y in [0, 1] of the crop: p = (u + 0.5) / size_px for crop pixel u, centres whole",
        "confidence": "(1, M) height of each heatmap's peak, in [0, 1]",
    },
    "heatmaps": {
        "heatmaps": "(1, size_px / 4, size_px / 4, M) heatmaps; decode with `decoder` and `sigma_px`",
    },
}
"""Output tensors by name, and what they mean."""

MEANING: dict[Precision, str] = {
    "float32": "weights and arithmetic in float32",
    "float16": "weights in float16, arithmetic as the device likes; decoding in float32",
    "int8": "static int8 from the normalised image to the heatmaps, float32 at both ends and for decoding",
    "int8whole": "static int8 whose decoding is in int8 too, without arg-max and gathers, but for a last division",
    "int8io": "static int8 that takes uint8 pixels and gives integers",
    "dynamic8": "weights in int8, activations quantised anew at every call",
    "weights8": "weights in int8, expanded when loaded; arithmetic as in float16",
    "palette6": "weights from palettes of 64 values, expanded when loaded; arithmetic as in float16",
    "palette4": "weights from palettes of 16 values, expanded when loaded; arithmetic as in float16",
}
"""What a precision's name says."""


SUFFIX: dict[Layout, tuple[str, ...]] = {
    "NHWC": (".tflite",),
    "NCHW": (".onnx", ".mlpackage"),
    "image": (".mlpackage",),
}
"""Files whose engine gives them their crop so."""
INPUT_RANGE = (0.0, 255.0)
RARE = ("own_scheme", "compiled", "confidence_floor")
"""Fields that are not written where they say nothing."""


@dataclass(frozen=True, kw_only=True)
class Integers:
    """An output tensor that holds integers: value = scale * (integer - zero_point)."""

    type: Literal["int8", "uint8", "int16"]
    scale: Annotated[float, Meta(gt=0, le=1e6)]
    zero_point: Annotated[int, Meta(ge=-32768, le=32767)]


Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Figure = Annotated[float, Meta(ge=0, le=1e9)]


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """What a file of static int8 has in float32, since all in int8 broke the budget, and what that changed."""

    operations: Count
    """Of the network, without decoding."""
    float_operations: Count
    """The first of them, which are in float32."""
    int8_px: Figure
    """Mean displacement on the calibration crops with all of them in int8."""
    mixed_px: Figure
    """The same for this file."""
    int8_ms: Figure
    """Processor time of a call, median, one thread: all of the network in int8."""
    mixed_ms: Figure
    float32_ms: Figure

    @property
    def text(self) -> str:
        """In words."""
        return (
            f"the first {self.float_operations} of the network's {self.operations} operations are in float32: so "
            f"points move by {self.mixed_px:.2f} px, all in int8 by {self.int8_px:.2f} px (on the calibration crops); "
            f"one call takes {self.mixed_ms:.2f} ms, all in int8 {self.int8_ms:.2f}, in float32 {self.float32_ms:.2f}"
        )


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """For which chip a file was compiled ahead of time, how much of it, and what of that was proven."""

    chip: Text
    """As its maker calls it; the file runs on nothing else."""
    by: dict[str, Text]
    """Versions of the compiler and of the chip's libraries; the phone's runtime must be of that age or newer."""
    plain_sha256: Sha256
    """The file that it was made of."""
    operations: Count
    """Of that file."""
    taken: Count
    """By the compiler; a processor computes the rest."""
    parts: Count
    """Programs for the chip that they became."""
    proven: Text = "nothing"
    """In words; `parity` has the figures."""
    not_proven: Text = ""


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """All that a platform needs to run a converted file, and all that a person needs to trust it."""

    model: Text
    """File name of the converted model."""
    file_sha256: Sha256
    scheme: Text
    own_scheme: SchemeFile | None = None
    """Of a scheme of one's own its points, whole; left out of all others' JSON."""
    points: Points
    size_px: CropSide
    """Side of the square crop."""
    input_layout: Layout
    """NHWC or NCHW float tensor named `image`; `image` is an image input of that name."""
    input_colours: Literal["RGB"] = "RGB"
    input_range: tuple[float, float] = INPUT_RANGE
    """Pixel values as they are; normalisation is inside."""
    input_type: Literal["float32", "uint8"] = "float32"
    """What the input tensor holds."""
    output: Output = "points"
    outputs: dict[str, Text]
    integers: dict[str, Integers] = field(default_factory=dict)
    """Outputs that are integers."""
    decoder: Decoder
    sigma_px: Sigma
    confidence_floor: Share | None = None
    """Mean confidence of a face's points below which they may be nonsense, fitted to the network; left out where none
    was."""
    precision: Precision
    mixed: Mixed | None = None
    """What of static int8 is in float32; None where all of the network is in int8, and for other precisions."""
    source_bundle: Sha256
    """bundle.digest of what it was converted from."""
    source_name: Text
    licence: str | None = None
    """The terms of the weights in words, as the bundle's card has them; None where nothing is known."""
    converter: dict[str, Text] = field(default_factory=dict)
    """Versions of what made it."""
    indices: Literal["int32"] | None = None
    """What whole numbers are inside, from the arg-max on; null for files from before that was a rule."""
    calibration: str | None = None
    """What int8 ranges were measured on."""
    parity: dict[str, Any] = field(default_factory=dict)
    """Agreement with the bundle, see export.parity."""
    compiled: Compiled | None = None
    """Of a file that runs on one chip alone; left out of all others' JSON."""

    @property
    def in_floats(self) -> bool:
        """Whether pixels go in and everything comes out as floats, which the demos in deploy/ ask for."""
        return self.input_type == "float32" and not self.integers

    def __post_init__(self) -> None:
        check_fields(self)
        if self.own_scheme is not None:
            known(self.own_scheme, "own_scheme")
        if scheme(self.scheme).points != self.points:
            raise ValueError(f"points: {self.scheme} has {scheme(self.scheme).points} points, not {self.points}")
        if self.input_range != INPUT_RANGE:
            raise ValueError(
                f"input_range: crops go in as 0 to 255, not as {self.input_range[0]} to {self.input_range[1]}"
            )
        if self.outputs.keys() != OUTPUTS[self.output].keys() or not self.integers.keys() <= self.outputs.keys():
            raise ValueError(f"outputs: of {self.output} they are {', '.join(OUTPUTS[self.output])}")


def path_of(model: Path) -> Path:
    """Where a converted file's sidecar is."""
    return model.with_name(model.name + ".json")


def write(model: Path, about: Sidecar) -> None:
    """Write the sidecar of a converted file."""
    fields = dataclasses.asdict(about)
    for name in RARE:
        if fields[name] is None:
            del fields[name]
    write_json(path_of(model), {"format": FORMAT, **fields})


def source_of(model: Path) -> str | None:
    """The bundle that a file's sidecar names, whatever else is wrong with it; None where it names none."""
    try:
        fields = read_json(path_of(model))
    except (OSError, ValueError):
        return None
    source = fields.get("source_bundle") if isinstance(fields, dict) else None
    return source if isinstance(source, str) else None


def read(model: Path) -> Sidecar:
    """The sidecar of a converted file, after checking that it belongs to just this file.

    Raises:
        FileNotFoundError: the file or its sidecar is not there.
        ValueError: a newer or damaged sidecar, or another file's; or the file is not the one that was converted.
    """
    if not model.exists():
        raise FileNotFoundError(f"no converted model at {model}")
    path = path_of(model)
    if not path.is_file():
        advice = f"put {path.name} beside it, or run `sdhrnet convert` again"
        raise FileNotFoundError(f"{model.name} has no sidecar: {advice}")
    about = _parse(read_json(path), path)
    if model.suffix not in SUFFIX[about.input_layout]:
        raise ValueError(f"{path}: input_layout: no {model.suffix} file takes {about.input_layout}")
    if about.file_sha256 != sha256(model):
        other = "" if about.model == model.name else f" (it describes {about.model})"
        raise ValueError(
            f"{model} is not the file that {path.name} describes{other}: it is cut off, was changed, or the sidecar "
            "belongs to another file; copy both again or run `sdhrnet convert` again"
        )
    return about


def _parse(fields: Any, path: Path) -> Sidecar:
    try:
        return versioned(fields, Sidecar, FORMAT, str(path))
    except ValueError as error:
        raise ValueError(f"{error}: run `sdhrnet convert` again") from error
