"""The sidecar ties a converted file to what is known about it, and refuses any other."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.own import NAMES, scheme_file
from toolkit.core.files import sha256
from toolkit.core.schemes import file_of, own_scheme, scheme
from toolkit.runtime import sidecar
from toolkit.runtime.sidecar import OUTPUTS, Sidecar


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net-68pt-64-float32.tflite"
    path.write_bytes(b"not a model, but a file" * 100)
    sidecar.write(path, about(path))
    return path


def about(path: Path) -> Sidecar:
    return Sidecar(
        model=path.name,
        file_sha256=sha256(path),
        scheme="300w-68",
        points=68,
        size_px=64,
        input_layout="NHWC" if path.suffix == ".tflite" else "image",
        outputs=OUTPUTS["points"],
        decoder="dark",
        sigma_px=1.0,
        precision="float32",
        source_bundle="0" * 64,
        source_name="net",
        parity={"mean_px": 0.001},
    )


def test_what_is_written_is_read(model: Path) -> None:
    """Every field survives JSON; a floor of confidence stands there where one was fitted."""
    assert sidecar.read(model) == about(model)
    assert "confidence_floor" not in json.loads(sidecar.path_of(model).read_text())
    sidecar.write(model, replace(about(model), confidence_floor=0.37))
    assert sidecar.read(model).confidence_floor == 0.37


def test_it_stands_beside_the_file(model: Path) -> None:
    """NAME.tflite.json, so that NAME.onnx has one of its own."""
    assert sidecar.path_of(model).name == "net-68pt-64-float32.tflite.json"
    assert json.loads(sidecar.path_of(model).read_text())["input_range"] == [0.0, 255.0]


def test_a_folder_has_a_sidecar_too(tmp_path: Path) -> None:
    """An .mlpackage is a folder; changing a file in it is noticed."""
    package = tmp_path / "net.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Data" / "weight.bin").write_bytes(b"1")
    sidecar.write(package, about(package))
    assert sidecar.read(package).model == "net.mlpackage"
    (package / "Data" / "weight.bin").write_bytes(b"2")
    with pytest.raises(ValueError, match="was changed"):
        sidecar.read(package)


def test_no_file_is_an_error(tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(FileNotFoundError, match=r"no converted model at .*absent\.tflite"):
        sidecar.read(tmp_path / "absent.tflite")


def test_no_sidecar_is_an_error_that_says_what_to_do(model: Path) -> None:
    """A file without one may be anything."""
    sidecar.path_of(model).unlink()
    with pytest.raises(FileNotFoundError, match=r"put net-68pt-64-float32\.tflite\.json beside it"):
        sidecar.read(model)


def test_a_cut_off_file_is_refused(model: Path) -> None:
    """A download that ended early."""
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(ValueError, match="it is cut off, was changed"):
        sidecar.read(model)


def test_the_sidecar_of_another_file_is_refused(model: Path) -> None:
    """The message says whose it is."""
    other = model.with_name("other.tflite")
    other.write_bytes(b"another model")
    sidecar.path_of(model).rename(sidecar.path_of(other))
    with pytest.raises(ValueError, match=r"it describes net-68pt-64-float32\.tflite"):
        sidecar.read(other)


def test_a_newer_format_is_refused(model: Path) -> None:
    """It may mean something else by the same words."""
    path = sidecar.path_of(model)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": sidecar.FORMAT + 1}))
    with pytest.raises(ValueError, match="upgrade sdhrnet-toolkit"):
        sidecar.read(model)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"format": 1}', '{"format": 1, "model": "x", "input_range": [0, 255]}']
)
def test_what_is_no_sidecar_is_refused(model: Path, text: str) -> None:
    """In one line that names the file."""
    sidecar.path_of(model).write_text(text)
    with pytest.raises(ValueError, match=r"float32\.tflite\.json") as caught:
        sidecar.read(model)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("precision", "int4", 'expected one of .*"int8".*, got "int4"'),
        ("input_layout", "CHWN", 'got "CHWN"'),
        ("input_layout", "NCHW", r"no \.tflite file takes NCHW"),
        ("input_colours", "BGR", 'expected "RGB", got "BGR"'),
        ("input_range", [0, 1], "crops go in as 0 to 255, not as 0.0 to 1.0"),
        ("input_type", "float16", 'got "float16"'),
        ("decoder", "magic", 'got "magic"'),
        ("output", "mesh", 'got "mesh"'),
        ("outputs", {"points": "p"}, "of points they are points, confidence"),
        ("integers", {"points": {"type": "int8", "scale": 0, "zero_point": 0}}, "above 0"),
        ("points", 67, "300w-68 has 68 points, not 67"),
        ("points", 10**9, "from 1 to 1,000, got 1000000000"),
        ("scheme", "mine", "unknown landmark scheme"),
        ("size_px", "96", 'expected a multiple of 32 from 32 to 4,096, got "96"'),
        ("size_px", 0, "got 0"),
        ("size_px", 1e308, r"got 1e\+308"),
        ("size_px", None, "got null"),
        ("sigma_px", 0, "above 0"),
        ("file_sha256", "f" * 63, "64 hexadecimal digits"),
        ("model", ["x"], "expected text"),
        ("colours", "RGB", 'unknown fields "colours"'),
    ],
)
def test_what_the_engine_does_not_do_is_refused(model: Path, field: str, value: object, message: str) -> None:
    """One line with the file, the field, what was expected and what was given."""
    path = sidecar.path_of(model)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(ValueError, match=message) as caught:
        sidecar.read(model)
    text = str(caught.value)
    assert path.name in text and field in text and "\n" not in text


def test_a_program_is_held_to_the_same_bounds(model: Path) -> None:
    """A sidecar made in Python, too."""
    with pytest.raises(ValueError, match=r'precision: .*got "int4"'):
        dataclasses.replace(about(model), precision="int4")


def test_points_of_ones_own_travel_with_the_file(model: Path, tmp_path: Path) -> None:
    """Whole, so that who never saw their file knows them; the sidecars of known schemes say nothing of it."""
    assert "own_scheme" not in json.loads(sidecar.path_of(model).read_text())
    own = own_scheme(scheme_file(tmp_path / "own.json", "sidecar-7"))
    said = dataclasses.replace(about(model), scheme=own.name, points=7, own_scheme=file_of(own))
    sidecar.write(model, said)
    assert sidecar.read(model) == said
    fields = json.loads(sidecar.path_of(model).read_text())["own_scheme"]
    assert (fields["names"], fields["lines"]) == (NAMES, [[3, 2, 4, 3], [5, 0]])
    text = sidecar.path_of(model).read_text().replace("sidecar-7", "never-seen-7")
    sidecar.path_of(model).write_text(text)
    read = sidecar.read(model)
    assert scheme(read.scheme).mirror == (1, 0, 2, 4, 3, 6, 5)
