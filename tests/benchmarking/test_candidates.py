"""Which models run on which engines, and what becomes of those that cannot run here."""

import platform
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from tests.benchmarking.conftest import onnx_points, write_description
from toolkit import bundle
from toolkit.benchmarking import competitors
from toolkit.benchmarking.candidates import Source, open_candidate, sources
from toolkit.benchmarking.competitors import MESH_FRAMING, MeshLandmarker
from toolkit.benchmarking.delegation import NOT_KNOWN, facts, off_cpu, residency
from toolkit.benchmarking.framing import Framing
from toolkit.benchmarking.startup import main as start
from toolkit.core import metrics
from toolkit.core.files import sha256
from toolkit.core.geometry import cut
from toolkit.core.zoo import MAIN, WEIGHTS, released
from toolkit.data.synthetic import SyntheticFaces
from toolkit.export import lint
from toolkit.runtime import sidecar
from toolkit.slimming.complexity import complexity

BUNDLE = WEIGHTS / MAIN
ROAD = Path(__file__).parents[2] / "results" / "road"
"""A folder with two files, and their bundle, which stands for itself."""


def test_every_model_meets_the_engines_that_suit_it() -> None:
    """A folder is its files; a bundle is torch's; CoreML takes no number of threads; competitors come last."""
    found = sources([ROAD, BUNDLE], ["dlib", "mediapipe"], [], [1, 2])
    names = [(Path(s.what).name, s.engine, s.threads) for s in found]
    float16, int8 = (f"sdhrnet-68pt-64-{precision}.tflite" for precision in ("float16", "int8"))
    assert names == [
        *((f, "ai-edge-litert", n) for f in (float16, int8) for n in (1, 2)),
        *((BUNDLE.name, "torch", n) for n in (1, 2)),
        *(("dlib", None, 1), ("mediapipe", None, 1), ("mediapipe", None, 2)),
    ]
    chosen = sources([released("int8"), BUNDLE], [], ["tflite-runtime", "ai-edge-litert", "onnxruntime"], [1])
    assert [s.engine for s in chosen] == ["tflite-runtime", "ai-edge-litert"], "none of these suits a bundle"


def test_a_description_is_run_whatever_the_engines(tmp_path: Path) -> None:
    """It has no choice of engines: those that are asked for are of the files beside it."""
    path = write_description(tmp_path)
    found = sources([released("int8"), path], [], ["ai-edge-litert"], [1, 2])
    assert found[2:] == [Source(what=str(path), threads=n) for n in (1, 2)]


def test_packages_take_one_number_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their usual engine is CoreML on macOS and the interpreter elsewhere."""
    (tmp_path / "a.mlpackage").mkdir()
    for system, engine in (("Darwin", "coreml"), ("Linux", "mil-interpreter")):
        monkeypatch.setattr(platform, "system", lambda system=system: system)
        assert sources([tmp_path], [], [], [1, 4]) == [Source(what=str(tmp_path / "a.mlpackage"), engine=engine)]
    every = sources([tmp_path], [], ["coreml", "coreml-cpu_and_ne", "mil-interpreter", "torch"], [1, 4])
    assert [s.engine for s in every] == ["coreml", "coreml-cpu_and_ne", "mil-interpreter"]


def test_what_is_no_model_is_an_error(tmp_path: Path) -> None:
    """A missing path, an empty folder, another kind of file."""
    with pytest.raises(FileNotFoundError, match="no model, bundle or folder of models at"):
        sources([tmp_path / "nowhere"], [], [], [1])
    with pytest.raises(FileNotFoundError, match="sdhrnet convert"):
        sources([tmp_path], [], [], [1])
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match="neither a model, a bundle, a folder of models nor a description"):
        sources([tmp_path / "a.txt"], [], [], [1])


def test_an_engine_that_is_not_here_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an error: its row says why it was not measured."""
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    found = open_candidate(Source(what=str(released("int8")), engine="tflite-runtime"))
    assert found.landmarker is None and "tflite-runtime is not installed" in found.reason
    assert found.identity["model"] == released("int8").name
    monkeypatch.setitem(sys.modules, "dlib", None)
    assert "pip install '.[competitors]'" in open_candidate(Source(what="dlib")).reason


@pytest.mark.skipif(platform.system() == "Darwin", reason="CoreML is here")
def test_coreml_off_macos_is_a_reason(tmp_path: Path) -> None:
    """For every choice of hardware; the package is not even looked into."""
    package = tmp_path / "face.mlpackage"
    package.mkdir()
    (package / "Manifest.json").write_text("{}")
    about = sidecar.read(released("float16"))
    sidecar.write(package, replace(about, model=package.name, file_sha256=sha256(package), input_layout="image"))
    for engine in ("coreml", "coreml-cpu_and_ne"):
        found = open_candidate(Source(what=str(package), engine=engine))
        assert (found.landmarker, found.reason) == (None, "CoreML runs on macOS only")
        assert found.identity["precision"] == "float16"


def test_a_described_model_is_a_competitor(tmp_path: Path) -> None:
    """With the name, crop, size and digest of its file."""
    onnx_points(tmp_path / "model.onnx", np.zeros((68, 2)))
    found = open_candidate(Source(what=str(write_description(tmp_path, name="pfld", crop_scale=1.4))))
    assert found.identity["model"] == "pfld" and found.identity["peer"]
    assert found.identity["size_bytes"] == (tmp_path / "model.onnx").stat().st_size
    assert (found.framing.scale, found.framing.size_px, found.engine[:11]) == (1.4, 32, "onnxruntime")


def test_the_face_mesh_as_tflite_finds_faces_in_its_own_crop() -> None:
    """Drawn faces within 9 % on average, better corrected than not; the plain crop is worse: the framing is right."""
    faces = SyntheticFaces(8, seed=2)
    errors: dict[str, list[float]] = {"corrected": [], "uncorrected": [], "plain crop": []}
    plain = Framing(size_px=192, scale=1.0)
    models = {name: MeshLandmarker(1, corrected=name != "uncorrected") for name in errors}
    for i in range(len(faces)):
        sample = faces[i]
        for name, model in models.items():
            crop = (plain if name == "plain crop" else MESH_FRAMING).crop(sample.box_xyxy)
            found = crop.to_image(model(cut(sample.image, crop)).points_xy)
            errors[name].append(float(metrics.nme(found[None], sample.points_xy[None], faces.scheme)[0]))
    means = {name: np.mean(values) for name, values in errors.items()}
    assert means["corrected"] < 0.09
    assert means["corrected"] < means["plain crop"]


def test_dlib_finds_faces_in_its_own_crop() -> None:
    """Drawn faces within 12 % on average."""
    pytest.importorskip("dlib", reason="the extra `competitors` is not installed")
    model, framing, _ = competitors.open_competitor("dlib", 1)
    faces, errors = SyntheticFaces(8, seed=2), []
    for i in range(len(faces)):
        sample = faces[i]
        crop = framing.crop(sample.box_xyxy)
        found = crop.to_image(model(cut(sample.image, crop)).points_xy)
        errors.append(metrics.nme(found[None], sample.points_xy[None], faces.scheme)[0])
    assert np.median(errors) < 0.12


def test_an_old_file_s_weights_are_no_inputs(tmp_path: Path) -> None:
    """ONNX of IR 3 lists them among its inputs, a single number without sides; it is counted as any other file."""
    import onnx
    from onnx import TensorProto, helper

    onnx_points(tmp_path / "model.onnx", np.zeros((68, 2)))
    model = onnx.load(str(tmp_path / "model.onnx"))
    model.graph.initializer.append(helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]))
    for name, shape in (("points", [None, 136]), ("one", [])):
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    onnx.save(model, str(tmp_path / "model.onnx"))
    assert lint.inspect(tmp_path / "model.onnx").breaches == ()
    assert facts(tmp_path / "model.onnx") == {**NOT_KNOWN, "operations": 4}


def test_of_a_file_that_cannot_be_looked_into_nothing_is_known(tmp_path: Path) -> None:
    """Which ends no benchmark."""
    (tmp_path / "a.tflite").write_bytes(b"no model")
    assert facts(tmp_path / "a.tflite") == NOT_KNOWN


@pytest.mark.parametrize("brought_by", ["dlib", "dlib-bin"])
def test_dlib_is_known_by_either_distribution(monkeypatch: pytest.MonkeyPatch, brought_by: str) -> None:
    """Both bring the module; what is not installed is left out."""

    def version(name: str) -> str:
        if name != brought_by:
            raise PackageNotFoundError(name)
        return "20.0.1"

    monkeypatch.setattr(competitors, "version", version)
    assert competitors.versions() == {"dlib": "20.0.1"}


@pytest.mark.slow
def test_facts_of_a_graph() -> None:
    """MACs of the file are those of the folded network, and nearly all operations are delegated."""
    found = facts(released("float16"))
    assert found["operations"] > 100 and 0.9 < found["delegated_share"] < 1
    # the head before upsampling, and every norm folded: fewer than the bundle's, more than half
    whole = complexity(bundle.read(BUNDLE).spec, bundle.read(BUNDLE).card.size_px).macs_full
    assert 0.5 * whole < found["macs"] < whole


def test_a_cold_start_is_measured_where_it_happens() -> None:
    """Loading and the first answer add up, and memory grows by at least half of what the file holds."""
    found = start(f'{{"what": "{released("int8")}", "engine": "ai-edge-litert", "threads": 1}}')
    assert found["total"] == pytest.approx(found["load"] + found["first"])
    assert found["load"] > 0 and found["first"] > 0 and found["memory_bytes"] >= 0


def test_residency_counts_what_coreml_would_run_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the compute plan's classes; constants have no device; a system without a plan is not measured."""
    kinds = {name: type(name, (), {}) for name in ("MLCPUComputeDevice", "MLNeuralEngineComputeDevice")}
    usage = {
        "conv": SimpleNamespace(preferred_compute_device=kinds["MLNeuralEngineComputeDevice"]()),
        "argmax": SimpleNamespace(preferred_compute_device=kinds["MLCPUComputeDevice"]()),
        "const": None,
    }
    operations = ["const", "conv", "conv", "conv", "argmax"]
    program = SimpleNamespace(functions={"main": SimpleNamespace(block=SimpleNamespace(operations=operations))})
    plan = SimpleNamespace(
        model_structure=SimpleNamespace(program=program),
        get_compute_device_usage_for_mlprogram_operation=usage.__getitem__,
    )
    asked = []

    class Model:
        def __init__(self, path: str, compute_units: str) -> None:
            asked.append((path, compute_units))

        def get_compiled_model_path(self) -> str:
            return "compiled"

    fake, inner = ModuleType("coremltools"), ModuleType("coremltools.models.compute_plan")
    fake.ComputeUnit = {"CPU_AND_NE": "ne"}  # type: ignore[attr-defined]
    fake.models = SimpleNamespace(MLModel=Model)  # type: ignore[attr-defined]
    inner.MLComputePlan = SimpleNamespace(load_from_path=lambda path, compute_units: plan)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "coremltools", fake)
    monkeypatch.setitem(sys.modules, "coremltools.models", ModuleType("coremltools.models"))
    monkeypatch.setitem(sys.modules, "coremltools.models.compute_plan", inner)
    counts = residency(Path("face.mlpackage"), "cpu_and_ne")
    assert counts == {"neural_engine": 3, "cpu": 1} and off_cpu(counts) == 0.75
    assert asked == [("face.mlpackage", "ne")]

    def too_old(path: str, compute_units: str) -> None:
        raise RuntimeError("macOS 14.4")

    inner.MLComputePlan = SimpleNamespace(load_from_path=too_old)  # type: ignore[attr-defined]
    assert residency(Path("face.mlpackage"), "cpu_and_ne") is None and off_cpu(None) is None
