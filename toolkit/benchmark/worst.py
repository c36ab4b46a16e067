"""The faces with the largest errors, prediction and truth drawn: for a report that stays on this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from toolkit.benchmark import rows
from toolkit.benchmark.contender import Contender
from toolkit.benchmark.frame import Frame
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.draw import Style, contact_sheet, draw_landmarks
from toolkit.core.images import write_png
from toolkit.core.schemes import Scheme
from toolkit.core.tiles import captioned
from toolkit.data.batches import PlainCrops

TILE_PX = 224
SAME = 0.002
"""Mean difference of a face's NME below which two models say the same: another precision or engine."""
TRUTH = Style(sure=(0, 158, 115), line=(0, 158, 115))
"""Labels are green; predictions keep their usual blue dots on yellow lines."""


def write(
    path: Path,
    able: Sequence[Contender],
    points: Mapping[str, FloatArray],
    crops: Mapping[Frame, PlainCrops],
    count: int,
) -> None:
    """A contact sheet: a row for each model, its `count` worst faces from left to right.

    Args:
        path: the PNG to write.
        able: contenders; of several that say the same, as one network's files do, the first is drawn.
        points: (N, M, 2) in crop pixels, by rows.name.
        crops: by the contenders' frames.
        count: faces of each.
    """
    drawn: list[FloatArray] = []
    tiles = []
    for contender in able:
        cut = crops[contender.frame]
        found = points[rows.name(contender)]
        errors = np.nan_to_num(metrics.nme(found, cut.points_xy, cut.faces.scheme), nan=-1.0)
        if any(np.abs(errors - other).mean() < SAME for other in drawn):
            continue
        drawn.append(errors)
        for index in np.argsort(-errors)[:count].tolist():
            text = f"{100 * errors[index]:.1f} %  {contender.identity['model']}"
            tile = _tile(cut.images[index], found[index], cut.points_xy[index], cut.faces.scheme)
            tiles.append(captioned(tile, text))
    write_png(path, contact_sheet(tiles, columns=min(count, len(next(iter(crops.values())).images))))


def _tile(image: ImageArray, found_xy: FloatArray, true_xy: FloatArray, scheme: Scheme) -> ImageArray:
    scale = TILE_PX / len(image)
    large = np.asarray(cv2.resize(image, (TILE_PX, TILE_PX), interpolation=cv2.INTER_CUBIC), np.uint8)
    labelled = draw_landmarks(large, (true_xy + 0.5) * scale - 0.5, scheme, style=TRUTH)
    return draw_landmarks(labelled, (found_xy + 0.5) * scale - 0.5, scheme)
