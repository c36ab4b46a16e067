"""A picture in a notebook: a PNG with words for who cannot see it, refused where it would show nothing.

One whose artists lie outside of its axes, that has nothing in an axes, or that is all dark is no picture.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, PngImagePlugin

from toolkit.core.arrays import ImageArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 80
DARKEST = 45.0
"""Least mean brightness of a picture, of 255."""
OUTSIDE = 0.01
"""How far beyond an axes' limits a value may lie, as a share of their span."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What a cell ends with to show it."""

    png: bytes
    """Animated where it moves (APNG)."""
    alt: str
    """What a screen reader says in its place."""
    svg: str = ""

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError("a picture needs a sentence for those who cannot see it")
        if (found := brightness(self.png)) < DARKEST:
            raise ValueError(f"the picture is dark: {found:.0f} of 255 on average, at least {DARKEST:.0f} is wanted")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> tuple[dict[str, str], Any]:
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.alt}
        if self.svg:
            data["image/svg+xml"] = self.svg
        return data, {"image/png": {"alt": self.alt}}


def brightness(image: bytes) -> float:
    """Mean of a picture's gray values, 0..255; what is transparent is white."""
    with Image.open(io.BytesIO(image)) as opened:
        whole = opened.convert("RGBA")
    paper = Image.new("RGBA", whole.size, "white")
    return float(np.asarray(Image.alpha_composite(paper, whole).convert("L")).mean())


def animation(frames: Sequence[ImageArray], *, alt: str, ms: int = 100) -> Picture:
    """Frames (H, W, 3) as one picture that moves, for ever."""
    few = [np.asarray(Image.fromarray(frame).quantize(96).convert("RGB")) for frame in frames]
    moved = [np.full((*few[0].shape[:2], 1), True)]
    moved += [(frames[i] != frames[i - 1]).any(axis=2, keepdims=True) for i in range(1, len(frames))]
    still = [np.where(each, np.dstack([a, np.full(a.shape[:2], 255)]), 0) for a, each in zip(few, moved, strict=True)]
    first, *others = [Image.fromarray(frame.astype(np.uint8)) for frame in still]
    file = io.BytesIO()
    over_what_was = PngImagePlugin.Blend.OP_OVER
    first.save(
        file, "PNG", save_all=True, append_images=others, duration=ms, loop=0, blend=over_what_was, optimize=True
    )
    return Picture(png=file.getvalue(), alt=alt)


def fault(figure: "Figure") -> str | None:
    """What is wrong with a figure: an axes with nothing in it, or artists that lie outside; None where nothing is."""
    for axes in figure.axes:
        values = [np.asarray(line.get_xydata()) for line in axes.lines]
        values += [np.asarray(each.get_offsets()) for each in axes.collections]
        feet = 0.0 if axes.get_yscale() == "log" else -np.inf  # bars stand on 0, wherever the axis begins
        corners = [patch.get_path().vertices for patch in axes.patches]
        bars = [np.asarray(p.get_patch_transform().transform(c)) for p, c in zip(axes.patches, corners, strict=True)]
        values += [each[each[:, 1] > feet] for each in bars if (each[:, 1] > feet).any()]
        if not (values or axes.images):
            return "an axes of it has nothing in it"
        for axis, limits in enumerate((axes.get_xlim(), axes.get_ylim())):
            low, high = sorted(limits)
            slack = OUTSIDE * (high - low)
            for each in values:
                known = each[np.isfinite(each).all(axis=1), axis]
                if not len(known):
                    return "an artist of it has no values"
                if (known < low - slack).any() or (known > high + slack).any():
                    return f"values {known.min():g} to {known.max():g} lie outside of its axis, {low:g} to {high:g}"
    return None


def painted(figure: "Figure", alt: str, *, strict: bool = True) -> Picture:
    """The figure as a picture; points of a face may lie outside of its crop, where `strict` is not given.

    Raises:
        ValueError: it is empty, its artists lie outside, or it is dark.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    if strict and (found := fault(figure)):
        raise ValueError(f"the picture is not shown: {found}")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return Picture(png=_small(file.getvalue()), alt=alt)


def _small(image: bytes) -> bytes:
    """A PNG in 256 colours."""
    file = io.BytesIO()
    Image.open(io.BytesIO(image)).convert("RGB").quantize(256).save(file, "PNG", optimize=True)
    return file.getvalue()


def rgb(image: bytes) -> ImageArray:
    """A PNG's pixels (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))
