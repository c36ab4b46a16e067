"""Somebody else's model from a JSON file: layouts, ranges and orders, and what is wrong with a description."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.bench.conftest import onnx_points, write_description
from toolkit.bench.described import DescribedLandmarker, read_description

SHAPE = np.random.default_rng(0).uniform(2, 29, (68, 2))
"""In crop pixels; every number differs, so swapped axes show."""
BLACK = np.zeros((32, 32, 3), np.uint8)


def found(folder: Path, crop: np.ndarray = BLACK, **fields: object) -> np.ndarray:
    return DescribedLandmarker(write_description(folder, **fields), threads=1)(crop).points_xy


def test_points_as_shares_of_the_crop(tmp_path: Path) -> None:
    """0 is the crop's left outer edge and 1 the right one, so pixel u is (u + 0.5) / 32."""
    onnx_points(tmp_path / "model.onnx", (SHAPE + 0.5) / 32)
    assert found(tmp_path) == pytest.approx(SHAPE, abs=1e-4)


def test_points_about_the_middle_all_x_first_and_chosen(tmp_path: Path) -> None:
    """-1 to 1, x before y, more points than the scheme has, in another order."""
    order = np.random.default_rng(1).permutation(80)[:68]
    more = np.full((80, 2), 7.0)
    more[order] = (SHAPE + 0.5) / 16 - 1
    onnx_points(tmp_path / "model.onnx", more.T)
    assert found(tmp_path, range=[-1, 1], order="xxyy", points=order.tolist()) == pytest.approx(SHAPE, abs=1e-4)


def test_a_third_number_is_left_out(tmp_path: Path) -> None:
    """A depth or a score after x and y."""
    onnx_points(tmp_path / "model.onnx", np.column_stack([SHAPE + 0.5, np.full(68, 99.0)]))
    assert found(tmp_path, range=[0, 32], values=3) == pytest.approx(SHAPE, abs=1e-4)


def test_pixels_are_normalised_and_laid_out(tmp_path: Path) -> None:
    """The file adds its input's mean to its points: red 255, mean 55, deviation 100 give 2 in a third of it."""
    onnx_points(tmp_path / "model.onnx", SHAPE + 0.5, planes=False)
    red = BLACK.copy()
    red[..., 0] = 255
    about = {"range": [0, 32], "layout": "NHWC", "mean": [55, 0, 0], "std": [100, 1, 1]}
    assert found(tmp_path, red, **about) == pytest.approx(SHAPE + 2 / 3, abs=1e-4)
    about |= {"colours": "BGR", "mean": [0, 0, 55], "std": [1, 1, 100]}
    assert found(tmp_path, red, **about) == pytest.approx(SHAPE + 2 / 3, abs=1e-4)


def test_its_crop_is_its_own(tmp_path: Path) -> None:
    """Scale and shift are those of the box's sides."""
    onnx_points(tmp_path / "model.onnx", SHAPE)
    about = read_description(write_description(tmp_path, crop_scale=1.6, shift_xy=[0.1, -0.2]))
    crop = about.frame.crop(np.array([100.0, 200.0, 140.0, 240.0]))
    assert crop.to_image(np.array([15.5, 15.5])) == pytest.approx([124.0, 212.0])
    assert 32 / crop.scale == pytest.approx(1.6 * 40)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 3}, "unknown fields size"),
        ({"points": [1, 2]}, "68 points, `points` names 2"),
        ({"kind": "mesh"}, "'mesh' is none of points, heatmaps"),
        ({"std": [1, 0, 1]}, "no std is 0"),
        ({"scheme": "mine"}, "unknown landmark scheme"),
        ({"size_px": "big"}, "'<' not supported|size_px"),
    ],
)
def test_a_bad_description_says_what_is_wrong(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    """One line, with the file's name."""
    path = write_description(tmp_path, **fields)
    with pytest.raises(ValueError, match=message) as caught:
        read_description(path)
    assert "model.json" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_do_not_fit_their_description(tmp_path: Path) -> None:
    """No file, another number of points, another size, not a model."""
    path = write_description(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no model at .*model\.onnx"):
        DescribedLandmarker(path, threads=1)
    onnx_points(tmp_path / "model.onnx", SHAPE[:5])
    with pytest.raises(ValueError, match="gives 5 points"):
        found(tmp_path)
    onnx_points(tmp_path / "model.onnx", SHAPE)
    with pytest.raises(ValueError, match="mend its description"):
        DescribedLandmarker(write_description(tmp_path, size_px=16), threads=1)(np.zeros((16, 16, 3), np.uint8))
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="onnxruntime cannot load"):
        DescribedLandmarker(path, threads=1)
    (tmp_path / "model.json").write_text(json.dumps(["file"]))
    with pytest.raises(ValueError, match="at least `file` and `size_px`"):
        read_description(tmp_path / "model.json")


def test_heatmaps_of_any_stride(tmp_path: Path) -> None:
    """Maps of 8 pixels for a crop of 32 decode to its pixels."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    maps = np.zeros((1, 68, 8, 8), np.float32)
    maps[0, np.arange(68), 3, np.arange(68) % 8] = 1
    nodes = [
        helper.make_node("ReduceMean", ["crop"], ["mean"], keepdims=0),
        helper.make_node("Add", ["m", "mean"], ["o"]),
    ]
    graph = helper.make_graph(
        nodes, "maps", [helper.make_tensor_value_info("crop", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("o", TensorProto.FLOAT, list(maps.shape))], [numpy_helper.from_array(maps, "m")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(tmp_path / "model.onnx"))
    points = found(tmp_path, kind="heatmaps", decoder="argmax")
    assert points[:, 0] == pytest.approx((np.arange(68) % 8 + 0.5) * 4 - 0.5)
    assert points[:, 1] == pytest.approx(13.5)
