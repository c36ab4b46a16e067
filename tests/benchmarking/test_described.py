"""Somebody else's model from a JSON file: layouts, ranges and orders, and what is wrong with a description."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarking.conftest import onnx_points, write_description
from toolkit import runtime
from toolkit.benchmarking.described import DescribedLandmarker, read_description
from toolkit.runtime.raw import Input

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
    crop = about.framing.crop(np.array([100.0, 200.0, 140.0, 240.0]))
    assert crop.to_image(np.array([15.5, 15.5])) == pytest.approx([124.0, 212.0])
    assert 32 / crop.scale == pytest.approx(1.6 * 40)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 3}, 'unknown fields "size"; known: file, size_px'),
        ({"points": [1, 2]}, "68 points, `points` names 2"),
        ({"points": [-1] * 68}, r"points\[0\]: .*got -1"),
        ({"kind": "mesh"}, 'kind: expected one of "heatmaps", "points", got "mesh"'),
        ({"colours": "GBR"}, "colours: expected one of"),
        ({"order": "yx"}, "order: expected one of"),
        ({"std": [1, 0, 1]}, r"std\[1\]: expected a number from 1e-06 .*got 0"),
        ({"mean": [0, 0]}, "mean: expected a list of 3"),
        ({"range": [1, 1]}, "range: the crop's two edges"),
        ({"scheme": "mine"}, "unknown landmark scheme"),
        ({"size_px": "big"}, 'size_px: expected a whole number from 8 to 4,096, got "big"'),
        ({"size_px": 10**400}, "a whole number is too large"),
        ({"size_px": 64.0}, r"size_px: .*got 64\.0"),
        ({"crop_scale": 1e308}, "crop_scale: expected a number from 0.1 to 10"),
        ({"file": ""}, "file: expected text of 1 to"),
    ],
)
def test_a_bad_description_says_what_is_wrong(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    """One line, with the file's name."""
    path = write_description(tmp_path, **fields)
    with pytest.raises(ValueError, match=message) as caught:
        read_description(path)
    assert "model.json" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_do_not_fit_their_description(tmp_path: Path) -> None:
    """No file, another number of points, not a model, no description."""
    path = write_description(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no model at .*model\.onnx"):
        DescribedLandmarker(path, threads=1)
    onnx_points(tmp_path / "model.onnx", SHAPE[:5])
    with pytest.raises(ValueError, match="gives 5 points"):
        found(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="onnxruntime cannot load"):
        DescribedLandmarker(path, threads=1)
    (tmp_path / "model.json").write_text(json.dumps(["file"]))
    with pytest.raises(ValueError, match="expected an object"):
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


@pytest.mark.parametrize("kind", ["UINT8", "FLOAT16", "INT32", "DOUBLE"])
def test_a_file_may_take_and_give_other_numbers(tmp_path: Path, kind: str) -> None:
    """Levels as they are where an integer input has no scale of its own; integer points are points."""
    shape = np.round(SHAPE)
    onnx_points(tmp_path / "model.onnx", shape, kind=kind)
    about = {"mean": [0, 0, 0], "std": [1, 1, 1], "range": [0, 32]}
    crop = np.full((32, 32, 3), 3, np.uint8)
    assert found(tmp_path, crop, **about) == pytest.approx(shape + 3 - 0.5, abs=0.02)


def test_levels_that_an_integer_input_cannot_hold_are_refused(tmp_path: Path) -> None:
    """0 to 1 in whole numbers would be a crop in black and white; -128 to 127 loses its dark half in uint8."""
    onnx_points(tmp_path / "model.onnx", SHAPE, kind="UINT8")
    for about in ({}, {"mean": [128] * 3, "std": [1] * 3}):
        with pytest.raises(
            ValueError, match=r"takes uint8 of scale 1 and zero point 0: levels .*mend `mean` and `std`"
        ):
            found(tmp_path, **about)


@pytest.mark.parametrize(
    ("taken", "value", "held"),
    [
        (Input(name="i", shape=(), kind="uint8", scale=1 / 255, zero_point=0), 0.5, 128),
        (Input(name="i", shape=(), kind="int8", scale=1 / 128, zero_point=0), -0.5, -64),
        (Input(name="i", shape=(), kind="int8", scale=1 / 255, zero_point=-128), 1.0, 127),
        (Input(name="i", shape=(), kind="int8", scale=1 / 128, zero_point=0), 1.0, 127),
        (Input(name="i", shape=(), kind="int16"), 3.4, 3),
        (Input(name="i", shape=(), kind="float16"), 0.1, np.float16(0.1)),
    ],
)
def test_values_are_brought_into_an_inputs_own_steps(taken: Input, value: float, held: float) -> None:
    """value = scale * (integer - zero_point), rounded, and cut off where the type ends."""
    tensor = taken.held(np.array([value], np.float32))
    assert tensor.dtype == taken.kind and tensor[0] == held


def test_another_layout_or_size_is_named_before_anything_runs(tmp_path: Path) -> None:
    """Swapped planes, another side; a file that takes any side takes ours."""
    onnx_points(tmp_path / "model.onnx", SHAPE)
    for wrong in ({"layout": "NHWC"}, {"size_px": 16}):
        with pytest.raises(ValueError, match=r"takes \(1, 3, 32, 32\), its description makes .*mend `layout`"):
            DescribedLandmarker(write_description(tmp_path, **wrong), threads=1)
    onnx_points(tmp_path / "model.onnx", (SHAPE + 0.5) / 32, size="side")
    assert found(tmp_path) == pytest.approx(SHAPE, abs=1e-4)


def test_points_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    """Before they become an error of NaN percent."""
    onnx_points(tmp_path / "model.onnx", np.full((68, 2), np.nan))
    with pytest.raises(ValueError, match="no finite numbers"):
        found(tmp_path)


@pytest.mark.slow
def test_a_quantised_file_joins_as_any_other(converted, tmp_path: Path) -> None:
    """Our own file of integers, described as if a stranger's: its points are those of the runtime."""
    (tmp_path / "model.tflite").write_bytes(converted.file("int8io.tflite").read_bytes())
    about = {
        "file": "model.tflite",
        "size_px": 64,
        "layout": "NHWC",
        "output": "points",
        "mean": [0] * 3,
        "std": [1] * 3,
    }
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    theirs = found(tmp_path, crop, **about)
    assert theirs == pytest.approx(runtime.load(converted.file("int8io.tflite"))(crop).points_xy, abs=1e-6)
