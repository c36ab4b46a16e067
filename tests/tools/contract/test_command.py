"""`python -m tools contract`: the committed files are those that it writes today."""

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.own import NAMES, scheme_file
from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.commands.live.video import Video
from toolkit.commands.live.webcam import Webcam
from toolkit.core import zoo
from toolkit.core.files import read_json, sha256, size_bytes
from toolkit.core.images import read_image
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68, file_of, own_scheme
from toolkit.core.validation import check
from toolkit.core.zoo import MAIN, WEIGHTS, released
from toolkit.detect.blazeface import detector_file
from toolkit.runtime import sidecar
from tools.contract.command import Contract, run
from tools.contract.contract import FORMAT, contract_of
from tools.contract.golden import drawn_faces
from tools.contract.terms import Terms

DEPLOY = Path(__file__).parents[3] / "deploy"
STALE = "is stale: run `python -m tools contract` and commit deploy/contract.json and deploy/golden"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes for the committed pictures."""
    out = tmp_path_factory.mktemp("deploy")
    shutil.copytree(DEPLOY / "golden", out / "golden")
    outcome = finish(run(Contract(out=out)))
    assert outcome.ok and outcome.records[0]["model"] in outcome.text
    return out


def near(value: Any, other: Any, tolerance: float) -> bool:
    """Whether two JSON values are the same, numbers within a tolerance."""
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(near(value[k], other[k], tolerance) for k in value)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(near(a, b, tolerance) for a, b in zip(value, other, strict=True))
    if isinstance(value, float) and isinstance(other, float):
        return abs(value - other) <= tolerance
    return bool(value == other)


def test_the_rule_of_the_search_is_that_of_the_commands():
    """Who looks again, and who at tiles of a film, as `video` and `webcam` do by default."""
    rule = read_json(DEPLOY / "contract.json")["detector"]["search"]["rule"]
    assert rule.startswith("what the toolkit and the page do beyond one look")
    assert "without tiles, but by `sdhrnet video`, which takes those of the first halving" in rule
    assert (Webcam.finest, Video.finest) == (0, 1)


def test_it_writes_these_files_and_no_other(made: Path):
    """The same names as are committed."""
    assert {p.name for p in (made / "golden").iterdir()} == {p.name for p in (DEPLOY / "golden").iterdir()}


@pytest.mark.parametrize(
    "name",
    [
        *("contract.json", "contract.schema.json", "sidecar.schema.json"),
        *("golden/geometry.json", "golden/decode.json", "golden/smoothing.json"),
    ],
)
def test_the_committed_file_is_not_stale(made: Path, name: str):
    """Byte for byte: no network has a part in these."""
    assert (made / name).read_bytes() == (DEPLOY / name).read_bytes(), f"deploy/{name} {STALE}"


def test_the_committed_faces_are_not_stale(made: Path):
    """Pictures are kept; points may differ by what another processor's arithmetic makes of them."""
    old, new = (read_json(folder / "golden" / "faces.json") for folder in (DEPLOY, made))
    assert near(new, old, 0.002), f"deploy/golden/faces.json {STALE}"
    old["faces"][0]["crop_points_xy"][5][1] += 0.01
    assert not near(new, old, 0.002)
    pictures = sorted(DEPLOY.glob("golden/*.png"))
    assert pictures
    for picture in pictures:
        assert sha256(picture) == sha256(made / "golden" / picture.name)


def test_the_contract_says_what_the_model_takes_and_gives():
    """Names, shapes and hashes of the file in the package, and the lines of its scheme."""
    terms = read_json(DEPLOY / "contract.json")
    model = WEIGHTS / terms["model"]["file"]
    assert terms["model"]["file_sha256"] == sha256(model)
    assert {each["file"] for each in terms["models"]} == {p.name for p in zoo.files(MAIN)}
    assert terms["input"]["shape"] == [1, 160, 160, 3] and terms["input"]["colours"] == "RGB"
    assert terms["outputs"]["points"]["shape"] == [1, 68, 2]
    assert [line["indices"] for line in terms["drawing"]["lines"]] == [list(line.indices) for line in W300_68.lines]
    assert terms["detector"]["file"] == detector_file().name
    assert 100_000 < size_bytes(detector_file()) < 1_000_000


def test_the_schemas_take_what_is_written_and_refuse_what_is_not():
    """By an independent reader of JSON Schema: the contract and every released sidecar fit, broken ones do not."""
    jsonschema = pytest.importorskip("jsonschema", reason="reads schemas: pip install jsonschema")
    schema = read_json(DEPLOY / "contract.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    terms = read_json(DEPLOY / "contract.json")
    jsonschema.validate(terms, schema)
    without = {**terms, "smoothing": {"rule": "", "beta": 1.0, "derivative_cutoff_hz": 1.0}}
    for wrong in ({**terms, "format": FORMAT + 1}, {**terms, "turning": 3}, without):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
    described = read_json(DEPLOY / "sidecar.schema.json")
    files = sorted(WEIGHTS.glob("*.tflite.json")) + sorted(WEIGHTS.glob("*.mlpackage.json"))
    assert len(files) > 5
    for path in files:
        jsonschema.validate(about := read_json(path), described)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(about | {"file_sha256": "short"}, described)


def test_every_format_stands_in_the_change_log():
    """deploy/README.md says what each format of contract.json changed, the newest one too."""
    rows = re.findall(r"^\| (\d+) \| .{20,} \|$", (DEPLOY / "README.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, FORMAT + 1))
    for app, known in (
        ("android/landmarks/src/main/kotlin/org/sdhrnet/landmarks/Contract.kt", rf"const val FORMAT = {FORMAT}\b"),
        ("ios/Landmarks/Sources/Landmarks/Contract.swift", rf"newestFormat = {FORMAT}\b"),
    ):
        assert re.search(known, (DEPLOY / app).read_text()), app


@pytest.mark.slow  # the files are converted first
def test_faces_are_drawn_where_there_are_none(converted, tmp_path: Path):
    """For a bundle, its converted files are found; pictures, box and JSON come from nothing but the command."""
    finish(run(Contract(model=converted.bundle, out=tmp_path)))
    terms = read_json(tmp_path / "contract.json")
    assert terms["model"]["file"].endswith("-float32.tflite")
    floats = {"float32", "float16", "int8", "dynamic8", "weights8", "palette6", "palette4"}
    assert {each["precision"] for each in terms["models"]} == floats  # int8io has integers at both ends
    for case in read_json(tmp_path / "golden" / "faces.json")["faces"]:
        image = read_image(tmp_path / "golden" / case["picture"])
        left, top, right, bottom = case["box_xyxy"]
        assert 0 <= left < right < image.shape[1] and 0 <= top < bottom < image.shape[0]


def test_redraw_replaces_pictures(tmp_path: Path):
    """Kept pictures stay as they are; with --redraw they are the generator's again."""
    shutil.copytree(DEPLOY / "golden", tmp_path / "golden")
    picture = tmp_path / "golden" / "front.png"
    shutil.copy(DEPLOY / "golden" / "turned.png", picture)
    finish(run(Contract(out=tmp_path)))
    assert sha256(picture) == sha256(DEPLOY / "golden" / "turned.png")
    finish(run(Contract(out=tmp_path, redraw=True)))
    drawn = {face.name: face.image for face in drawn_faces()}
    assert np.array_equal(read_image(picture), drawn["front"])


def test_a_bundle_that_was_never_converted_is_refused(small_bundle: Bundle, tmp_path: Path):
    """Files of another bundle beside it do not count; the message has the command that converts it."""
    bundle.write(small_bundle, tmp_path / "distil")
    for name in (released("float16").name, f"{released('float16').name}.json"):
        shutil.copy(WEIGHTS / name, tmp_path / name)
    with pytest.raises(FileNotFoundError, match="sdhrnet convert"):
        finish(run(Contract(model=tmp_path / "distil", out=tmp_path / "deploy")))
    assert not (tmp_path / "deploy").exists()


@pytest.mark.slow
def test_a_package_for_core_ml_takes_an_image(converted, tmp_path: Path):
    """The contract of an .mlpackage names itself, and an image of one crop as its input."""
    finish(run(Contract(model=converted.file("float16.mlpackage"), out=tmp_path)))
    terms = read_json(tmp_path / "contract.json")
    assert terms["model"]["file"].endswith("-float16.mlpackage")
    assert terms["input"] == {
        "name": "image",
        "layout": "image",
        "shape": [64, 64],
        "dtype": "image",
        "colours": "RGB",
        "range": [0.0, 255.0],
    }


def test_the_contract_carries_points_of_ones_own(tmp_path: Path):
    """Names, mirror pairs and lines, whole, as the schema has them; the released model's says none."""
    own = own_scheme(scheme_file(tmp_path / "own.json", "contract-7"))
    about = sidecar.read(released("float16"))
    about = dataclasses.replace(about, scheme=own.name, points=7, own_scheme=file_of(own))
    terms = json.loads(msgspec.json.encode(contract_of(about, [about])))
    check(terms, Terms, "contract")
    assert terms["model"]["own_scheme"]["names"] == NAMES and terms["turning"]["eyes"] == [0, 1]
    assert terms["drawing"]["lines"] == [
        {"indices": [3, 2, 4, 3], "closed": False},
        {"indices": [5, 0], "closed": False},
    ]
    assert "own_scheme" not in read_json(DEPLOY / "contract.json")["model"]
