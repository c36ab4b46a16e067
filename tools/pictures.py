"""The pictures of the README: the pipeline from a crop to points, and points on a moving face, by a released network.

Every face is drawn by the toolkit itself; no picture of a data set is used.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from toolkit import bundle
from toolkit.core.arrays import ImageArray
from toolkit.core.draw import draw_landmarks
from toolkit.core.files import write_bytes
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.images import write_png
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.zoo import MAIN, BundlePath
from toolkit.data.moving_face import FPS, MovingFace
from toolkit.export.deployed import TorchLandmarker
from toolkit.landmarkers import load
from toolkit.reporting.architecture import drawing
from toolkit.reporting.drawing import png

TALL, GAP, EDGE = 360, 54, 24
SHOWN_PX = 360
INK, PAPER, SOFT = (32, 33, 36), (255, 255, 255), (95, 99, 104)
TEXT_PX = 22


@dataclass(frozen=True, kw_only=True)
class Pictures(Options):
    """Draw road.png and moving.webp, which the README shows."""

    model: BundlePath = Path(MAIN)
    """The bundle that finds the points."""
    out: OutFolder = Path("docs")
    """Folder for the two pictures."""
    seed: int = 8
    """Of the drawn face."""
    frames: int = 60
    """Of the moving picture, a third each of rest, calm and quick motion, shown at half their speed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(3, "frames")


def run(options: Pictures) -> Steps[Outcome]:
    """Draw both; see Pictures."""
    check_outputs(options)
    loaded = bundle.read(options.model)
    yield Progress(task="the pipeline", done=0, total=options.frames + 1)
    write_png(options.out / "road.png", np.asarray(_road(loaded, options.seed)))
    frames = []
    for number, frame in enumerate(_moving(options), 1):
        frames.append(frame)
        yield Progress(task="the moving face", done=number, total=options.frames)
    file = io.BytesIO()
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(
        file, "WEBP", save_all=True, append_images=others, duration=2 * 1000 // FPS, loop=0, quality=45, method=4
    )
    write_bytes(options.out / "moving.webp", file.getvalue())
    return Outcome(text=f"{options.out / 'road.png'} and {options.out / 'moving.webp'} drawn with {loaded.card.name}")


def _road(loaded: bundle.Bundle, seed: int) -> Image.Image:
    """Crop, network, heatmaps and phone from left to right, with a word under each."""
    face = MovingFace(seed=seed).portrait()
    crop = crop_of_box(face.box_xyxy, loaded.card.size_px)
    pixels = cut(face.image, crop)
    net = TorchLandmarker(loaded)
    points_xy = net(pixels).points_xy
    whole = draw_landmarks(face.image, crop.to_image(points_xy), loaded.scheme)
    parts = [
        (_squared(pixels), f"a crop of {loaded.card.size_px} pixels"),
        (_fitted(_network(loaded)), "the slimmed network"),
        (_squared(_heat(net, pixels)), f"{loaded.scheme.points} heatmaps"),
        (_phone(whole), f"{loaded.scheme.points} points"),
    ]
    width = sum(part.width for part, _ in parts) + GAP * (len(parts) - 1) + 2 * EDGE
    canvas = Image.new("RGB", (width, TALL + 2 * EDGE + 2 * TEXT_PX), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(TEXT_PX)
    left = EDGE
    for place, (part, words) in enumerate(parts):
        canvas.paste(part, (left, EDGE))
        draw.text((left + part.width / 2, EDGE + TALL + TEXT_PX), words, SOFT, font, anchor="mm")
        if place:
            middle = EDGE + TALL // 2
            draw.line([(left - GAP + 10, middle), (left - 18, middle)], INK, 4)
            draw.polygon([(left - 10, middle), (left - 24, middle - 9), (left - 24, middle + 9)], INK)
        left += part.width + GAP
    return canvas


def _heat(net: TorchLandmarker, pixels: ImageArray) -> ImageArray:
    """The highest of all heatmaps in each pixel, over the crop in gray."""
    heat = cv2.resize(net.heatmaps(pixels).max(axis=0), pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    colours = cv2.applyColorMap(np.rint(255 * np.clip(heat, 0, 1)).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    gray = np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return np.asarray(np.clip(0.35 * gray + 0.9 * colours, 0, 255), np.uint8)


def _network(loaded: bundle.Bundle) -> Image.Image:
    return Image.open(io.BytesIO(png(drawing(loaded.spec), scale=2.0))).convert("RGB")


def _squared(pixels: ImageArray) -> Image.Image:
    return Image.fromarray(pixels).resize((TALL, TALL), Image.Resampling.BICUBIC)


def _fitted(image: Image.Image) -> Image.Image:
    """As wide as one and a half squares at most, in the middle of the strip's height."""
    scale = min(TALL / image.height, 1.5 * TALL / image.width)
    small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (small.width, TALL), PAPER)
    canvas.paste(small, (0, (TALL - small.height) // 2))
    return canvas


def _phone(image: ImageArray) -> Image.Image:
    """A picture in the outline of a phone held upright."""
    wide, rim = TALL * 9 // 16, 10
    canvas = Image.new("RGB", (wide, TALL), PAPER)
    ImageDraw.Draw(canvas).rounded_rectangle([0, 0, wide - 1, TALL - 1], 28, INK)
    screen = wide - 2 * rim, TALL - 2 * rim
    whole = Image.fromarray(image)
    share = screen[0] / screen[1] * whole.height
    left = (whole.width - share) / 2
    shown = whole.crop((round(left), 0, round(left + share), whole.height)).resize(screen, Image.Resampling.BICUBIC)
    mask = Image.new("L", screen, 0)
    ImageDraw.Draw(mask).rounded_rectangle([0, 0, screen[0] - 1, screen[1] - 1], 20, 255)
    canvas.paste(shown, (rim, rim), mask)
    return canvas


def _moving(options: Pictures) -> Iterator[ImageArray]:
    """Frames of a drawn face, followed as a video's are, and shown smaller than they were tracked."""
    film = MovingFace(seed=options.seed, frames_each=options.frames // 3)
    with load(options.model) as model:
        follow = model.tracker()
        for seconds, frame, _ in film:
            drawn = frame
            for face in follow(frame, seconds):
                drawn = draw_landmarks(drawn, face.points_xy, model.scheme, face.confidence)
            small = cv2.resize(drawn, (SHOWN_PX, SHOWN_PX * 3 // 4), interpolation=cv2.INTER_AREA)
            yield np.asarray(small, np.uint8)
