"""Networks that the small one does not stand for, converted to TFLite."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit.bundle import Bundle, Card, of_network
from toolkit.core.geometry import crop_of_box, cut
from toolkit.data.synthetic import SyntheticFaces
from toolkit.export import lint
from toolkit.export.deployed import Deployed, DeployedHeatmaps
from toolkit.export.tflite import to_tflite
from toolkit.models.building import build
from toolkit.models.spec import HRNetSpec, s_hrnet

TEACHER = HRNetSpec(points=68, stem=(8, 8), layer1=(4, 8), widths=(4, 6, 8, 10), modules=(1, 1, 1), blocks=1)


def card(size_px: int, scheme: str = "300w-68") -> Card:
    return Card(name="net", stage="teacher", scheme=scheme, size_px=size_px, sigma_px=1.0)


def test_int8_without_calibration_is_an_error(tmp_path: Path) -> None:
    """Ranges from nowhere would be worse than none."""
    module = DeployedHeatmaps(of_network(build(TEACHER), card(64)))
    with pytest.raises(ValueError, match="int8 needs calibration crops"):
        to_tflite(module, 64, {"int8": tmp_path / "net.tflite"})


@pytest.mark.slow
def test_a_teacher_gives_its_own_heatmaps(tmp_path: Path) -> None:
    """HRNet's modules convert too; torch and TFLite agree within 1e-5 of the highest value."""
    from ai_edge_litert.interpreter import Interpreter

    torch.manual_seed(0)
    net = build(TEACHER)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    deployed = DeployedHeatmaps(of_network(net, card(96)))
    to_tflite(deployed, 96, {"float32": tmp_path / "net.tflite"})
    image = np.random.default_rng(0).uniform(0, 255, (1, 96, 96, 3)).astype(np.float32)
    interpreter = Interpreter(model_path=str(tmp_path / "net.tflite"))
    found = interpreter.get_signature_runner()(image=image)["heatmaps"]
    expected = deployed(torch.from_numpy(image).permute(0, 3, 1, 2)).numpy()
    assert found.shape == (1, 24, 24, 68)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_the_published_network_keeps_its_few_operations(tmp_path: Path) -> None:
    """The slimmed 300W net with decoding: 415 operations when this was written, none a transposition."""
    deployed = Deployed(of_network(build(s_hrnet("300w", 68)), card(64)))
    to_tflite(deployed, 64, {"float32": tmp_path / "net.tflite"})
    counts = lint.operations(tmp_path / "net.tflite")
    assert "TRANSPOSE" not in counts
    assert sum(counts.values()) <= 415
    assert counts["CONV_2D"] + counts["DEPTHWISE_CONV_2D"] == 220


@pytest.mark.slow
def test_a_wide_smoothing_kernel_of_98_points_stays_float(tmp_path: Path) -> None:
    """11 x 98 weights would be enough for dynamic int8 to take them; float32 gives the wrapper's points to 1e-3 px."""
    from ai_edge_litert.interpreter import Interpreter

    torch.manual_seed(0)
    net = build(dataclasses.replace(TEACHER, points=98))
    torch.nn.init.normal_(net.head.out.weight, std=0.3)
    deployed = Deployed(of_network(net, dataclasses.replace(card(64, "wflw-98"), sigma_px=1.5)))
    paths = {precision: tmp_path / f"{precision}.tflite" for precision in ("float32", "dynamic8")}
    to_tflite(deployed, 64, paths)
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    found = Interpreter(model_path=str(paths["float32"])).get_signature_runner()(image=image)
    points, confidence = deployed(torch.from_numpy(image).permute(0, 3, 1, 2))
    np.testing.assert_allclose(64 * found["points"], 64 * points.numpy(), atol=1e-3)
    np.testing.assert_allclose(found["confidence"], confidence.numpy(), atol=1e-5)
    kinds = {
        kind
        for op in Interpreter(model_path=str(paths["dynamic8"]))._get_ops_details()
        if op["op_name"] == "DEPTHWISE_CONV_2D"
        for kind in op["operand_types"]
    }
    assert kinds == {np.float32}


@pytest.mark.slow
def test_onnx2tf_gives_the_same_points(tmp_path: Path, small_bundle: Bundle) -> None:
    """Where no layout is in doubt, within 0.01 px of the wrapper; its indices are int32 as everybody's."""
    from ai_edge_litert.interpreter import Interpreter

    deployed, path, side = Deployed(small_bundle), tmp_path / "net.tflite", small_bundle.card.size_px
    to_tflite(deployed, side, {"float32": path}, converter="onnx2tf")
    sample = SyntheticFaces(1, seed=4)[0]
    image = cut(sample.image, crop_of_box(sample.box_xyxy, side)).astype(np.float32)[None]
    found = Interpreter(model_path=str(path)).get_signature_runner()(image=image)
    points, confidence = deployed(torch.from_numpy(image).permute(0, 3, 1, 2))
    np.testing.assert_allclose(side * found["points"], side * points.numpy(), atol=0.01)
    np.testing.assert_allclose(found["confidence"], confidence.numpy(), atol=1e-5)
    kinds = {k for op in Interpreter(model_path=str(path))._get_ops_details() for k in op["operand_types"]}
    assert np.int32 in kinds and np.int64 not in kinds
