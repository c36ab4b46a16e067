"""CoreML packages as landmarkers: the whole way from a crop to points, and the way to CoreML itself."""

import platform
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from toolkit.bundle import Bundle, Card, of_network
from toolkit.core import heatmap
from toolkit.core.files import sha256
from toolkit.export.deployed import Deployed, DeployedHeatmaps
from toolkit.models.building import build
from toolkit.models.spec import Edge, SuperNetSpec
from toolkit.runtime.coreml import CoreMLLandmarker, InterpretedLandmarker, load_coreml
from toolkit.runtime.sidecar import OUTPUTS, Sidecar

SIZE_PX = 64
POINTS = 29
CHAIN = SuperNetSpec(
    points=POINTS,
    edges=(
        Edge(stage=2, source=0, target=0),
        Edge(stage=2, source=0, target=1),
        *(Edge(stage=stage, source=k, target=k) for stage in range(3, 11) for k in (0, 1)),
    ),
    stem=(8, 8),
    widths=(6, 8, 8, 8),
    depth=1,
)
"""Two branches side by side: small, and its head still upsamples."""


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """A small network with random weights whose heatmaps have clear peaks."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build(CHAIN)
        nn.init.normal_(net.head.out.weight, std=0.3)
    return of_network(net, Card(name="chain", stage="slim", scheme="cofw-29", size_px=SIZE_PX, sigma_px=1.5))


def sidecar(path: Path, bundle: Bundle, **fields: Any) -> Sidecar:
    """The sidecar of a package converted here."""
    output = fields.pop("output", "points")
    return Sidecar(
        model=path.name,
        file_sha256=sha256(path) if path.exists() else "0" * 64,
        scheme=bundle.card.scheme,
        points=POINTS,
        size_px=SIZE_PX,
        output=output,
        outputs=OUTPUTS[output],
        decoder="dark",
        sigma_px=bundle.card.sigma_px,
        precision="float32",
        source_bundle="0" * 64,
        source_name=bundle.card.name,
        **{"input_layout": "image", **fields},
    )


@pytest.fixture(scope="session")
def package(ct: Any, convert: Callable[..., Any], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships: an image in, points and confidence out."""
    path = tmp_path_factory.mktemp("coreml") / "chain.mlpackage"
    shape = (1, 3, SIZE_PX, SIZE_PX)
    model = convert(
        Deployed(bundle), shape, "iOS15",
        inputs=[ct.ImageType(name="image", shape=shape)],
        outputs=[ct.TensorType(name="points"), ct.TensorType(name="confidence")],
    )  # fmt: skip
    model.save(str(path))
    return path


@pytest.fixture
def crop() -> np.ndarray:
    """A random crop."""
    return np.random.default_rng(3).integers(0, 256, (SIZE_PX, SIZE_PX, 3), np.uint8)


def tensor(crop: np.ndarray) -> torch.Tensor:
    """(1, 3, S, S) of a crop."""
    return torch.from_numpy(crop).permute(2, 0, 1)[None].float()


linux = pytest.mark.skipif(platform.system() == "Darwin", reason="there CoreML itself runs")


@pytest.mark.slow
@linux
def test_points_are_those_of_the_wrapper_in_torch(package: Path, bundle: Bundle, crop: np.ndarray) -> None:
    """Within a thousandth of a pixel, through load_coreml."""
    model = load_coreml(package, sidecar(package, bundle))
    found = model(crop)
    points, confidence = Deployed(bundle)(tensor(crop))
    np.testing.assert_allclose(found.points_xy, points[0] * SIZE_PX - 0.5, atol=1e-3)
    np.testing.assert_allclose(found.confidence, confidence[0], atol=1e-5)
    assert (model.scheme.name, model.size_px, model.timed) == ("cofw-29", SIZE_PX, False)
    assert model.engine == f"mil-interpreter-numpy {np.__version__}"


@pytest.mark.slow
@linux
def test_heatmaps_are_decoded_here(
    convert: Callable[..., Any], ct: Any, bundle: Bundle, crop: np.ndarray, tmp_path: Path
) -> None:
    """The variant without decoding, with a plain tensor input."""
    path = tmp_path / "maps.mlpackage"
    outputs = [ct.TensorType(name="heatmaps")]
    convert(DeployedHeatmaps(bundle), (1, 3, SIZE_PX, SIZE_PX), "iOS15", outputs=outputs).save(str(path))
    found = load_coreml(path, sidecar(path, bundle, output="heatmaps", input_layout="NCHW"))(crop)
    maps = DeployedHeatmaps(bundle)(tensor(crop))[0].permute(2, 0, 1).numpy()
    expected, _ = heatmap.decode(maps, "dark", bundle.card.sigma_px)
    np.testing.assert_allclose(found.points_xy, expected, atol=1e-2)


@linux
def test_wrong_crops_and_units_are_refused(package: Path, bundle: Bundle) -> None:
    """Another size, another type, hardware that does not exist."""
    about = sidecar(package, bundle)
    model = load_coreml(package, about)
    for odd in (np.zeros((32, 64, 3), np.uint8), np.zeros((SIZE_PX, SIZE_PX, 3), np.float32)):
        with pytest.raises(ValueError, match="expected a"):
            model(odd)
    with pytest.raises(ValueError, match="known: all, cpu_only"):
        load_coreml(package, about, "quantum")  # type: ignore[arg-type]


@pytest.mark.slow
@linux
def test_other_colour_orders_are_refused(ct: Any, convert: Callable[..., Any], bundle: Bundle, tmp_path: Path) -> None:
    """A BGR image input would give other points in silence."""
    path, shape = tmp_path / "bgr.mlpackage", (1, 3, SIZE_PX, SIZE_PX)
    inputs = [ct.ImageType(name="image", shape=shape, color_layout=ct.colorlayout.BGR)]
    convert(DeployedHeatmaps(bundle), shape, "iOS15", inputs=inputs).save(str(path))
    with pytest.raises(ValueError, match="BGR images, expected RGB"):
        load_coreml(path, sidecar(path, bundle))


class FakeModel:
    """Stands for coremltools' MLModel: remembers what it was given."""

    def __init__(self, path: str, compute_units: str) -> None:
        if "broken" in path:
            raise RuntimeError("compiler says no")
        self.units = compute_units
        self.given: Any = None

    def predict(self, inputs: dict[str, Any]) -> dict[str, Any]:
        self.given = inputs["image"]
        return {
            "points": np.full((1, POINTS, 2), 0.25, np.float32),
            "confidence": np.ones((1, POINTS), np.float32),
        }


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Mac in name, with a CoreML that always answers the same."""
    fake = SimpleNamespace(
        models=SimpleNamespace(MLModel=FakeModel), ComputeUnit={"ALL": "all of it", "CPU_ONLY": "the cpu"}
    )
    monkeypatch.setitem(sys.modules, "coremltools", fake)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))


@pytest.mark.usefixtures("mac")
@pytest.mark.parametrize(("units", "engine"), [("all", "coreml 15.1"), ("cpu_only", "coreml-cpu_only 15.1")])
def test_macos_hands_the_image_to_coreml(bundle: Bundle, crop: np.ndarray, units: Any, engine: str) -> None:
    """As a picture, and a quarter of 64 px comes back as pixel 15.5."""
    path = Path("a.mlpackage")
    model = load_coreml(path, sidecar(path, bundle), units)
    found = model(crop)
    assert isinstance(model, CoreMLLandmarker)
    assert isinstance(model._model.given, Image.Image)
    np.testing.assert_array_equal(np.asarray(model._model.given), crop)
    np.testing.assert_allclose(found.points_xy, 15.5)
    assert (model.engine, model.timed) == (engine, True)


@pytest.mark.usefixtures("mac")
def test_macos_hands_a_tensor_to_coreml_where_the_sidecar_says_so(bundle: Bundle, crop: np.ndarray) -> None:
    """(1, 3, S, S) float32."""
    path = Path("a.mlpackage")
    model = load_coreml(path, sidecar(path, bundle, input_layout="NCHW"))
    model(crop)
    assert isinstance(model, CoreMLLandmarker)
    np.testing.assert_array_equal(model._model.given, tensor(crop).numpy())


@pytest.mark.usefixtures("mac")
def test_what_coreml_cannot_load_is_a_clear_error(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that its compiler refuses, and no coremltools at all."""
    path = Path("broken.mlpackage")
    with pytest.raises(ValueError, match=r"CoreML cannot load broken\.mlpackage \(compiler says no\)"):
        load_coreml(path, sidecar(path, bundle))
    monkeypatch.setitem(sys.modules, "coremltools", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[convert\]'"):
        load_coreml(path, sidecar(path, bundle))


@pytest.mark.macos
@pytest.mark.skipif(platform.system() != "Darwin", reason="needs CoreML")
def test_the_interpreter_agrees_with_coreml(package: Path, bundle: Bundle, crop: np.ndarray) -> None:
    """A twentieth of a pixel on the CPU."""
    about = sidecar(package, bundle)
    expected, found = load_coreml(package, about, "cpu_only")(crop), InterpretedLandmarker(package, about)(crop)
    np.testing.assert_allclose(found.points_xy, expected.points_xy, atol=0.05)
