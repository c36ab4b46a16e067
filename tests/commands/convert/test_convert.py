"""The convert stage: every file arrives with its proof, or not at all."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.small import PRECISIONS
from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.commands.convert import convert
from toolkit.commands.convert.convert import Convert
from toolkit.core.files import sha256
from toolkit.core.progress import finish
from toolkit.export import conversion, coreml_worker, lint
from toolkit.export.onnx import to_onnx
from toolkit.runtime import sidecar

PROMISED = {
    *("kind", "model", "file_sha256", "engine", "precision", "mean_px", "worst_px", "moved_over_1px", "nme_delta"),
    *("n", "size_bytes", "operations", "transposes", "versions", "device", "threads", "commit", "ok", "reasons"),
}


@pytest.mark.slow
def test_every_format_and_precision_keeps_its_budget(converted) -> None:
    """Eleven files of one bundle, each compared in pixels and in NME."""
    outcome = converted.outcome
    assert outcome.ok, outcome.text
    made = [precision for precisions in conversion.PRECISIONS.values() for precision in precisions]
    assert len(outcome.records) == sum(precision in PRECISIONS for precision in made) == 11
    assert all(record.keys() >= PROMISED for record in outcome.records)
    assert all(record["n"] == 16 and record["nme_delta"] is not None for record in outcome.records)
    json.dumps(outcome.records, allow_nan=False)


@pytest.mark.slow
def test_names_say_what_a_file_is(converted) -> None:
    """NAME-POINTSpt-SIZE-PRECISION."""
    assert converted.file("float32.tflite").name == "small-68pt-64-float32.tflite"


@pytest.mark.slow
def test_sidecars_name_source_and_proof(converted) -> None:
    """The bundle's hash, the file's hash, parity, versions; calibration for static int8 alone."""
    digest = bundle.digest(converted.bundle)
    assert {record["precision"] for record in converted.outcome.records} == set(PRECISIONS)
    for record in converted.outcome.records:
        about = sidecar.read(converted.models / record["model"])
        assert about.source_bundle == digest
        assert about.parity["mean_px"] == record["mean_px"]
        assert "torch" in about.converter
        assert (about.calibration is not None) is (about.precision in ("int8", "int8io"))


@pytest.mark.slow
def test_nothing_else_is_left(converted) -> None:
    """No temporary folder, no log, no intermediate file."""
    names = {p.name for p in converted.models.iterdir()}
    models = {record["model"] for record in converted.outcome.records}
    assert names == models | {f"{name}.json" for name in models}


@pytest.mark.slow
@pytest.mark.parametrize("precision", [each for each in conversion.PRECISIONS["tflite"] if each in PRECISIONS])
def test_tflite_files_have_no_transposition(converted, precision: str) -> None:
    """NHWC from end to end, and nothing that only TensorFlow could run."""
    counts = lint.operations(converted.file(f"{precision}.tflite"))
    assert "TRANSPOSE" not in counts
    assert not any(name.startswith(("Flex", "CUSTOM")) for name in counts)


@pytest.mark.slow
def test_int8_decodes_in_float(converted) -> None:
    """Whatever is in int8 stays so to the heatmaps: dequantised before the decoding alone."""
    counts = lint.operations(converted.file("int8.tflite"))
    assert counts["QUANTIZE"] >= 1
    assert counts["DEQUANTIZE"] <= 2
    assert "LOG" in counts


@pytest.mark.slow
def test_int8_that_would_break_its_budget_says_what_is_in_float(converted) -> None:
    """In the sidecar, in the record, and in words with the time; no other file is mixed."""
    (told,) = (r["mixed"] for r in converted.outcome.records if r["precision"] == "int8")
    assert 0 < told["float_operations"] < told["operations"]
    assert told["mixed_px"] <= 0.7 * 0.35 < told["int8_px"]
    assert min(told["int8_ms"], told["mixed_ms"], told["float32_ms"]) > 0
    assert dataclasses.asdict(sidecar.read(converted.file("int8.tflite")).mixed) == told
    assert f"the first {told['float_operations']} of the network's" in converted.outcome.text
    assert all(not r["mixed"] for r in converted.outcome.records if not r["precision"].startswith("int8"))


@pytest.mark.slow
def test_tflite_tensors_have_names_and_a_signature(converted) -> None:
    """Kotlin, Swift and the browser ask for them by name."""
    from ai_edge_litert.interpreter import Interpreter

    for ending in ("float32.tflite", "float16.tflite", "int8.tflite", "dynamic8.tflite"):
        interpreter = Interpreter(model_path=str(converted.file(ending)))
        assert [d["name"] for d in interpreter.get_input_details()] == ["image"]
        assert [d["name"] for d in interpreter.get_output_details()] == ["points", "confidence"]
        assert all(d["dtype"] == np.float32 for d in interpreter.get_input_details() + interpreter.get_output_details())
        found = interpreter.get_signature_runner()(image=np.zeros((1, 64, 64, 3), np.float32))
        assert found["points"].shape == (1, 68, 2)


@pytest.mark.slow
def test_integers_at_both_ends(converted) -> None:
    """uint8 pixels in, int16 points and uint8 confidences out; the sidecar says what a step is worth."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(converted.file("int8io.tflite")))
    (image,) = interpreter.get_input_details()
    assert (image["name"], image["dtype"], image["quantization"]) == ("image", np.uint8, (1.0, 0))
    outputs = {d["name"]: d for d in interpreter.get_output_details()}
    assert [(name, d["dtype"]) for name, d in outputs.items()] == [("points", np.int16), ("confidence", np.uint8)]
    about = sidecar.read(converted.file("int8io.tflite"))
    assert about.input_type == "uint8" and about.integers.keys() == outputs.keys()
    for name, d in outputs.items():
        told = about.integers[name]
        assert (told.type, told.scale, told.zero_point) == (np.dtype(d["dtype"]).name, *d["quantization"])


@pytest.mark.slow
def test_smaller_precisions_are_smaller(converted) -> None:
    """Less than float32, even for a network this small; of static int8 too much is in float here."""
    sizes = {r["precision"]: r["size_bytes"] for r in converted.outcome.records if r["model"].endswith(".tflite")}
    assert sizes["dynamic8"] < sizes["float16"] < sizes["float32"]


@pytest.mark.slow
def test_depthwise_weights_and_decoding_stay_float_in_dynamic_int8(converted) -> None:
    """XNNPACK takes it in as many parts as float32, and leaves the same operations outside."""
    dynamic, plain = (lint.inspect(converted.file(f"{p}.tflite")) for p in ("dynamic8", "float32"))
    assert (dynamic.parts, dynamic.outside) == (plain.parts, plain.outside)


@pytest.mark.slow
def test_the_heatmap_variant(small_bundle: Bundle, tmp_path: Path) -> None:
    """Decoded by core.heatmap outside the file, to the same points."""
    bundle.write(small_bundle, tmp_path / "net")
    precisions = ("float32", "int8io")
    options = Convert(bundle=tmp_path / "net", to=("tflite",), precision=precisions, output="heatmaps", keep=True)
    outcome = finish(convert.run(dataclasses.replace(options, faces=4, calibration=16)))
    assert outcome.records[0]["ok"] and outcome.records[1]["mean_px"] < 0.35, outcome.text
    names = [f"small-68pt-64-heatmaps-{precision}.tflite" for precision in precisions]
    assert [r["model"] for r in outcome.records] == names
    assert sidecar.read(tmp_path / "models" / names[1]).integers["heatmaps"].type == "int8"
    counts = lint.operations(tmp_path / "models" / names[1])
    assert "DEQUANTIZE" not in counts and counts["QUANTIZE"] == 1  # integers from end to end


def onnx_only(folder: Path, **more: object) -> Convert:
    return Convert(bundle=folder / "net", to=("onnx",), precision=("float32",), faces=4, **more)


@pytest.mark.slow
def test_synthetic_faces_are_labelled_as_the_network_is(small_bundle: Bundle, tmp_path: Path) -> None:
    """A 29-point network is compared in pixels and in NME."""
    spec = dataclasses.replace(small_bundle.spec, points=29)
    weights = {k: v[:29] if k.startswith("head.out.") else v for k, v in small_bundle.weights.items()}
    card = dataclasses.replace(small_bundle.card, scheme="cofw-29")
    bundle.write(Bundle(spec=spec, card=card, weights=weights), tmp_path / "net")
    outcome = finish(convert.run(onnx_only(tmp_path)))
    assert outcome.ok, outcome.text
    assert outcome.records[0]["model"] == "small-29pt-64-float32.onnx"
    assert outcome.records[0]["nme_delta"] == pytest.approx(0, abs=1e-3)


def broken_export(*arguments: object) -> dict[str, Path]:
    """A converter that loses a fifth of the stem's weights."""
    loaded = arguments[0]
    assert isinstance(loaded, Bundle)
    weights = {**loaded.weights, "stem.0.weight": loaded.weights["stem.0.weight"] * 0.8}
    return _make(dataclasses.replace(loaded, weights=weights), *arguments[1:])


_make = conversion.make


@pytest.mark.slow
def test_a_breach_is_told_and_not_written(
    small_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not ok, with the reason in words; no folder is made for nothing."""
    bundle.write(small_bundle, tmp_path / "net")
    monkeypatch.setattr(conversion, "make", broken_export)
    outcome = finish(convert.run(onnx_only(tmp_path)))
    assert not outcome.ok
    assert "points move by" in outcome.text
    assert not (tmp_path / "models").exists()


def test_an_interrupted_conversion_leaves_no_folder(
    small_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those that had to be made for --out nor a temporary one."""
    bundle.write(small_bundle, tmp_path / "net")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion, "make", interrupted)
    for out in (None, tmp_path / "a" / "b"):
        with pytest.raises(KeyboardInterrupt):
            finish(convert.run(onnx_only(tmp_path, out=out)))
        assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_somebody_elses_file_is_not_replaced(small_bundle: Bundle, tmp_path: Path) -> None:
    """A file of ours has a sidecar beside it; known before anything is converted."""
    bundle.write(small_bundle, tmp_path / "net")
    theirs = tmp_path / "models" / "small-68pt-64-float32.onnx"
    theirs.parent.mkdir()
    theirs.write_text("mine")
    with pytest.raises(FileExistsError, match=r"float32\.onnx has no sidecar, so it is not replaced"):
        next(convert.run(onnx_only(tmp_path)))
    assert theirs.read_text() == "mine"


@pytest.mark.parametrize("beside", ["another bundle", "no sidecar", "no JSON", "no file"])
def test_a_file_of_another_bundle_is_not_replaced(small_bundle: Bundle, tmp_path: Path, beside: str) -> None:
    """Whether its sidecar names another source or is none; known before anything is converted."""
    bundle.write(small_bundle, tmp_path / "net")
    theirs = tmp_path / "models" / "small-68pt-64-float32.onnx"
    theirs.parent.mkdir()
    if beside != "no file":
        theirs.write_text("another network")
    source = "" if beside == "no JSON" else json.dumps({"source_bundle": "0" * 64} if beside == "another bundle" else 5)
    sidecar.path_of(theirs).write_text(source)
    with pytest.raises(FileExistsError, match=r"was not converted from \S+net as it is now: .* --overwrite"):
        next(convert.run(onnx_only(tmp_path)))
    assert sidecar.path_of(theirs).read_text() == source


@pytest.mark.slow
def test_files_are_made_again_of_the_same_bundle_and_of_another_where_told_to(
    small_bundle: Bundle, tmp_path: Path
) -> None:
    """Also over a file that lost its proof; the one of the first bundle is kept until --overwrite."""
    bundle.write(small_bundle, tmp_path / "net")
    finish(convert.run(onnx_only(tmp_path)))
    model = tmp_path / "models" / "small-68pt-64-float32.onnx"
    first = model.read_bytes()
    model.write_bytes(b"cut off")
    finish(convert.run(onnx_only(tmp_path)))
    assert model.read_bytes() == first
    weights = {**small_bundle.weights, "stem.0.weight": 0.9 * small_bundle.weights["stem.0.weight"]}
    bundle.write(dataclasses.replace(small_bundle, weights=weights), tmp_path / "net")
    with pytest.raises(FileExistsError, match="--overwrite"):
        finish(convert.run(onnx_only(tmp_path)))
    assert model.read_bytes() == first
    assert finish(convert.run(onnx_only(tmp_path, overwrite=True))).ok
    assert sidecar.read(model).source_bundle == bundle.digest(tmp_path / "net")


@pytest.mark.slow
def test_keep_writes_a_breach_with_its_verdict(
    small_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a look at it; the sidecar says that it failed."""
    bundle.write(small_bundle, tmp_path / "net")
    monkeypatch.setattr(conversion, "make", broken_export)
    outcome = finish(convert.run(onnx_only(tmp_path, keep=True)))
    assert not outcome.ok
    assert sidecar.read(tmp_path / "models" / "small-68pt-64-float32.onnx").parity["ok"] is False


@pytest.mark.slow
def test_a_failing_converter_leaves_nothing(
    small_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old file stays, the new one is not there in part."""
    bundle.write(small_bundle, tmp_path / "net")
    finish(convert.run(onnx_only(tmp_path)))
    before = {p.name: p.read_bytes() for p in (tmp_path / "models").iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        finish(convert.run(onnx_only(tmp_path)))
    assert {p.name: p.read_bytes() for p in (tmp_path / "models").iterdir()} == before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"to": ("onnx",), "precision": ("int8",)}, "onnx can be float32, not int8"),
        ({"to": ("coreml",), "precision": ("int8",)}, "coreml can be float32, float16, weights8, .*, not int8"),
        ({"to": ()}, "nothing to convert to"),
        ({"faces": 0}, "at least 1"),
        ({"calibration": 0}, "at least 1"),
    ],
)
def test_impossible_wishes_are_refused_at_once(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    """Before anything is read or written."""
    with pytest.raises(ValueError, match=message):
        Convert(bundle=tmp_path, **fields)


def test_no_bundle_is_an_error(tmp_path: Path) -> None:
    """The message names the folder."""
    with pytest.raises(FileNotFoundError, match="is not a bundle"):
        finish(convert.run(Convert(bundle=tmp_path)))


@pytest.mark.slow
def test_the_same_bundle_gives_the_same_file(small_bundle: Bundle, tmp_path: Path) -> None:
    """Converted twice, byte for byte."""
    bundle.write(small_bundle, tmp_path / "net")
    hashes = [finish(convert.run(onnx_only(tmp_path))).records[0]["file_sha256"] for _ in range(2)]
    assert hashes[0] == hashes[1]


@pytest.mark.slow
def test_a_package_has_no_random_names(converted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """coremltools draws new identifiers at each conversion; ours follow from what they name."""
    if "tensorflow" not in sys.modules:
        monkeypatch.setitem(sys.modules, "tensorflow", None)  # which coremltools would load for ten seconds
    package = tmp_path / "net.mlpackage"
    shutil.copytree(converted.file("float32.mlpackage"), package)
    before = sha256(package)
    text = (package / "Manifest.json").read_text()
    content = json.loads(text)
    for place, identifier in enumerate(content["itemInfoEntries"]):
        text = text.replace(identifier, f"RANDOM-{place}")
    (package / "Manifest.json").write_text(text)
    assert sha256(package) != before
    coreml_worker.settle(package)
    assert sha256(package) == before


def test_an_operation_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """In one line, and no file is left."""

    class Odd(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.special.bessel_j0(image)

    with pytest.raises(ValueError, match="special_bessel_j0") as caught:
        to_onnx(Odd(), 64, ("points",), tmp_path / "odd.onnx")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_calibration_folder_without_faces_is_refused(small_bundle: Bundle, tmp_path: Path) -> None:
    """Before anything is converted or written."""
    bundle.write(small_bundle, tmp_path / "net")
    (tmp_path / "empty").mkdir()
    options = Convert(bundle=tmp_path / "net", to=("tflite",), precision=("int8",), data=tmp_path / "empty")
    with pytest.raises((ValueError, OSError), match="empty"):
        finish(convert.run(options))
    assert not (tmp_path / "models").exists()
