"""What ships in the package: whole, described, and still the points of its bundle."""

import json
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from toolkit import bundle
from toolkit.cli import main
from toolkit.core import zoo
from toolkit.core.files import read_lines
from toolkit.core.zoo import MAIN, SPARED, START, WEIGHTS, names, released
from toolkit.data.licences import SYNTHETIC
from toolkit.landmarkers import open_model
from toolkit.runtime import sidecar

ROOT = Path(__file__).parents[1]
MODELS = names()


@pytest.mark.slow
def test_the_released_files_keep_their_budgets(capsys: pytest.CaptureFixture[str]) -> None:
    """`sdhrnet verify` passes on them, from their sidecars alone."""
    assert main(["verify", str(WEIGHTS), "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(records) == 4 * len(MODELS) and all(r["ok"] for r in records)


@pytest.mark.parametrize("name", MODELS)
def test_each_file_belongs_to_its_bundle(name: str) -> None:
    """All have the bundle's hash; its card says what its data allows and what it scored."""
    loaded, digest = bundle.read(WEIGHTS / name), bundle.digest(WEIGHTS / name)
    files = [released(p, name) for p in ("float32", "float16", "int8")] + [WEIGHTS / f"{name}-float16.mlpackage"]
    assert {sidecar.read(file).source_bundle for file in files} == {digest}
    assert {sidecar.read(file).size_px for file in files} == {loaded.card.size_px}
    free, hard = loaded.card.variant == "free", loaded.scheme.points == 98  # WFLW's test faces here are its hard ones
    assert free or "research" in loaded.card.data["licence"]
    assert name == loaded.card.released_name(loaded.scheme.points)
    assert 0 < loaded.card.metrics["test"]["nme_mean"] < (8 if free or hard else 4)


@pytest.mark.parametrize("name", MODELS)
def test_terms_stand_in_the_card_its_files_and_the_wheel(name: str) -> None:
    """The same words everywhere; the wheel's metadata names the file that has them."""
    licence = bundle.read(WEIGHTS / name).card.licence
    text = (ROOT / "LICENSE-WEIGHTS").read_text(encoding="utf-8")
    own = " ".join(text[text.index(name) :].partition("\n\n")[0].split())
    assert licence and licence in own
    files = zoo.files(name)
    assert len(files) == 4 and {sidecar.read(path).licence for path in files} == {licence}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0 AND LicenseRef-SDHRNet-Weights"
    assert project["license-files"] == ["LICENSE", "LICENSE-WEIGHTS"]


def test_every_wheel_has_what_a_name_stands_for() -> None:
    """Bundle and float16 file of each, with its sidecar, so that a name is the same file everywhere."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    left_out = project["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"]
    for name in MODELS:
        for path in (released("float16", name), WEIGHTS / f"{name}-float16.tflite.json", WEIGHTS / name / "card.json"):
            assert path.is_file() and not any(fnmatch(str(path.relative_to(ROOT)), pattern) for pattern in left_out)
    assert any(fnmatch(f"toolkit/weights/{MAIN}-float32.tflite", pattern) for pattern in left_out)


@pytest.mark.slow
def test_known_failures_are_a_models_own() -> None:
    """What is said of the 68-point models that learned from photos was not measured of the others."""
    said = {name: bundle.read(WEIGHTS / name).card.data["known_failures"] for name in MODELS}
    assert len({said[name] for name in MODELS if "68pt" not in name or "free" in name} - {said[MAIN]}) == 3


@pytest.mark.parametrize("name", [name for name in MODELS if "68pt" in name])
def test_what_a_card_says_of_confidence_was_measured(name: str) -> None:
    """The areas under the ROC curve are those of the int8 file's records, on AFLW, MERL's AFLW and drawn faces."""
    lines = read_lines(ROOT / "results" / "angles" / "results.jsonl")
    own = [r for r in lines if "visibility_auc" in r and r["model"] == f"{name}-int8.tflite"]
    sets = ("aflw_pose", "aflw_merl", "synthetic")
    aflw, merl, drawn = (r["visibility_auc"] for each in sets for r in own if each in r["data"])
    card = json.loads((WEIGHTS / name / "card.json").read_text())
    said = f"{aflw:.2f} on AFLW, {merl:.2f} on MERL's AFLW crops and {drawn:.2f} on drawn faces"
    assert said in card["data"]["known_failures"]


def test_the_main_model_is_there() -> None:
    """It is what every command takes that is told no other."""
    assert MAIN in MODELS and open_model(released("float16")).size_px == 160


def test_a_missing_precision_is_named() -> None:
    """With what there is instead."""
    with pytest.raises(FileNotFoundError, match=r"no sdhrnet-68pt-160-float128\.tflite"):
        released("float128")


def test_what_a_demo_begins_with_is_no_released_model() -> None:
    """The whole supernet, of drawn faces alone; in a clone, not in a wheel."""
    loaded = bundle.read(START)
    assert START.name not in MODELS and len(loaded.weights["alpha"]) == 132
    spared = bundle.read(SPARED)
    assert (abs(spared.weights["alpha"]) < 0.02).sum() >= 50
    for each in (loaded, spared):
        assert each.card.licence == SYNTHETIC and each.card.metrics["val"]["nme_mean"] < 7
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "toolkit/weights/start/**" in build["exclude"]
