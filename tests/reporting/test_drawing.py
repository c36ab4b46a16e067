"""Drawings as data, written as SVG and PNG."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from toolkit.models.spec import s_hrnet
from toolkit.reporting.architecture import drawing
from toolkit.reporting.charts import LIGHT
from toolkit.reporting.drawing import BoxMark, CurveMark, Drawing, MarkStyle, TextMark, png, svg

STYLES = {"line": MarkStyle(stroke="up"), "box": MarkStyle(stroke="ink", fill="down"), "text": MarkStyle(fill="ink")}
SMALL = Drawing(
    width=60,
    height=40,
    label="A <line> & a box",
    marks=(
        CurveMark(points=((0, 10), (60, 10)), kind="line", width=4, title="x < y"),
        BoxMark(corner=(10, 20), size=(20, 15), radius=2, kind="box"),
        TextMark(at=(45, 30), text="a & b", kind="text"),
    ),
    styles=STYLES,
)


def rgb(name: str) -> tuple[int, ...]:
    return tuple(int(LIGHT[name][i : i + 2], 16) for i in (1, 3, 5))


def test_svg_is_well_formed_whatever_the_words() -> None:
    """Labels, titles and text are escaped; the first marks come first."""
    root = ET.fromstring(svg(SMALL, "d"))  # noqa: S314  # our own drawing
    assert root.get("aria-label") == "A <line> & a box" and root.get("viewBox") == "0 0 60 40"
    assert [e.tag.rpartition("}")[2] for e in root] == ["style", "path", "rect", "text"]
    assert root[1][0].text == "x < y" and root[3].text == "a & b"


def test_png_has_every_mark_where_it_belongs() -> None:
    """Colours of the light theme at the line, in the box and beside them, two pixels to a unit; y points down."""
    image = np.asarray(Image.open(io.BytesIO(png(SMALL))).convert("RGB")).astype(int)
    assert image.shape == (80, 120, 3)
    for (x, y), name in {(30, 10): "up", (20, 27): "down", (30, 3): "paper", (5, 30): "paper"}.items():
        assert np.abs(image[2 * y, 2 * x] - rgb(name)).max() <= 3, name


@pytest.mark.slow
def test_png_repeats() -> None:
    """The same drawing gives the same bytes."""
    plan = drawing(s_hrnet("300w", 68))
    assert png(plan, 1.0) == png(plan, 1.0)
