"""The verify stage finds what broke after converting."""

import json
import shutil
from pathlib import Path

import pytest

from toolkit import bundle
from toolkit.core.files import sha256
from toolkit.core.progress import Outcome, finish
from toolkit.runtime import sidecar
from toolkit.stages import verify
from toolkit.stages.verify import Verify

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
    return finish(verify.run(Verify(models=folder, faces=4, **more)))


def rehash(path: Path, **changes: object) -> None:
    """A sidecar that vouches for whatever the file is now."""
    beside = sidecar.path_of(path)
    fields = json.loads(beside.read_text())
    beside.write_text(json.dumps({**fields, "file_sha256": sha256(path), **changes}))


def test_fresh_files_pass(converted) -> None:
    """All six, on other faces than they were proved on; the bundle is found beside the folder."""
    outcome = checked(converted.models)
    assert outcome.ok, outcome.text
    assert len(outcome.records) == 6
    assert "all 6 files keep their budgets" in outcome.text


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


def spoil(path: Path, name: str, change) -> None:
    """Change one constant of an ONNX file, and let its sidecar vouch for it."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    for tensor in model.graph.initializer:
        if tensor.name == name:
            values = change(numpy_helper.to_array(tensor).copy())
            tensor.CopyFrom(numpy_helper.from_array(values, name))
            break
    else:
        raise AssertionError(sorted(t.name for t in model.graph.initializer))
    onnx.save(model, str(path))
    rehash(path)


SPOILT = {
    "swapped colours": ("network.net.stem.0.weight", lambda v: v[:, ::-1].copy()),
    "no mean": ("network.mean", lambda v: v * 0),
    "mean of [0, 1]": ("network.mean", lambda v: v / 255),
    "wrong scale": ("network.net.stem.0.weight", lambda v: v * 1.3),
    "points in another order": ("network.net.head.out.weight", lambda v: v[::-1].copy()),
    "shifted neighbours": ("decode.dx", lambda v: v + 1),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_wrong_conversion_fails(folder: Path, how: str) -> None:
    """A file that runs, has the right shapes and a matching hash, and computes something else."""
    spoil(folder / FILE, *SPOILT[how])
    outcome = checked(folder)
    assert not outcome.ok, outcome.text
    assert "points move by" in outcome.text


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    """With the command that fills it."""
    with pytest.raises(FileNotFoundError, match="sdhrnet convert"):
        checked(tmp_path)
