"""The course's pictures: named, bright, within their axes; each helper draws what it is given."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from toolkit.models.spec import hrsupernet
from toolkit.reporting import lessons
from toolkit.reporting.picture import DARKEST, Picture, brightness, fault, painted

pytest.importorskip("matplotlib", reason="the report extra is not installed")

FACE = np.full((48, 48, 3), 150, np.uint8)
POINTS = np.array([[10.0, 12.0], [30.0, 20.0]])
SPOT = np.exp(-((np.arange(12) - 5.0) ** 2) / 4)[:, None] * np.exp(-((np.arange(12) - 7.0) ** 2) / 4)

DRAWN: dict[str, Callable[[], Picture]] = {
    "faces": lambda: lessons.faces([FACE] * 3, [POINTS] * 3, titles=("a", "b", "c"), alt="three", columns=2),
    "over": lambda: lessons.over(FACE, {"spot": SPOT}, alt="a spot"),
    "grids": lambda: lessons.grids({"three": np.arange(9.0).reshape(3, 3)}, alt="numbers"),
    "lines": lambda: lessons.lines(range(3), {"a": [1, 3, 2], "b": [2, 1, 5]}, across="x", up="y", log=True, alt="two"),
    "dots": lambda: lessons.dots(
        {"g": ([1, 2], [3, 1])}, names={"g": ["p", "q"]}, steps=([1, 2], [3, 1]), across="x", up="y", alt="dots"
    ),
    "bars": lambda: lessons.bars({"s": {"a": 1.0, "b": 2.0}, "t": {"a": 3.0}}, across="x", alt="bars"),
    "histogram": lambda: lessons.histogram({"v": np.arange(50.0)}, across="x", log=True, alt="counts"),
    "falling": lambda: lessons.falling(np.array([[1.0, 0.8, 0.9], [0.5, 0.1, 0.8]]), alt="bars sink"),
    "film": lambda: lessons.film([FACE], [[POINTS], [POINTS + 4]], alt="dots move"),
    "animation": lambda: lessons.animation([FACE, FACE + 40], alt="brighter"),
    "network": lambda: lessons.network(hrsupernet(5)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_a_bright_png_with_words(name: str):
    """In a notebook's own form, with the words in the metadata that a page takes them from."""
    picture = DRAWN[name]()
    data, metadata = picture._repr_mimebundle_()
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as opened:
        assert opened.format == "PNG" and min(opened.size) >= 40
    assert metadata["image/png"]["alt"] == picture.alt == data["text/plain"]
    assert brightness(picture.png) > DARKEST


@pytest.mark.slow
def test_what_moves_has_a_frame_for_each_step():
    """And the second one shows what is new in it."""
    for name, count in (("falling", 2), ("film", 2), ("animation", 2)):
        with Image.open(io.BytesIO(DRAWN[name]().png)) as opened:
            assert getattr(opened, "n_frames", 1) == count
    with Image.open(io.BytesIO(DRAWN["animation"]().png)) as opened:
        opened.seek(1)
        assert np.abs(np.asarray(opened.convert("RGB")).astype(int) - 190).max() <= 4


def test_a_network_is_svg_too():
    """For a page that may show it."""
    assert DRAWN["network"]()._repr_mimebundle_()[0]["image/svg+xml"].startswith("<svg")


def png(value: int) -> bytes:
    """A plain picture of one gray."""
    file = io.BytesIO()
    Image.new("RGB", (16, 9), (value,) * 3).save(file, "PNG")
    return file.getvalue()


def test_a_dark_picture_is_refused():
    """A black one shows nothing."""
    with pytest.raises(ValueError, match="is dark: 10 of 255"):
        Picture(png=png(10), alt="night")


def test_a_picture_without_words_is_refused():
    """Blanks are none."""
    with pytest.raises(ValueError, match="needs a sentence"):
        Picture(png=png(200), alt=" ")


def test_artists_outside_of_their_axes_are_found():
    """As where limits were typed by hand; and what lies within passes."""
    from matplotlib.figure import Figure

    for kind in ("plot", "scatter"):
        figure = Figure()
        axes = figure.subplots()
        getattr(axes, kind)([1, 2, 3], [4, 5, 60])
        assert fault(figure) is None
        axes.set_ylim(0, 10)
        assert fault(figure) == "values 4 to 60 lie outside of its axis, 0 to 10"


def test_bars_beyond_the_axis_are_found():
    """A bar that is cut off tells another figure than its own."""
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.barh([0, 1], [1, 30])
    axes.set_xlim(0, 10)
    assert "lie outside" in str(fault(figure))


def test_an_empty_plot_is_found():
    """Axes without anything, and a line without values."""
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    assert fault(figure) == "an axes of it has nothing in it"
    axes.plot([np.nan], [1.0])
    assert fault(figure) == "an artist of it has no values"
    with pytest.raises(ValueError, match="has no values"):
        lessons.lines([1.0], {"nothing": [np.nan]}, across="x", up="y", alt="nothing")


def test_a_magnified_square_has_wider_pixels():
    """Not square in its place, so that swapped axes show: the dot is where the point is."""
    picture = np.zeros((40, 60, 3), np.uint8)
    large = lessons.magnified(picture, (30, 10), 10, np.array([[36.0, 12.0]]), scale=8)
    assert large.shape == (80, 80, 3)
    assert tuple(large[20, 52]) == (0, 114, 178) and not large[52, 20].any()


def test_the_slider_has_a_page_for_each_place():
    """Moved without a kernel."""
    pytest.importorskip("ipywidgets", reason="the notebooks extra is not installed")
    picture = DRAWN["network"]()
    shown = lessons.slider({"all": ("whole", picture), "half": ("cut", picture)}, what="budget")
    moved, stack = shown.panel.children
    assert moved.options == ("all", "half") and len(stack.children) == 2
    assert "widgets" in shown._repr_mimebundle_()["text/plain"]


def test_ticks_of_a_logarithmic_axis_are_plain_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of lines and of a histogram: no formula's source stands at an axis."""
    drawn: list[Any] = []

    def kept(figure: Any, alt: str, *, strict: bool = True) -> Picture:
        drawn.append(figure)
        return painted(figure, alt, strict=strict)

    monkeypatch.setattr(lessons, "painted", kept)
    lessons.lines([1, 2], {"loss": [0.2, 0.004]}, across="epoch", up="loss", alt="A loss that falls.", log=True)
    lessons.histogram({"values": np.arange(100.0) ** 2}, across="value", alt="Many small values.", log=True)
    for figure in drawn:
        labels = [label.get_text() for label in figure.axes[0].get_yticklabels(which="both") if label.get_text()]
        assert len(labels) >= 3 and all(float(label) for label in labels)
