"""ONNX to TensorFlow with channels last: right whatever sizes coincide, and no operation half understood."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from toolkit.bundle import Bundle, Card, of_network
from toolkit.core import heatmap
from toolkit.core.schemes import SCHEMES
from toolkit.export import channels_last, lint
from toolkit.export.deployed import Decode, Deployed, DeployedHeatmaps, TorchLandmarker
from toolkit.export.pieces import Piece, convert_pieces
from toolkit.models.building import build
from toolkit.models.spec import STAGES, Edge, HRNetSpec, SuperNetSpec

SCHEME = {scheme.points: scheme.name for scheme in SCHEMES.values()}
ALPHA = (1.3, -0.7, 0.4, 0.002)
"""Identity edges whose factor is absorbed, keeps its sign, and stays a multiplication."""
TOLERANCE_PX = 0.01

NETWORKS = {
    f"{width} channels, {size_px} px, {points} points": (width, size_px, points)
    for width, size_px, points in (
        *((16, 64, 68), (8, 64, 29), (12, 64, 98), (36, 64, 68)),
        *((24, 96, 98), (12, 96, 68), (18, 96, 29), (32, 96, 68)),
        *((32, 128, 68), (16, 128, 29), (8, 128, 98), (24, 128, 68)),
        *((40, 160, 98), (20, 160, 68), (10, 160, 29), (64, 256, 29)),
    )
}
"""Maps have a quarter, an eighth and a sixteenth of the crop's side: most sizes meet widths that equal one of them,
and one that does not."""
HEATMAPS = tuple(list(NETWORKS)[i] for i in (0, 5, 8, 12))
"""A square of sizes of each input size, converted without decoding too."""
UNFOLDED = ("16 channels, 64 px, 68 points", "12 channels, 96 px, 68 points")


def spec(width: int, points: int) -> SuperNetSpec:
    """Three branches of one width, every kind of edge, and identity edges alone and in company."""
    edges = [
        (2, 0, 0),
        (2, 0, 1),
        (3, 0, 0),
        (3, 1, 0),
        (3, 1, 1),
        (3, 0, 2),
        (4, 0, 0),
        (4, 1, 1),
        (4, 2, 1),
        (4, 2, 2),
    ]
    edges += [(stage, k, k) for stage in range(5, STAGES) for k in (0, 1)]
    edges += [(STAGES, 0, 0), (STAGES, 1, 0), (STAGES, 1, 1)]
    made = (Edge(stage=s, source=a, target=b, inner=(width,) * max(0, b - a - 1)) for s, a, b in edges)
    ordered = sorted(made, key=lambda edge: (edge.stage, edge.target, edge.source))
    return SuperNetSpec(points=points, edges=tuple(ordered), stem=(width, width), widths=(width,) * 4, depth=1)


def lively(net: torch.nn.Module) -> torch.nn.Module:
    """With factors of every kind and peaks to be found."""
    with torch.no_grad():
        if hasattr(net, "alpha"):
            net.alpha.copy_(torch.tensor(ALPHA).repeat(len(net.alpha))[: len(net.alpha)])
        torch.nn.init.normal_(net.head.out.weight, std=0.3)
    return net


def bundled(net: torch.nn.Module, size_px: int, points: int) -> Bundle:
    card = Card(name="net", stage="slim", scheme=SCHEME[points], size_px=size_px, sigma_px=1.0)
    return of_network(lively(net), card)


def bundles() -> dict[str, tuple[Bundle, Deployed]]:
    """By name: the matrix, two of it as trained, and a teacher of 16 channels throughout."""
    torch.manual_seed(0)
    made = {
        name: bundled(build(spec(width, points)), size_px, points)
        for name, (width, size_px, points) in NETWORKS.items()
    }
    square = HRNetSpec(points=68, stem=(16, 16), layer1=(16, 16), widths=(16, 16, 16, 16), modules=(1, 1, 1), blocks=1)
    made["a teacher"] = bundled(build(square), 64, 68)
    found = {name: (one, Deployed(one)) for name, one in made.items()}
    return found | {f"{name}, unfolded": (made[name], Deployed(made[name], None)) for name in UNFOLDED}


NAMES = (*NETWORKS, *(f"{name}, unfolded" for name in UNFOLDED), "a teacher")


@pytest.fixture(scope="module")
def made() -> dict[str, tuple[Bundle, Deployed]]:
    return bundles()


def square_decode() -> Decode:
    """16 heatmaps of 16 x 16 pixels."""
    return Decode(Card(name="x", stage="slim", scheme="300w-68", size_px=64, sigma_px=1.0), 16)


@pytest.fixture(scope="module")
def files(made: dict[str, tuple[Bundle, Deployed]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every network as a file, and a decoding alone, all of one process."""
    pieces = {name: Piece(module, ((3, one.card.size_px, one.card.size_px),)) for name, (one, module) in made.items()}
    for name in HEATMAPS:
        one, _ = made[name]
        pieces[f"{name}, heatmaps"] = Piece(DeployedHeatmaps(one), ((3, one.card.size_px, one.card.size_px),))
    pieces["decoding"] = Piece(square_decode(), ((16, 16, 16),))
    return convert_pieces(pieces, tmp_path_factory.mktemp("files"))


@pytest.mark.slow  # TensorFlow is imported, the files are converted first
@pytest.mark.parametrize("name", NAMES)
def test_no_sizes_are_mistaken(made: dict[str, tuple[Bundle, Deployed]], files: dict[str, Path], name: str) -> None:
    """The file gives the points of its bundle, as trained, within a hundredth of a pixel."""
    one, side = made[name][0], made[name][0].card.size_px
    crop = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    points = run(files[name], crop[None].astype(np.float32))
    error = np.linalg.norm(points[0] * side - 0.5 - TorchLandmarker(one)(crop).points_xy, axis=1)
    assert error.max() < TOLERANCE_PX
    assert np.ptp(points[0], axis=0).min() > 0.5  # the points lie all over the crop


@pytest.mark.slow
@pytest.mark.parametrize("name", HEATMAPS)
def test_heatmaps_are_those_of_the_bundle(
    made: dict[str, tuple[Bundle, Deployed]], files: dict[str, Path], name: str
) -> None:
    """Decoded outside the file, they give the same points within a hundredth of a pixel."""
    one, side = made[name][0], made[name][0].card.size_px
    crop = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    maps = run(files[f"{name}, heatmaps"], crop[None].astype(np.float32))[0].transpose(2, 0, 1)
    points, _ = heatmap.decode(maps, one.card.decoder, one.card.sigma_px)
    assert np.linalg.norm(points - TorchLandmarker(one)(crop).points_xy, axis=1).max() < TOLERANCE_PX


@pytest.mark.slow
def test_as_many_maps_as_pixels_along_a_side_are_decoded(files: dict[str, Path]) -> None:
    """With peaks off the diagonal, within a thousandth of a pixel."""
    maps = torch.rand(1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    found = run(files["decoding"], maps.permute(0, 2, 3, 1).numpy())
    np.testing.assert_allclose(64 * found, 64 * square_decode()(maps)[0].numpy(), atol=1e-3)


@pytest.mark.slow
def test_whole_numbers_are_int32_in_every_file(files: dict[str, Path]) -> None:
    """By the file's own types."""
    assert {path: lint.inspect(path).rounded for path in files.values()} == dict.fromkeys(files.values(), ())


def run(path: Path, image: np.ndarray) -> np.ndarray:
    """The points of a file, or its heatmaps."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    largest = max(interpreter.get_output_details(), key=lambda entry: len(entry["shape"]))
    return np.asarray(interpreter.get_tensor(largest["index"]))


def graph(folder: Path, kind: str, weights: np.ndarray | None = None, **attributes: object) -> Path:
    """An ONNX file of one operation on a (1, 4, 6, 8) map."""
    constants = [] if weights is None else [numpy_helper.from_array(weights, "weights")]
    node = helper.make_node(kind, ["x", *(entry.name for entry in constants)], ["y"], **attributes)
    ends = [helper.make_tensor_value_info(*end) for end in (("x", 1, (1, 4, 6, 8)), ("y", 1, None))]
    made = helper.make_graph([node], "g", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "one.onnx")
    return folder / "one.onnx"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "weights", "attributes", "message"),
    [
        ("Softplus", None, {}, "is a Softplus, which is not among"),
        ("Conv", (4, 4, 3, 3), {"dilations": [2, 2]}, r"Conv with dilations \[2, 2\], not \[1, 1\]"),
        ("Conv", (4, 2, 1, 1), {"group": 2}, "Conv of 4 channels in 2 groups"),
        ("ArgMax", None, {"axis": 1, "keepdims": 1}, "ArgMax with keepdims 1, not 0"),
    ],
)
def test_what_is_not_understood_is_refused(
    tmp_path: Path, kind: str, weights: tuple[int, ...] | None, attributes: dict[str, object], message: str
) -> None:
    """By name; a guess would give a file with other points."""
    array = None if weights is None else np.zeros(weights, np.float32)
    with pytest.raises(ValueError, match=message):
        channels_last.function(graph(tmp_path, kind, array, **attributes))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "weights", "attributes"),
    [
        ("Add", (4, 1, 1), {}),
        ("Mul", (8,), {}),
        ("Conv", (2, 4, 3, 5), {"pads": [1, 2, 1, 2]}),
        ("Conv", (8, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ("Conv", (2, 4, 3, 3), {"pads": [0, 1, 2, 1]}),
        ("Transpose", None, {"perm": [0, 3, 1, 2]}),
        ("ReduceMax", None, {"axes": [1], "keepdims": 0}),
        ("ReduceMax", None, {"axes": [2, 3], "keepdims": 0}),
    ],
)
def test_an_operation_gives_what_onnxruntime_gives(
    tmp_path: Path, kind: str, weights: tuple[int, ...] | None, attributes: dict[str, object]
) -> None:
    """On a map that is not square, within 1e-5; maps come out with their channels last."""
    rng = np.random.default_rng(0)
    path = graph(tmp_path, kind, None if weights is None else rng.normal(size=weights).astype(np.float32), **attributes)
    x = rng.normal(size=(1, 4, 6, 8)).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(str(path)).run(None, {"x": x})
    (found,) = channels_last.function(path)(x.transpose(0, 2, 3, 1))
    held = expected.ndim == 4 and kind != "Transpose"
    np.testing.assert_allclose(found.numpy(), expected.transpose(0, 2, 3, 1) if held else expected, atol=1e-5)
