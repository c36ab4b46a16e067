"""Faces on images: the landmarks, boxes and captions that are drawn, and the tiles of contact sheets."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import crop_of_box, cut, rotation
from toolkit.core.schemes import Line, Scheme

Colour = tuple[int, int, int]

FRACTION_BITS = 6
"""OpenCV takes whole numbers of 2 ** -FRACTION_BITS pixels."""
FARTHEST_PX = 2.0**20
"""Points are drawn no farther out than this, so that OpenCV's whole numbers do not overflow."""
CAPTION_PX = 14
FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.33
NUMBER_SCALE = 0.28
LIGHT, DARK, YELLOW = (230, 230, 230), (0, 0, 0), (240, 228, 66)


@dataclass(frozen=True, kw_only=True)
class FaceStyle:
    """How faces are drawn, in RGB. The colours are Okabe and Ito's (2008), told apart under any colour blindness."""

    sure: Colour = (86, 180, 233)
    """Dots of a confidence from `sure_from` on."""
    unsure: Colour = (213, 94, 0)
    """Dots of no confidence; those between are mixed."""
    sure_from: float = 0.6
    """What points that are plainly seen have: a peak of 1 is hardly ever reached."""
    line: Colour = (240, 228, 66)
    box: Colour = (255, 255, 255)
    edge: Colour = (0, 0, 0)
    """Drawn around everything, so that it shows on every skin and background."""
    dot: float = 0.011
    """Radius of a dot over the longer side of the face."""
    stroke: float = 0.006
    """Width of a line over the longer side of the face."""
    line_edge_px: int = 2
    """The edge under a line is wider by as much as the line is wide, at least by this."""
    dot_edge_px: float = 0.7
    """The edge under a dot has a radius larger by a third, at least by this."""


STYLE = FaceStyle()
GRAY = (150, 150, 150)
DOUBTFUL = FaceStyle(sure=GRAY, unsure=GRAY, line=GRAY, box=GRAY)
"""Of a face whose points may all be nonsense."""


def draw_landmarks(
    image: ImageArray,
    points_xy: FloatArray,
    scheme: Scheme,
    confidence: FloatArray | None = None,
    style: FaceStyle = STYLE,
) -> ImageArray:
    """A copy of the image with one face's lines and points.

    Args:
        image: (H, W, 3) uint8 RGB.
        points_xy: (M, 2) in its pixels; points that are NaN, and lines to them, are left out.
        scheme: says which points a line joins.
        confidence: (M,) in [0, 1], shown as the dots' colour; all sure where it is not given.
        style: colours and sizes.

    Raises:
        ValueError: the points are not those of the scheme.
    """
    if points_xy.shape != (scheme.points, 2):
        raise ValueError(f"expected points ({scheme.points}, 2) for {scheme.name}, got {points_xy.shape}")
    canvas = image.copy()
    present = np.isfinite(points_xy).all(axis=1)
    if not present.any():
        return canvas
    face_px = min(float(np.ptp(points_xy[present], axis=0).max()), max(image.shape))
    stroke = max(1, round(style.stroke * face_px))
    for thickness, colour in ((stroke + max(style.line_edge_px, stroke), style.edge), (stroke, style.line)):
        for line in scheme.lines:
            runs = [_fixed(points_xy[run]) for run in _runs(line, present)]
            cv2.polylines(canvas, runs, False, colour, thickness, cv2.LINE_AA, FRACTION_BITS)
    sure = np.ones(len(points_xy)) if confidence is None else np.clip(np.nan_to_num(confidence), 0, 1)
    radius = max(1.0, style.dot * face_px)
    for point, share in zip(points_xy[present], sure[present], strict=True):
        _dot(canvas, point, radius + max(style.dot_edge_px, radius / 3), style.edge)
        _dot(canvas, point, radius, _mix(style.unsure, style.sure, min(float(share) / style.sure_from, 1.0)))
    return canvas


def draw_box(image: ImageArray, box_xyxy: FloatArray, style: FaceStyle = STYLE, *, roll_deg: float = 0.0) -> ImageArray:
    """A copy of the image with the outline of a box (4,): left, top, right, bottom in its pixels, turned clockwise."""
    canvas = image.copy()
    left, top, right, bottom = box_xyxy
    centre = (box_xyxy[:2] + box_xyxy[2:]) / 2
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - centre
    corners = _fixed(corners @ rotation(roll_deg).T + centre)
    stroke = max(1, round(style.stroke * float(max(right - left, bottom - top))))
    for thickness, colour in ((stroke + max(style.line_edge_px, stroke), style.edge), (stroke, style.box)):
        cv2.polylines(canvas, [corners], True, colour, thickness, cv2.LINE_AA, FRACTION_BITS)
    return canvas


def draw_caption(image: ImageArray, text: str, style: FaceStyle = STYLE) -> ImageArray:
    """A copy of the image with a line of plain ASCII text at its bottom left, a thirtieth of its height tall."""
    canvas, height = image.copy(), image.shape[0]
    scale, place = height / 30 / 22, (height // 40, height - height // 40)  # the font's capitals are 22 px at scale 1
    stroke = max(1, round(2 * scale))
    for thickness, colour in ((stroke + 2, style.edge), (stroke, style.box)):
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)
    return canvas


def contact_sheet(tiles: Sequence[ImageArray], columns: int, gap_px: int = 4) -> ImageArray:
    """Pictures side by side, row after row, each in the middle of a cell as large as the largest of them.

    Args:
        tiles: (H, W, 3) uint8 each, of any sizes.
        columns: pictures in a row; fewer where there are fewer pictures.
        gap_px: dark pixels between cells and around them.

    Raises:
        ValueError: no picture, or no column.
    """
    if not tiles or columns < 1:
        raise ValueError(f"a contact sheet needs a picture and a column, got {len(tiles)} and {columns}")
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    height, width = (max(t.shape[axis] for t in tiles) for axis in (0, 1))
    sheet = np.full((rows * (height + gap_px) + gap_px, columns * (width + gap_px) + gap_px, 3), 32, dtype=np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top = gap_px + row * (height + gap_px) + (height - tile.shape[0]) // 2
        left = gap_px + column * (width + gap_px) + (width - tile.shape[1]) // 2
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def _runs(line: Line, present: NDArray[np.bool_]) -> list[list[int]]:
    """The line's indices in order, broken where a point is missing; pieces of two points or more."""
    indices = [*line.indices, line.indices[0]] if line.closed else list(line.indices)
    runs: list[list[int]] = [[]]
    for index in indices:
        if present[index]:
            runs[-1].append(index)
        else:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _fixed(points_xy: FloatArray) -> NDArray[np.int32]:
    """Pixels -> OpenCV's fixed-point whole numbers, any shape."""
    return np.asarray(np.rint(np.clip(points_xy, -FARTHEST_PX, FARTHEST_PX) * 2**FRACTION_BITS), dtype=np.int32)


def _dot(canvas: ImageArray, centre_xy: FloatArray, radius: float, colour: Colour) -> None:
    x, y = _fixed(centre_xy).tolist()
    cv2.circle(canvas, (x, y), round(radius * 2**FRACTION_BITS), colour, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def face_tile(
    image: ImageArray,
    points_xy: FloatArray,
    box_xyxy: FloatArray,
    scheme: Scheme,
    size_px: int,
    confidence: FloatArray | None = None,
) -> ImageArray:
    """The plain crop of a face, (size_px, size_px, 3), with its points drawn.

    Args:
        image: (H, W, 3) uint8 RGB.
        points_xy: (M, 2) in its pixels.
        box_xyxy: (4,) in its pixels.
        scheme: says which points a line joins.
        size_px: side of the tile.
        confidence: (M,) in [0, 1], shown as the dots' colour.
    """
    crop = crop_of_box(box_xyxy, size_px)
    return draw_landmarks(cut(image, crop), crop.to_crop(points_xy), scheme, confidence)


def numbered(tile: ImageArray, points_xy: FloatArray) -> ImageArray:
    """A copy of a tile with the index of every point (M, 2) beside it."""
    canvas = tile.copy()
    for index, point in enumerate(points_xy):
        if np.isfinite(point).all():
            place = (int(point[0]) + 2, int(point[1]) - 2)
            for colour, thickness in ((DARK, 2), (YELLOW, 1)):
                cv2.putText(canvas, str(index), place, FONT, NUMBER_SCALE, colour, thickness, cv2.LINE_AA)
    return canvas


def captioned(tile: ImageArray, text: str) -> ImageArray:
    """A tile with a line of text under it, cut off at its width; letters beyond ASCII become question marks."""
    width = tile.shape[1]
    plain = text.encode("ascii", "replace").decode()
    while plain and cv2.getTextSize(plain, FONT, FONT_SCALE, 1)[0][0] > width - 4:
        plain = plain[:-1]
    strip = np.full((CAPTION_PX, width, 3), 32, dtype=np.uint8)
    cv2.putText(strip, plain, (2, CAPTION_PX - 4), FONT, FONT_SCALE, LIGHT, 1, cv2.LINE_AA)
    return np.concatenate([tile, strip])
