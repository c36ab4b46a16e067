"""Decoding in int8 by operations that engines take whole, against the decoder that it stands for."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.test_deployed import shape_layer, with_shape
from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.commands.convert import convert
from toolkit.commands.convert.convert import Convert
from toolkit.core import heatmap
from toolkit.core.progress import finish
from toolkit.data.crops import open_crops
from toolkit.export import lint
from toolkit.export.whole_int8 import LEVELS, LOWEST, Writer, decode
from toolkit.landmarkers import open_model

SIDE, POINTS, HIGHEST = 24, 5, 1.1
STEP = HIGHEST / LEVELS
SIZE_PX = SIDE * heatmap.STRIDE


def written(reach: int) -> bytes:
    """A .tflite file of the decoding alone: int8 heatmaps in, points and confidences out."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, model.operatorCodes, model.subgraphs = 3, [schema.BufferT()], [], [graph]
    graph.tensors, graph.operators = [], []
    writer = Writer(model)
    maps = writer.tensor((1, SIDE, SIDE, POINTS), STEP)
    graph.inputs, graph.outputs = [maps], decode(writer, maps, reach)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def decoded(maps: np.ndarray, reach: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Points in crop pixels and confidences of maps (M, h, w) in [0, HIGHEST], as int8 has them."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=written(reach), num_threads=1)
    interpreter.allocate_tensors()
    steps = (np.rint(maps / STEP) + LOWEST).astype(np.int8).transpose(1, 2, 0)[None]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], steps)
    interpreter.invoke()
    by_rank: dict[int, Any] = {len(d["shape"]): d["index"] for d in interpreter.get_output_details()}
    points, confidence = (interpreter.get_tensor(by_rank[rank])[0] for rank in (3, 2))
    return points * SIZE_PX - 0.5, confidence


@pytest.mark.parametrize(("sigma_px", "height", "allowed_px"), [(1.0, 1.0, 0.1), (1.0, 0.3, 0.35), (1.5, 0.9, 0.1)])
def test_points_are_those_of_the_centroid(sigma_px: float, height: float, allowed_px: float) -> None:
    """At any place and of any width, within what int8 can tell of a peak so high."""
    rng = np.random.default_rng(0)
    truth_xy = rng.uniform(20, SIZE_PX - 20, (POINTS, 2)) * (1, 0.9)
    maps = height * heatmap.encode(truth_xy, SIZE_PX, sigma_px)
    expected_xy, sure = heatmap.decode(maps, "centroid", sigma_px)
    found_xy, confidence = decoded(maps, heatmap.centroid_radius(sigma_px))
    assert np.abs(found_xy - expected_xy).max() < allowed_px
    assert confidence == pytest.approx(sure, abs=STEP)


def test_other_peaks_and_slopes_do_not_count(subtests: pytest.Subtests) -> None:
    """One step lower is another peak, however near; noise all over the map moves nothing."""
    truth_xy = np.full((POINTS, 2), (30.0, 61.0))
    maps = heatmap.encode(truth_xy, SIZE_PX, 1.0)
    alone, _ = decoded(maps)
    with subtests.test("a second peak"):
        second = np.roll(maps, 9, axis=2)
        lower = maps.max() - 2 * STEP
        assert decoded(np.maximum(maps, second * lower / second.max()))[0] == pytest.approx(alone, abs=0.01)
    with subtests.test("noise"):
        far = np.where(maps > 0, 0.2 * np.random.default_rng(0).random(maps.shape), 0)
        noisy = np.where(maps > 1e-6, maps, far)
        assert decoded(noisy)[0] == pytest.approx(alone, abs=0.3)


def test_equal_neighbours_are_met_halfway_and_an_empty_map_in_its_middle() -> None:
    """Where int8 cannot tell the highest pixel; and nothing is divided by nothing."""
    maps = heatmap.encode(np.full((POINTS, 2), (43.5, 43.5)), SIZE_PX, 1.0)  # between four pixels
    assert np.count_nonzero(maps[0] == maps[0].max()) == 4
    maps[1] = 0
    points, confidence = decoded(maps)
    assert points[0] == pytest.approx([43.5, 43.5], abs=0.02)
    assert points[1] == pytest.approx([SIZE_PX / 2 - 0.5] * 2) and confidence[1] == 0


def test_xnnpack_takes_it_in_one_part(tmp_path: Path) -> None:
    """Nothing is left outside, of integers and floats."""
    (tmp_path / "decoding.tflite").write_bytes(written(2))
    found = lint.inspect(tmp_path / "decoding.tflite")
    assert (found.parts, found.outside) == (1, {})
    assert not {"ARG_MAX", "GATHER", "TRANSPOSE"} & found.operations.keys()


@pytest.mark.slow
def test_a_bundle_is_converted_so(small_bundle: Bundle, tmp_path: Path) -> None:
    """In one part, its points beside those of int8; a bundle of another decoder is told what to do."""
    wanted = {"to": ("tflite",), "precision": ("int8", "int8whole"), "faces": 8, "calibration": 16, "keep": True}
    bundle.write(small_bundle, tmp_path / "dark")
    with pytest.raises(ValueError, match=r"int8whole decodes by the centroid, small by dark: .* --decoder centroid"):
        finish(convert.run(Convert(bundle=tmp_path / "dark", **wanted)))  # type: ignore[arg-type]
    card = dataclasses.replace(small_bundle.card, decoder="centroid")
    bundle.write(dataclasses.replace(small_bundle, card=card), tmp_path / "net")
    outcome = finish(convert.run(Convert(bundle=tmp_path / "net", **wanted)))  # type: ignore[arg-type]
    plain, whole = outcome.records
    assert whole["model"].endswith("-int8whole.tflite") and whole["xnnpack_parts"] == 1 < plain["xnnpack_parts"]
    assert whole["mean_px"] < 0.6  # a network that has hardly learned anything has flat heatmaps, and equal peaks


@pytest.mark.slow
def test_a_shape_layer_stays_behind_the_decoding(small_bundle: Bundle, tmp_path: Path) -> None:
    """Where it moves points far, those of the file are its own and not the decoding's."""
    plain = dataclasses.replace(small_bundle, card=dataclasses.replace(small_bundle.card, decoder="centroid"))
    records, files = {}, {}
    for name, one in {"plain": plain, "shaped": with_shape(plain, shape_layer())}.items():
        bundle.write(one, tmp_path / name)
        out, wanted = tmp_path / f"{name}-files", {"to": ("tflite",), "precision": ("int8whole",), "keep": True}
        asked = Convert(bundle=tmp_path / name, out=out, faces=8, calibration=16, **wanted)  # type: ignore[arg-type]
        (records[name],) = finish(convert.run(asked)).records
        (file,) = out.glob("*.tflite")
        files[name] = open_model(file)
    faces = finish(open_crops(None, "val", 4, scheme=plain.scheme, size_px=plain.card.size_px))
    moved = [files["shaped"](crop).points_xy - files["plain"](crop).points_xy for crop in faces.crops]
    assert np.abs(moved).mean() > 0.3
    assert records["shaped"]["xnnpack_parts"] == 1
    assert records["shaped"]["mean_px"] < records["plain"]["mean_px"] + 0.2
