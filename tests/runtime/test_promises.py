"""A sidecar with the right hash that promises another input or other outputs than its file has."""

import json
from pathlib import Path

import pytest

from toolkit import runtime
from toolkit.core.zoo import released
from toolkit.runtime import sidecar
from toolkit.runtime.sidecar import Sidecar
from toolkit.runtime.tensors import check_input


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("size_px", 96, r"takes image \(1, 160, 160, 3\) float32, its sidecar promises \(1, 96, 96, 3\) float32"),
        ("input_type", "uint8", r"\(1, 160, 160, 3\) float32, its sidecar promises \(1, 160, 160, 3\) uint8"),
        ("integers", {"points": {"type": "int8", "scale": 0.1, "zero_point": 0}}, "gives no integers, its sidecar"),
    ],
)
def test_a_file_that_is_not_as_promised_is_refused(tmp_path: Path, field: str, value: object, message: str) -> None:
    """When it is loaded, not with the first crop."""
    source = released("int8")
    (tmp_path / source.name).write_bytes(source.read_bytes())
    fields = json.loads(sidecar.path_of(source).read_text())
    sidecar.path_of(tmp_path / source.name).write_text(json.dumps({**fields, field: value}))
    with pytest.raises(ValueError, match=message):
        runtime.load(tmp_path / source.name)


def test_planes_before_pixels_are_checked_too() -> None:
    """An .onnx file takes (1, 3, S, S)."""
    fields = json.loads(sidecar.path_of(released("int8")).read_text())
    about = Sidecar(**{**{k: v for k, v in fields.items() if k != "format"}, "input_layout": "NCHW",
                       "input_range": (0.0, 255.0)})  # fmt: skip
    check_input("image", (1, 3, 160, 160), "float32", about)
    with pytest.raises(ValueError, match=r"promises \(1, 3, 160, 160\)"):
        check_input("image", (1, 160, 160, 3), "float32", about)
