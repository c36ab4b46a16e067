"""Loading converted files by their path, and what is refused."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from toolkit import runtime
from toolkit.core.files import sha256
from toolkit.runtime import sidecar

pytestmark = pytest.mark.slow  # the files are converted first

ENGINES = [
    ("float32.tflite", None, "ai-edge-litert 2"),
    ("float32.tflite", "tflite-runtime", "tflite-runtime 2"),
    ("int8.tflite", None, "ai-edge-litert 2"),
    ("int8.tflite", "tflite-runtime", "tflite-runtime 2"),
    ("int8io.tflite", None, "ai-edge-litert 2"),
    ("int8io.tflite", "tflite-runtime", "tflite-runtime 2"),
    ("dynamic8.tflite", "tflite-runtime", "tflite-runtime 2"),
    ("float32.onnx", "onnxruntime", "onnxruntime 1"),
]


@pytest.mark.parametrize(("ending", "engine", "name"), ENGINES)
def test_every_engine_gives_its_points(converted, ending: str, engine: str | None, name: str) -> None:
    """68 points inside or near the crop, confidences in [0, 1], and the engine's own name with its version."""
    if engine == "tflite-runtime":
        pytest.importorskip("tflite_runtime", reason="tflite-runtime has wheels up to Python 3.11 alone")
    landmarker = runtime.load(converted.file(ending), engine=engine)
    assert landmarker.engine.startswith(name)
    assert landmarker.timed
    assert (landmarker.scheme.name, landmarker.size_px) == ("300w-68", 64)
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    found = landmarker(crop)
    assert found.points_xy.shape == (68, 2)
    assert ((found.points_xy > -1) & (found.points_xy < 64)).all()
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()


def test_a_second_crop_does_not_change_the_first_result(converted) -> None:
    """Engines reuse their buffers; a prediction is a copy."""
    landmarker = runtime.load(converted.file("float32.tflite"))
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    first = landmarker(crops[0])
    before = first.points_xy.copy(), first.confidence.copy()
    landmarker(crops[1])
    np.testing.assert_array_equal(first.points_xy, before[0])
    np.testing.assert_array_equal(first.confidence, before[1])


@pytest.mark.parametrize("ending", ["float32.tflite", "float32.onnx"])
def test_a_wrong_crop_is_refused(converted, ending: str) -> None:
    """Before it reaches the engine."""
    with pytest.raises(ValueError, match=r"expected a \(64, 64, 3\) uint8"):
        runtime.load(converted.file(ending))(np.zeros((64, 64, 3), np.float32))


@pytest.mark.parametrize("ending", ["float32.tflite", "float32.onnx"])
def test_a_damaged_model_with_a_fresh_hash_is_refused(converted, tmp_path: Path, ending: str) -> None:
    """Somebody hashed what was already broken: the engine's refusal becomes one line."""
    source = converted.file(ending)
    broken = tmp_path / source.name
    broken.write_bytes(source.read_bytes()[:1000])
    fields = json.loads(sidecar.path_of(source).read_text())
    sidecar.path_of(broken).write_text(json.dumps({**fields, "file_sha256": sha256(broken)}))
    with pytest.raises(ValueError, match=r"cannot load .*convert it again"):
        runtime.load(broken)


def test_a_package_without_weights_is_refused(converted, tmp_path: Path) -> None:
    """Whether or not somebody hashed what was left."""
    source = converted.file("float16.mlpackage")
    broken = tmp_path / source.name
    shutil.copytree(source, broken)
    shutil.copy(sidecar.path_of(source), sidecar.path_of(broken))
    shutil.rmtree(broken / "Data" / "com.apple.CoreML" / "weights")
    with pytest.raises(ValueError, match="is not the file that"):
        runtime.load(broken)
    fields = json.loads(sidecar.path_of(source).read_text())
    sidecar.path_of(broken).write_text(json.dumps({**fields, "file_sha256": sha256(broken)}))
    with pytest.raises(FileNotFoundError, match="copy the whole package, weights included"):
        runtime.load(broken)


def test_a_cut_off_model_is_refused(converted, tmp_path: Path) -> None:
    """By its hash, before any engine sees it."""
    source = converted.file("float32.tflite")
    broken = tmp_path / source.name
    broken.write_bytes(source.read_bytes()[:-100])
    shutil.copy(sidecar.path_of(source), sidecar.path_of(broken))
    with pytest.raises(ValueError, match="cut off"):
        runtime.load(broken)


@pytest.mark.parametrize("ending", ["float32.tflite", "float32.onnx", "float32.mlpackage"])
def test_an_unknown_engine_is_refused(converted, ending: str) -> None:
    """The message names the known ones."""
    with pytest.raises(ValueError, match="engine"):
        runtime.load(converted.file(ending), engine="warp-drive")


def test_other_files_are_refused(tmp_path: Path) -> None:
    """The message names the endings."""
    with pytest.raises(ValueError, match=r"\.tflite, \.onnx, \.mlpackage"):
        runtime.load(tmp_path / "weights.safetensors")


def test_no_threads_are_refused(converted) -> None:
    """Zero would mean `all` to one engine and fail in another."""
    with pytest.raises(ValueError, match="threads"):
        runtime.load(converted.file("float32.tflite"), threads=0)


def test_models_in_lists_files_and_packages_only(converted) -> None:
    """Eleven of them; not their sidecars."""
    names = [p.name for p in runtime.models_in(converted.models)]
    assert names == sorted(names)
    endings = {"tflite": 5, "mlpackage": 5, "onnx": 1}
    assert Counter(name.rpartition(".")[2] for name in names) == endings


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    """The message names it."""
    with pytest.raises(FileNotFoundError, match="no folder at"):
        runtime.models_in(tmp_path / "absent")


def test_running_a_file_imports_neither_torch_nor_tensorflow(converted) -> None:
    """What a small device installs is enough."""
    code = (
        "import sys, numpy as np; from toolkit import runtime; "
        f"runtime.load({str(converted.file('float32.tflite'))!r})(np.zeros((64, 64, 3), np.uint8)); "
        "assert not {'torch', 'tensorflow', 'onnx', 'coremltools'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
