"""Converted files: which there can be of a bundle, what they are called, and how one is made and described."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from toolkit.bundle import Bundle
from toolkit.core.arrays import ImageArray
from toolkit.core.files import sha256
from toolkit.core.provenance import versions
from toolkit.core.schemes import file_of
from toolkit.data.crops import SpreadCrops
from toolkit.export import coreml, tflite
from toolkit.export.deployed import Deployed, DeployedHeatmaps
from toolkit.export.onnx import to_onnx
from toolkit.runtime import sidecar
from toolkit.runtime.sidecar import OUTPUTS, Layout, Mixed, Output, Precision, Sidecar
from toolkit.runtime.tflite import integer_outputs

Target = Literal["tflite", "coreml", "onnx"]

SUFFIX: dict[Target, str] = {"tflite": ".tflite", "coreml": ".mlpackage", "onnx": ".onnx"}
LAYOUT: dict[Target, Layout] = {"tflite": "NHWC", "coreml": "image", "onnx": "NCHW"}
PRECISIONS: dict[Target, tuple[Precision, ...]] = {
    "tflite": ("float32", "float16", "int8", "int8whole", "int8io", "dynamic8"),
    "coreml": ("float32", "float16", "weights8", "palette6", "palette4"),
    "onnx": ("float32",),
}
"""What can be made of each; int8 arithmetic is measured to pay on TFLite, and onnxruntime here is a reference."""
PACKAGES = ("tensorflow", "onnx", "coremltools", "torch")
"""Whose versions decide what comes out."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to make of a bundle."""

    targets: tuple[Target, ...]
    precisions: tuple[Precision, ...]
    output: Output = "points"
    converter: tflite.Converter = "channels-last"

    def __post_init__(self) -> None:
        for target in self.targets:
            if not self.precisions_of(target):
                possible = ", ".join(PRECISIONS[target])
                raise ValueError(f"{target} can be {possible}, not {', '.join(self.precisions)}: add one of these")
        if not self.targets:
            raise ValueError(f"nothing to convert to; known: {', '.join(get_args(Target))}")
        if self.output == "heatmaps" and "int8whole" in self.precisions:
            raise ValueError("int8whole is a way of decoding, which files of heatmaps leave out: ask for int8")

    def precisions_of(self, target: Target) -> tuple[Precision, ...]:
        """Those that were asked for and can be made of a target."""
        return tuple(p for p in PRECISIONS[target] if p in self.precisions)


def file_name(bundle: Bundle, output: Output, target: Target, precision: Precision) -> str:
    """NAME-68pt-64-float32.tflite; the heatmap variant says so before the precision."""
    card = bundle.card
    variant = "" if output == "points" else f"-{output}"
    return f"{card.released_name(bundle.scheme.points)}{variant}-{precision}{SUFFIX[target]}"


def meaning(bundle: Bundle, output: Output) -> dict[str, str]:
    """What a file's output tensors mean, by name; of points, whether a shape layer stands behind the decoding."""
    if bundle.spec.shape is None or output != "points":
        return OUTPUTS[output]
    return OUTPUTS[output] | {"points": f"{OUTPUTS[output]['points']}; corrected by a shape layer inside the file"}


@dataclass(frozen=True, kw_only=True)
class ConvertedFile:
    """A fresh file."""

    path: Path
    mixed: Mixed | None = None
    """What of static int8 is in float; None where nothing had to be."""


def make(
    bundle: Bundle, wanted: Wanted, target: Target, folder: Path, calibration: Sequence[ImageArray]
) -> dict[Precision, ConvertedFile]:
    """Convert a bundle to one target, in every precision that is wanted, into an existing folder."""
    module = Deployed(bundle) if wanted.output == "points" else DeployedHeatmaps(bundle)
    paths = {p: folder / file_name(bundle, wanted.output, target, p) for p in wanted.precisions_of(target)}
    size_px = bundle.card.size_px
    mixed: dict[Precision, Mixed] = {}
    match target:
        case "tflite":
            mixed = tflite.to_tflite(module, size_px, paths, calibration, converter=wanted.converter)
        case "coreml":
            coreml.to_coreml(module, wanted.output, bundle.card, paths)
        case "onnx":
            to_onnx(module, size_px, tuple(OUTPUTS[wanted.output]), paths["float32"])
    return {precision: ConvertedFile(path=path, mixed=mixed.get(precision)) for precision, path in paths.items()}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where converted files come from, for their sidecars."""

    bundle: Bundle
    digest: str
    output: Output
    calibration: SpreadCrops | None
    converter: tflite.Converter = "channels-last"


def describe(made: ConvertedFile, origin: Origin, target: Target, precision: Precision) -> Sidecar:
    """Write the sidecar of a fresh file, without parity as yet."""
    card, path = origin.bundle.card, made.path
    about = Sidecar(
        model=path.name,
        file_sha256=sha256(path),
        scheme=card.scheme,
        own_scheme=file_of(origin.bundle.scheme),
        points=origin.bundle.scheme.points,
        size_px=card.size_px,
        input_layout=LAYOUT[target],
        input_type="uint8" if precision == "int8io" else "float32",
        output=origin.output,
        outputs=meaning(origin.bundle, origin.output),
        integers=integer_outputs(path) if target == "tflite" else {},
        decoder=card.decoder,
        sigma_px=card.sigma_px,
        confidence_floor=card.confidence_floor,
        precision=precision,
        mixed=made.mixed,
        source_bundle=origin.digest,
        source_name=card.name,
        licence=card.licence,
        converter=versions(*PACKAGES, *(["onnx2tf"] if origin.converter == "onnx2tf" and target == "tflite" else [])),
        indices="int32",
        calibration=origin.calibration.title if origin.calibration and precision in tflite.CALIBRATED else None,
    )
    sidecar.write(path, about)
    return about
