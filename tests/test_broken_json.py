"""Every command that reads JSON, given JSON that is none or says what cannot be: one line, status 2, no traceback."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.benchmarking.conftest import onnx_points, write_description
from tests.conftest import SMALL
from toolkit import bundle
from toolkit.bundle import Bundle, Card
from toolkit.cli import main
from toolkit.core.zoo import released
from toolkit.models.building import build
from toolkit.runtime import sidecar

NO_JSON = {
    "empty": b"",
    "cut": b'{"format": 1, "na',
    "not UTF-8": b"\xff\xfe\x00",
    "NaN": b'{"format": NaN}',
    "deep": b"[" * 100_000,
    "deep in a field": b'{"format": 1, "free": ' + b"[" * 500 + b"]" * 500 + b"}",
    "digits": b'{"format": ' + b"1" * 400 + b"}",
    "more digits": b'{"format": ' + b"1" * 5000 + b"}",
    "infinite": b'{"format": 1e999}',
    "twice": b'{"format": 1, "format": 2}',
    "half a character": b'{"format": "\\ud800"}',
    "list": b"[]",
    "null": b"null",
    "number": b"5",
    "no field": b"{}",
    "text for a number": b'{"format": "1"}',
    "far future": b'{"format": 9000000000}',
}
"""Content of a file."""


@pytest.fixture(scope="module")
def untrained() -> Bundle:
    """A network that was never trained, which is enough to be read."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build(SMALL)
    return bundle.of_network(net, Card(name="small", stage="slim", scheme="300w-68", size_px=64, sigma_px=1.0))


Door = Callable[[Path, Bundle], tuple[Path, list[str]]]


def spec_of(folder: Path, small: Bundle) -> tuple[Path, list[str]]:
    bundle.write(small, folder / "b")
    return folder / "b" / "spec.json", ["describe", str(folder / "b")]


def card_of(folder: Path, small: Bundle) -> tuple[Path, list[str]]:
    bundle.write(small, folder / "b")
    return folder / "b" / "card.json", ["describe", str(folder / "b")]


def sidecar_of(folder: Path, _: Bundle) -> tuple[Path, list[str]]:
    model = folder / "m.tflite"
    model.write_bytes(released("int8").read_bytes())
    sidecar.path_of(model).write_bytes(sidecar.path_of(released("int8")).read_bytes())
    return sidecar.path_of(model), ["describe", str(model)]


def description(folder: Path, _: Bundle) -> tuple[Path, list[str]]:
    onnx_points(folder / "model.onnx", np.zeros((68, 2)))
    return write_description(folder), ["benchmark", str(folder / "model.json"), "--synthetic", "2"]


def imported(folder: Path, _: Bundle) -> tuple[Path, list[str]]:
    return folder / "r.json", ["benchmark", "import", str(folder / "r.json"), "--results", str(folder / "out.jsonl")]


def results(folder: Path, _: Bundle) -> tuple[Path, list[str]]:
    return folder / "results.jsonl", ["report", str(folder)]


def baseline(folder: Path, _: Bundle) -> tuple[Path, list[str]]:
    return folder / "good.jsonl", [
        "benchmark",
        str(released("int8")),
        "--synthetic",
        "2",
        "--against",
        str(folder / "good.jsonl"),
    ]


def labels(folder: Path, _: Bundle) -> tuple[Path, list[str]]:
    return folder / "faces.json", ["data", "preview", str(folder), "--out", str(folder / "sheet.png")]


DOORS: dict[str, Door] = {
    f.__name__: f for f in (spec_of, card_of, sidecar_of, description, imported, results, baseline, labels)
}


def refused(words: list[str], path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says when it refuses; it ends with status 2 and one line that names the file."""
    capsys.readouterr()
    assert main(words) == 2
    said = capsys.readouterr()
    line = said.err.strip().splitlines()[-1]
    assert path.name in line and "Traceback" not in said.err and said.out == ""
    return line


@pytest.mark.parametrize(
    ("door", "content"),
    [
        (door, content)
        for door in DOORS
        for content in NO_JSON
        if content != "empty" or door not in ("results", "baseline")  # no records as yet
    ],
)
def test_what_is_no_such_file_is_refused(
    door: str, content: str, untrained: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At every door."""
    path, words = DOORS[door](tmp_path, untrained)
    path.write_bytes(NO_JSON[content])
    assert refused(words, path, capsys).startswith("sdhrnet: ")


VALUES = ["96", 0, -1, 0.5, 1e308, 10**9, 10**400, None, True, [], {}, [[]], "x" * 100_000]
"""For any field."""


@pytest.mark.parametrize(
    ("door", "field"),
    [
        *(("sidecar_of", f) for f in ("size_px", "points", "input_range", "outputs", "integers", "precision")),
        *(("card_of", f) for f in ("size_px", "std", "sigma_px", "scheme", "hashes", "parents")),
        *(("description", f) for f in ("size_px", "std", "shift_xy", "kind", "crop_scale", "range")),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(
    door: str, field: str, untrained: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever stands there, it works as it should or is refused with the field's name."""
    path, words = DOORS[door](tmp_path, untrained)
    fields = json.loads(path.read_text())
    allowed = {"integers": [{}], "parents": [{}], "sigma_px": [0.5], "crop_scale": [0.5]}.get(field, [])
    for value in VALUES:
        if value in allowed and type(value) is not bool:
            continue
        path.write_text(json.dumps({**fields, field: value}))
        line = refused(words, path, capsys)
        assert field in line or "too large" in line, (value, line)
