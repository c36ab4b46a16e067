"""contract.json as types, and the JSON Schemas of what a platform reads: the contract, and every file's sidecar.

What is written is held to these types, and the schemas are made of them: `deploy/contract.schema.json` and
`deploy/sidecar.schema.json` (JSON Schema 2020-12).
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec
from msgspec import Meta

from toolkit.core.heatmap import Decoder
from toolkit.core.schemes import SchemeFile
from toolkit.core.validation import CropSide, Points, Positive, Real, Sha256, Share, Sigma, Text
from toolkit.runtime import sidecar
from toolkit.runtime.sidecar import Layout, Output, Precision, Sidecar

DRAFT = "https://json-schema.org/draft/2020-12/schema"
"""A name, from which nothing is fetched."""
CONTRACT_SCHEMA = "contract.schema.json"
SIDECAR_SCHEMA = "sidecar.schema.json"

Format = Annotated[int, Meta(ge=1)]
Rule = Annotated[str, Meta(description="what the numbers beside it mean, in words")]
Index = Annotated[int, Meta(ge=0, le=999)]
Count = Annotated[int, Meta(ge=1, le=1000)]
Pair = tuple[Real, Real]
Colour = Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(min_length=3, max_length=3, description="RGB")]


class ModelFile(TypedDict):
    """A converted file."""

    file: Text
    file_sha256: Sha256
    precision: Precision
    output: Output
    source_bundle: Sha256


class Model(ModelFile):
    """The file that the demos take and the golden points are of."""

    size_px: CropSide
    scheme: Text
    own_scheme: NotRequired[SchemeFile]
    """Points of one's own, whole; left out for schemes that everybody knows."""
    points: Points


class Input(TypedDict):
    """The model's only input: one crop."""

    name: Literal["image"]
    layout: Layout
    shape: list[Count]
    dtype: Literal["float32", "image"]
    colours: Literal["RGB"]
    range: Pair


class Tensor(TypedDict):
    """An output."""

    shape: list[Count]
    dtype: Literal["float32"]
    meaning: Text


class Crop(TypedDict):
    """From a box to the pixels that the network sees."""

    rule: Rule
    box_scale: Positive
    interpolation: Text
    border: Text
    shrink: Rule


class Heatmaps(TypedDict):
    """From heatmaps to points, for models that end before it."""

    rule: Rule
    decoder: Decoder
    sigma_px: Sigma
    kernel: list[Share]
    log_floor: Positive
    radius: Count
    mass_floor: Positive
    stride: Count


class Calibration(TypedDict):
    """From the detector's box to the box of training."""

    rule: Rule
    shift_xy: Pair
    scale_xy: Pair


class FirstCrop(TypedDict):
    """From the detector's keypoints to the box of training."""

    rule: Rule
    weights: list[tuple[Real, Real, Real, Real]]


class DetectorNetwork(TypedDict):
    """The steps around the detector's network, for platforms without MediaPipe."""

    rule: Rule
    input_px: Count
    range: Pair
    grids: list[tuple[Count, Count]]
    keypoints: Count
    suppressed: Share


class Search(TypedDict):
    """Beyond one look: how small faces, and faces that fill the picture, are found, and which count."""

    rule: Rule
    min_score: Share
    close_up: Positive
    certain: Share
    near: Share
    large: Share
    finest: Index
    smallest_tile_px: Count
    view_px: Count
    margin: Share


class Detector(TypedDict):
    """MediaPipe's short-range face detector."""

    file: Text
    file_sha256: Sha256
    min_score: Share
    network: DetectorNetwork
    search: Search
    calibration: Calibration
    first_crop: FirstCrop


class Turning(TypedDict):
    """How crops turn with faces."""

    rule: Rule
    level_deg: Real
    clear: Share
    quarters: list[Annotated[int, Meta(ge=1, le=3)]]
    eyes: tuple[Index, Index]


class TrackingTerms(TypedDict):
    """When faces are looked for, and when one is lost."""

    rule: Rule
    faces: Count
    look_again_s: Positive
    min_confidence: Share
    min_inside: Share
    remember_s: Positive
    leeway: Share
    ahead_s: Positive
    passes: Count
    settled: Share
    farthest: Positive
    largest: Positive
    same_face: Share
    same_track: Share


class Smoothing(TypedDict):
    """The One-Euro filter's settings."""

    rule: Rule
    min_cutoff_hz: Positive
    beta: Annotated[float, Meta(ge=0)]
    derivative_cutoff_hz: Positive


class Line(TypedDict):
    """A polyline of landmarks; closed ones return to their first point."""

    indices: list[Index]
    closed: bool


class Style(TypedDict):
    """Colours, widths over the longer side of the face, and least widths of edges."""

    sure: Colour
    unsure: Colour
    sure_from: Share
    line: Colour
    box: Colour
    edge: Colour
    dot: Share
    stroke: Share
    line_edge_px: Positive
    dot_edge_px: Positive


class Drawing(TypedDict):
    """What to draw, and how; `doubtful` where all of a photo's points may be nonsense."""

    rule: Rule
    lines: list[Line]
    regions: dict[Text, list[Index]]
    style: Style
    doubtful: Style


class Terms(TypedDict):
    """All that a platform must know to give Python's points."""

    format: Format
    pixels: Rule
    model: Model
    models: list[ModelFile]
    input: Input
    outputs: dict[Text, Tensor]
    crop: Crop
    heatmaps: Heatmaps
    detector: Detector
    turning: Turning
    tracking: TrackingTerms
    smoothing: Smoothing
    drawing: Drawing


def schemas(newest: int) -> dict[str, Any]:
    """Both schemas, by file name, for a contract of this format."""
    return {
        CONTRACT_SCHEMA: _schema(Terms, newest),
        SIDECAR_SCHEMA: _schema(Sidecar, sidecar.FORMAT),
    }


def _schema(kind: type, newest: int) -> dict[str, Any]:
    """The schema of a type that is written with a format number, of this one at most."""
    made = msgspec.json.schema(kind)
    top = made["$defs"][kind.__name__]
    top["properties"] = {"$schema": {"type": "string"}} | top["properties"]
    top["properties"]["format"] = {"type": "integer", "minimum": 1, "maximum": newest}
    if "format" not in top["required"]:
        top["required"] = ["format", *top["required"]]
    return {"$schema": DRAFT, "title": kind.__name__, **made}
