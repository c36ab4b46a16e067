"""What a run shows of itself while it trains: its log, pictures of its predictions, and TensorBoard events.

Everything is in the run's folder and is written after the checkpoint of the epoch, from which a killed run goes on.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from toolkit.bundle import is_bundle
from toolkit.core.arrays import ImageArray
from toolkit.core.draw import FaceStyle, captioned, contact_sheet, draw_landmarks
from toolkit.core.files import write_bytes, write_lines
from toolkit.core.heatmap import Decoder
from toolkit.core.images import png
from toolkit.core.metrics import nme
from toolkit.core.selection import evenly_spaced
from toolkit.data.crops import PlainCrops
from toolkit.train.inference import predict
from toolkit.train.optim import EMA, swapped
from toolkit.train.run import EpochRecord, Run

SAMPLES, EVENTS, EVENT = "samples", "tensorboard", "events.out.tfevents."
SHOWN, COLUMNS, TILE_PX = 12, 6, 192
TRUTH = FaceStyle(sure=(255, 255, 255), line=(255, 255, 255), dot=0.005)


def log_epoch(folder: Path, run: Run, emas: Mapping[str, EMA], log: Sequence[EpochRecord]) -> None:
    """Write what the last epoch of the log gave.

    Raises:
        ModuleNotFoundError: TensorBoard is asked for and not installed.
    """
    record, how = log[-1], run.logging
    if len(log) == 1:
        _clear(folder, run)
    if not is_bundle(folder):  # else it is the log of the bundle that will be replaced
        write_lines(folder / "log.jsonl", [record.json for record in log])
    pictures = {}
    if run.validation and how.samples and (record.epoch % how.samples == 0 or record.epoch == run.optim.epochs):
        crops = run.validation[record.size_px]
        for name, net in run.nets.items():
            with swapped(net, emas[name].values):
                pictures[name] = png(sample_sheet(net, crops, run.sigma_px, run.decoder))
            write_bytes(folder / SAMPLES / f"{name}-{record.epoch:03d}.png", pictures[name])
    if how.tensorboard:
        from toolkit.train.tensorboard import write_events  # an optional library

        write_events(folder, record.json, pictures)


def _clear(folder: Path, run: Run) -> None:
    """Remove the pictures and events of an earlier run in this folder, by the names that this one gives its own."""
    pictures = [path for name in run.nets for path in (folder / SAMPLES).glob(f"{name}-[0-9][0-9][0-9].png")]
    for path in (*pictures, *(folder / EVENTS).glob(f"{EVENT}[0-9][0-9][0-9][0-9][0-9][0-9]")):
        path.unlink()


def sample_sheet(net: nn.Module, crops: PlainCrops, sigma_px: float, decoder: Decoder = "dark") -> ImageArray:
    """A contact sheet of validation faces, evenly picked: white what people marked, in colour what the network finds.

    The caption is a face's NME.
    """
    scheme = crops.faces.scheme
    chosen = evenly_spaced(SHOWN, len(crops.images))
    truth, found = crops.points_xy[chosen], predict(net, crops.images[chosen], sigma_px, decoder)
    scale = TILE_PX / crops.images.shape[1]
    tiles = []
    for image, true, points, error in zip(crops.images[chosen], truth, found, nme(found, truth, scheme), strict=True):
        tile = np.asarray(cv2.resize(image, (TILE_PX, TILE_PX), interpolation=cv2.INTER_CUBIC), np.uint8)
        marked = draw_landmarks(tile, (true + 0.5) * scale - 0.5, scheme, style=TRUTH)
        drawn = draw_landmarks(marked, (points + 0.5) * scale - 0.5, scheme)
        tiles.append(captioned(drawn, "no NME" if np.isnan(error) else f"NME {100 * error:.1f} %"))
    return contact_sheet(tiles, COLUMNS)
