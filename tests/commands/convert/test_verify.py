"""The verify stage finds what broke after converting."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.small import FACES
from toolkit import bundle
from toolkit.commands.convert import verify
from toolkit.commands.convert.verify import Verify
from toolkit.core.files import read_lines, sha256
from toolkit.core.progress import Outcome, finish
from toolkit.core.zoo import WEIGHTS, released
from toolkit.runtime import sidecar

pytestmark = pytest.mark.slow  # the files are converted first

FILE = "small-68pt-64-float32.onnx"


@pytest.fixture
def folder(converted, tmp_path: Path) -> Path:
    """A run with one file, to be spoilt."""
    shutil.copytree(converted.bundle, tmp_path / "distil")
    (tmp_path / "models").mkdir()
    for name in (FILE, f"{FILE}.json"):
        shutil.copy(converted.models / name, tmp_path / "models" / name)
    return tmp_path / "models"


def checked(folder: Path, **more: object) -> Outcome:
    return finish(verify.run(Verify(models=folder, **{"faces": 4, **more})))


def rehash(path: Path, **changes: object) -> None:
    """A sidecar that vouches for whatever the file is now."""
    beside = sidecar.path_of(path)
    fields = json.loads(beside.read_text())
    beside.write_text(json.dumps({**fields, "file_sha256": sha256(path), **changes}))


def test_fresh_files_pass(converted) -> None:
    """All eleven, on other faces than they were proved on; the bundle is found beside the folder."""
    outcome = checked(converted.models, faces=FACES)  # which it knows
    assert outcome.ok, outcome.text
    assert len(outcome.records) == 11
    assert "all 11 files keep their budgets" in outcome.text


def test_a_bundle_elsewhere_can_be_named(folder: Path, tmp_path: Path) -> None:
    """By --bundle."""
    (tmp_path / "distil").rename(tmp_path / "elsewhere")
    moved = tmp_path.parent / "moved"
    shutil.copytree(folder, moved / "models")
    outcome = checked(moved / "models", bundle=tmp_path / "elsewhere")
    shutil.rmtree(moved)
    assert outcome.ok, outcome.text


def test_a_missing_bundle_fails_with_advice(folder: Path, tmp_path: Path) -> None:
    """The file may be right; nothing proves it."""
    shutil.rmtree(tmp_path / "distil")
    outcome = checked(folder)
    assert not outcome.ok
    assert "name it by --bundle" in outcome.text


def test_a_mistake_in_the_call_is_no_finding_about_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No record says that a sound file is refused: of faces that are not there, of an engine that is not installed, of
    a bundle that is not beside it. One that is damaged is."""
    name, results = "sdhrnet-29pt-96", tmp_path / "results.jsonl"
    shutil.copytree(WEIGHTS / name, tmp_path / name)
    (tmp_path / "models").mkdir()
    file = Path(shutil.copy(released("float16", name), tmp_path / "models"))
    beside = Path(shutil.copy(sidecar.path_of(released("float16", name)), tmp_path / "models"))
    with pytest.raises(FileNotFoundError, match="no folder at"):
        checked(file, data=tmp_path / "nowhere", results=results)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
        missing = checked(file, results=results)
    assert not missing.ok and "ai-edge-litert is not installed" in missing.text
    shutil.rmtree(tmp_path / name)
    lonely = checked(file, results=results)
    assert not lonely.ok and "name it by --bundle" in lonely.text
    assert read_lines(results) == []
    beside.unlink()
    checked(file, results=results)
    (record,) = read_lines(results)
    assert not record["ok"] and "has no sidecar" in record["reasons"][0]


def test_an_index_that_becomes_a_float_breaks_the_promise_of_int32(folder: Path) -> None:
    """The points are right here and would be wrong in half precision; a file from before the rule promises nothing."""
    model = onnx.load(str(folder / FILE))
    (cast,) = (node for node in model.graph.node if node.op_type == "Cast" and "ArgMax" in node.input[0])
    there = onnx.helper.make_node("Cast", [cast.input[0]], ["float"], to=onnx.TensorProto.FLOAT)
    cast.input[0] = "float"
    model.graph.node.insert(list(model.graph.node).index(cast), there)
    onnx.save(model, str(folder / FILE))
    rehash(folder / FILE)
    outcome = checked(folder)
    assert not outcome.ok
    assert "1 casts from floats to whole numbers" in outcome.text
    rehash(folder / FILE, indices=None)
    assert checked(folder).ok


def test_another_bundle_fails(folder: Path, tmp_path: Path) -> None:
    """Trained on since it was converted."""
    loaded = bundle.read(tmp_path / "distil")
    weights = {k: v * 1.001 if k == "stem.0.weight" else v for k, v in loaded.weights.items()}
    bundle.write(bundle.Bundle(spec=loaded.spec, card=loaded.card, weights=weights), tmp_path / "other")
    outcome = checked(folder, bundle=tmp_path / "other")
    assert not outcome.ok
    assert "converted from another bundle" in outcome.text


def test_a_changed_file_fails(folder: Path) -> None:
    """By its hash; the stage goes on and reports it."""
    path = folder / FILE
    path.write_bytes(path.read_bytes() + b"\0")
    outcome = checked(folder)
    assert not outcome.ok
    assert "was changed" in outcome.text


def test_a_file_without_a_sidecar_fails(folder: Path) -> None:
    """Nothing says what it is."""
    sidecar.path_of(folder / FILE).unlink()
    outcome = checked(folder)
    assert not outcome.ok
    assert "has no sidecar" in outcome.text


Change = Callable[[np.ndarray], np.ndarray]


def spoil(path: Path, name: str, change: Change) -> None:
    """Change one constant of an ONNX file, and let its sidecar vouch for it."""
    model = onnx.load(str(path))
    (tensor,) = (t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))
    onnx.save(model, str(path))
    rehash(path)


def corrupted(weights: np.ndarray) -> np.ndarray:
    """A few bits that a bad disk turned."""
    weights.reshape(-1)[::7] *= -1
    return weights


ENCODER = "network.net.stages.4.0.encoder.0.body.2.weight"
SPOILT: dict[str, tuple[str, Change, str]] = {
    "swapped channels": ("network.net.stem.0.weight", lambda v: v[:, ::-1].copy(), "starts at stem.0 after the sub"),
    "no mean": ("network.mean", lambda v: v * 0, "starts at the subtraction of the mean"),
    "mean of [0, 1]": ("network.mean", lambda v: v / 255, "starts at the subtraction of the mean"),
    "wrong scale": ("network.net.stem.0.weight", lambda v: v * 1.3, "starts at stem.0 after the subtraction"),
    "corrupted weights": (ENCODER, corrupted, "starts at stage 6, branch 0, encoder.0.body.2 after stage 6"),
    "points in another order": ("network.net.head.out.weight", lambda v: v[::-1].copy(), "starts at head.out"),
    "shifted neighbours": ("decode.around", lambda v: np.minimum(v + 68, v.max()), "starts in the decoding"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_wrong_conversion_fails(folder: Path, how: str) -> None:
    """A file that runs, has the right shapes and a matching hash, and computes something else; the layer is told."""
    name, change, start = SPOILT[how]
    spoil(folder / FILE, name, change)
    outcome = checked(folder)
    assert not outcome.ok, outcome.text
    assert "points move by" in outcome.text
    assert start in outcome.text


def test_shifted_points_fail(folder: Path) -> None:
    """By half a pixel, after everything else: what a wrong convention of pixel centres does."""
    model = onnx.load(str(folder / FILE))
    maker = next(node for node in model.graph.node if "points" in node.output)
    maker.output[list(maker.output).index("points")] = "unshifted"
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.5 / 64), "half"))
    model.graph.node.append(onnx.helper.make_node("Add", ["unshifted", "half"], ["points"]))
    onnx.save(model, str(folder / FILE))
    rehash(folder / FILE)
    outcome = checked(folder)
    assert not outcome.ok
    assert "points move by 0.7071 px" in outcome.text
    assert "starts in the decoding" in outcome.text


def test_flipped_align_corners_fail(folder: Path) -> None:
    """By the points, with the first layer that reads a resized map, and by lint."""
    model = onnx.load(str(folder / FILE))
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Resize" and attribute.name == "coordinate_transformation_mode":
                attribute.s = b"align_corners"
    onnx.save(model, str(folder / FILE))
    rehash(folder / FILE)
    outcome = checked(folder)
    assert not outcome.ok
    assert "points move by" in outcome.text
    assert "starts at stage" in outcome.text and "which still agrees" in outcome.text
    assert "without align_corners, as the network does" in outcome.text


def tflite_with(path: Path, edit: Callable[[Any, Any], None]) -> None:
    """Edit the model of a .tflite file, and let its sidecar vouch for it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    edit(model, schema.BuiltinOperator)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    rehash(path)


def swap_channels(model: Any, kinds: Any) -> None:
    """Blue for red in the first convolution."""
    first = next(o for o in model.subgraphs[0].operators if kind_of(model, o) == kinds.CONV_2D)
    weights = model.subgraphs[0].tensors[first.inputs[1]]
    data = np.frombuffer(bytes(model.buffers[weights.buffer].data), np.int8 if weights.type == 9 else np.float32)
    data = data.reshape(weights.shape)[..., ::-1].copy()  # (out, h, w, in)
    model.buffers[weights.buffer].data = np.frombuffer(data.tobytes(), np.uint8)


def align_corners(model: Any, kinds: Any) -> None:
    """In every resize."""
    for operator in model.subgraphs[0].operators:
        if kind_of(model, operator) == kinds.RESIZE_BILINEAR:
            operator.builtinOptions.alignCorners, operator.builtinOptions.halfPixelCenters = True, False


def kind_of(model: Any, operator: Any) -> int:
    code: int = model.operatorCodes[operator.opcodeIndex].builtinCode
    return code


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("edit", [swap_channels, align_corners])
def test_a_wrong_tflite_file_fails(folder: Path, converted, precision: str, edit: Any) -> None:
    """Also in int8, whose own differences are larger."""
    source = converted.file(f"{precision}.tflite")
    path = folder / source.name
    for old, new in ((source, path), (sidecar.path_of(source), sidecar.path_of(path))):
        shutil.copy(old, new)
    (folder / FILE).unlink()
    tflite_with(path, edit)
    outcome = checked(folder)
    assert not outcome.ok
    assert "FAILED" in outcome.text
    if precision == "float32":
        assert ("starts at stem.0" if edit is swap_channels else "starts at stage") in outcome.text


def test_corrupted_weights_of_a_package_fail(folder: Path, converted) -> None:
    """Bytes in the middle of its weight file, with a fresh hash."""
    source = converted.file("float16.mlpackage")
    path = folder / source.name
    shutil.copytree(source, path)
    shutil.copy(sidecar.path_of(source), sidecar.path_of(path))
    (folder / FILE).unlink()
    weights = path / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"
    data = bytearray(weights.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4096] = data[middle : middle + 4096][::-1]
    weights.write_bytes(data)
    rehash(path)
    outcome = checked(folder)
    assert not outcome.ok
    assert "FAILED" in outcome.text


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    """With the command that fills it."""
    with pytest.raises(FileNotFoundError, match="sdhrnet convert"):
        checked(tmp_path)
