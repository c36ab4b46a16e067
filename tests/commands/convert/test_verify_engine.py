"""Files on simulated engines of phones: what is compared, told and refused. `make verify-engines` has the engines."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.commands.convert import convert
from toolkit.commands.convert.convert import Convert
from toolkit.commands.convert.verify_engine import VerifyEngine, run
from toolkit.core.files import read_json, read_lines, sha256, write_json
from toolkit.core.progress import Outcome, finish
from toolkit.core.records import append
from toolkit.export import engines
from toolkit.export.deployed import TorchLandmarker
from toolkit.export.engines import About
from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Prediction

TOLD: About = {"engine": "a simulator", "operations": 90, "taken": 88, "parts": 2, "left": ["ArgMax", "Cast"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Engines in name."""
    for engine in ("htp", "gpu"):
        (tmp_path / "engines" / engine).mkdir(parents=True)
        (tmp_path / "engines" / engine / ".ready").touch()
    return tmp_path / "engines"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small_bundle: Bundle) -> Path:
    """A folder with a bundle and its .onnx file."""
    folder = tmp_path_factory.mktemp("made")
    bundle.write(small_bundle, folder / "small")
    options = Convert(bundle=folder / "small", to=("onnx",), precision=("float32",), faces=2, out=folder / "models")
    assert finish(convert.run(options)).ok
    return folder


def verified(models: Path, root: Path, **more: object) -> Outcome:
    return finish(run(VerifyEngine(models=models, root=root, faces=2, **more)))  # type: ignore[arg-type]


def off_by(small: Bundle, shift_px: float) -> object:
    """An engine that answers as the bundle does, but for so many pixels."""

    def answered(*given: object) -> tuple[list[Prediction], About]:
        model = TorchLandmarker(small)
        found = [model(crop) for crop in given[3]]  # type: ignore[attr-defined]
        moved = [Prediction(points_xy=p.points_xy + np.array([shift_px, 0]), confidence=p.confidence) for p in found]
        return moved, TOLD

    return answered


@pytest.mark.slow
@pytest.mark.parametrize(("shift_px", "kept"), [(0.0, True), (0.09, True), (0.11, False)])
def test_half_precision_has_a_tenth_of_a_pixel(
    root: Path, made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shift_px: float, kept: bool
) -> None:
    """On average, from the bundle; the record says what the engine took, in how many parts, and what it left."""
    monkeypatch.setattr(engines, "answers", off_by(bundle.read(made / "small"), shift_px))
    results = tmp_path / "results.jsonl"
    outcome = verified(made / "models", root, results=results)
    (record,) = outcome.records
    assert outcome.ok == record["ok"] == kept and bool(record["reasons"]) != kept
    assert record["mean_px"] == pytest.approx(shift_px, abs=1e-4)
    assert (record["operations"], record["operations_taken"], record["parts"]) == (90, 88, 2)
    assert "88 of 90" in outcome.text and '["ArgMax", "Cast"]' in outcome.text
    assert json.loads(results.read_text())["kind"] == "engine"


@pytest.mark.slow
def test_a_file_that_does_not_run_loses_no_other_s_proof(
    root: Path, made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has a record with the reason, which takes the place of no other engine's."""
    right = off_by(bundle.read(made / "small"), 0.0)

    def answered(*given: object) -> object:
        if given[2].name == "other.onnx":  # type: ignore[attr-defined]
            raise ValueError("htp failed on other.onnx with status 1: out of memory")
        return right(*given)  # type: ignore[operator]

    monkeypatch.setattr(engines, "answers", answered)
    shutil.copytree(made, tmp_path / "made")
    (onnx,) = (tmp_path / "made" / "models").glob("*.onnx")
    shutil.copy(onnx, onnx.with_name("other.onnx"))
    about = read_json(sidecar.path_of(onnx)) | {"model": "other.onnx"}
    write_json(sidecar.path_of(onnx.with_name("other.onnx")), about)
    outcome = verified(onnx.parent, root, results=tmp_path / "results.jsonl")
    kept = {r["model"]: r for r in read_lines(tmp_path / "results.jsonl")}
    assert not outcome.ok and kept[onnx.name]["ok"] and not kept["other.onnx"]["ok"]
    assert kept["other.onnx"]["reasons"] == ["htp failed on other.onnx with status 1: out of memory"]
    assert "FAILED: htp failed on other.onnx" in outcome.text and "by a simulator" in outcome.text
    refused = kept["other.onnx"]
    append(tmp_path / "results.jsonl", [{**refused, "simulated": "npu"}])
    assert len(read_lines(tmp_path / "results.jsonl")) == 3


@pytest.mark.slow
def test_what_cannot_be_is_said_in_a_line(root: Path, tmp_path: Path, made: Path) -> None:
    """No engine, and no file that it takes."""
    with pytest.raises(FileNotFoundError, match="run `make verify-engines`"):
        verified(made / "models", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no file in .* that gpu takes"):
        verified(made / "models", root, engine="gpu")


@pytest.mark.slow
def test_a_folder_without_onnx_has_its_bundles_written_as_such(
    root: Path, made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For htp, which takes nothing else: the file that stands for the network is named after it."""
    monkeypatch.setattr(engines, "answers", off_by(bundle.read(made / "small"), 0.0))
    shutil.copytree(made, tmp_path / "other")
    (onnx,) = (tmp_path / "other" / "models").glob("*.onnx")
    about = read_json(sidecar.path_of(onnx))
    package = onnx.with_name("any.tflite")
    package.write_bytes(b"a file that is not opened")
    named = {"model": package.name, "file_sha256": sha256(package), "input_layout": "NHWC"}
    write_json(sidecar.path_of(package), about | named)
    onnx.unlink()
    outcome = verified(tmp_path / "other" / "models", root)
    assert [record["model"] for record in outcome.records] == [onnx.name] and outcome.ok


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["htp", "gpu"])
def test_a_small_network_is_right_on_the_engine(engine: str, converted) -> None:
    """In the engines' own environments, where they were made: within a tenth of a pixel, and taken whole by the NPU."""
    root = Path(os.environ.get("SDHRNET_ENGINES", ".engines"))
    if not (root / engine / ".ready").exists():
        pytest.skip(f"no {engine} engine at {root}: make verify-engines")
    for ending in ("float32.onnx",) if engine == "htp" else ("float32.tflite", "float16.tflite", "int8.tflite"):
        outcome = verified(converted.file(ending), root, engine=engine, bundle=converted.bundle)
        (record,) = outcome.records
        assert outcome.ok and record["whole"], outcome.text
        assert record["budget_px"] == (0.35 if ending.startswith("int8") else 0.1)
        assert engine == "gpu" or record["operations"] == record["operations_taken"] > 50
