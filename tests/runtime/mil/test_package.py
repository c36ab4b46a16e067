"""What a user may get wrong: damaged, foreign and unsupported packages."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.runtime import mil
from toolkit.runtime.mil.values import Weights

WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"
MODEL = "Data/com.apple.CoreML/model.mlmodel"


@pytest.fixture
def copy(packages: dict[str, Path], tmp_path: Path) -> Path:
    """A package to damage."""
    return Path(shutil.copytree(packages["f32"], tmp_path / "copy.mlpackage"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "message"),
    [("Manifest.json", "no Manifest.json"), (WEIGHTS, "copy the whole package"), (MODEL, "copy the whole package")],
)
def test_missing_parts_are_named(copy: Path, part: str, message: str) -> None:
    """Manifest, weights or program left behind when copying."""
    (copy / part).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        mil.load(copy)


@pytest.mark.parametrize("part", [WEIGHTS, MODEL])
@pytest.mark.parametrize("keep", [0.9, 0.3])
def test_truncated_files_are_refused(copy: Path, part: str, keep: float) -> None:
    """A download that stopped."""
    data = (copy / part).read_bytes()
    (copy / part).write_bytes(data[: int(keep * len(data))])
    with pytest.raises(ValueError, match=r"cut short|ends early"):
        mil.load(copy)


def test_weights_of_another_package_are_refused(copy: Path) -> None:
    """Where no blob begins at the expected place."""
    data = bytearray((copy / WEIGHTS).read_bytes())
    data[64:] = b"\x01" * (len(data) - 64)
    (copy / WEIGHTS).write_bytes(data)
    with pytest.raises(ValueError, match="belongs to another package"):
        mil.load(copy)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"rootModelIdentifier": "a", "itemInfoEntries": {}}'])
def test_a_manifest_without_a_model_is_refused(copy: Path, content: str) -> None:
    """No JSON, or JSON that names nothing."""
    (copy / "Manifest.json").write_text(content)
    with pytest.raises(ValueError, match="does not name a model"):
        mil.load(copy)


def test_paths_out_of_the_package_are_refused(copy: Path, tmp_path: Path) -> None:
    """From the manifest or from the program, a package reads only itself."""
    manifest = json.loads((copy / "Manifest.json").read_text())
    manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = "../../other.bin"
    (tmp_path / "other.bin").write_bytes(b"")
    (copy / "Manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="outside its package"):
        mil.load(copy)
    with pytest.raises(ValueError, match="outside its package"):
        Weights(copy).file("@model_path/../../other.bin")


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    """A path that does not exist, and a file."""
    with pytest.raises(FileNotFoundError, match="no such package"):
        mil.load(tmp_path / "none.mlpackage")
    (tmp_path / "old.mlmodel").write_bytes(b"")
    with pytest.raises(ValueError, match=r"not an \.mlpackage folder"):
        mil.load(tmp_path / "old.mlmodel")


def test_a_neural_network_is_refused(ct: Any, copy: Path) -> None:
    """The older model type, with the remedy; also a model of nothing at all."""
    spec = ct.proto.Model_pb2.Model()
    spec.neuralNetwork.layers.add()
    (copy / MODEL).write_bytes(spec.SerializeToString())
    with pytest.raises(ValueError, match="neural network, not an ML Program"):
        mil.load(copy)
    (copy / MODEL).write_bytes(b"")
    with pytest.raises(ValueError, match="no model, not an ML Program"):
        mil.load(copy)


def edited(ct: Any, copy: Path, edit: Callable[[Any], None]) -> Path:
    """A package whose operations were changed by a function of the list of them."""
    spec = ct.proto.Model_pb2.Model()
    spec.ParseFromString((copy / MODEL).read_bytes())
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    edit(block.operations)
    (copy / MODEL).write_bytes(spec.SerializeToString())
    return copy


def test_an_unknown_operation_is_named(ct: Any, copy: Path) -> None:
    """When the package is read, not when it runs."""

    def edit(operations: Any) -> None:
        next(o for o in operations if o.type == "sigmoid").type = "gelu"

    with pytest.raises(ValueError, match=r"operation 'gelu' \(output .+\) is not supported"):
        mil.load(edited(ct, copy, edit))


def test_a_shape_that_is_not_the_declared_one_is_an_error(ct: Any, copy: Path, image: NDArray[np.float32]) -> None:
    """The program's own types check the interpreter."""

    def edit(operations: Any) -> None:
        relu = next(o for o in operations if o.type == "relu")
        relu.outputs[0].type.tensorType.dimensions[1].constant.size = 9

    program = mil.load(edited(ct, copy, edit))
    with pytest.raises(ValueError, match=r"operation 'relu' .* declares float32 \(1, 9, 12, 20\)"):
        program({"image": image})


def test_a_value_that_nothing_makes_is_named(ct: Any, copy: Path, image: NDArray[np.float32]) -> None:
    """A program that lost an operation."""

    def edit(operations: Any) -> None:
        del operations[next(i for i, o in enumerate(operations) if o.type == "relu")]

    program = mil.load(edited(ct, copy, edit))
    with pytest.raises(ValueError, match="which nothing has made"):
        program({"image": image})
