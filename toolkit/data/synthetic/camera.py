"""What a camera does to a picture: focus, exposure, colour, noise and compression."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.sample import ImageArray
from toolkit.data.synthetic.canvas import noise_patch


def _focus(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    blur = abs(rng.normal(0, 0.55))
    if blur > 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), float(blur))
    if rng.random() < 0.15:
        side = len(picture)
        small = int(side * rng.uniform(0.35, 0.8))
        picture = cv2.resize(cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA), (side, side))
    return picture.astype(np.float32)


def _tone(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    gain = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.06, 3))
    contrast, gamma = np.exp(rng.normal(0.03, 0.15)), np.exp(rng.normal(0, 0.2))
    steps = np.arange(256, dtype=np.float64)[:, None] / 255 * gain
    table = np.clip((np.clip(steps, 0, 1) ** gamma - 0.5) * contrast + 0.5 + rng.normal(0, 0.04), 0, 1) * 255
    saturation = np.exp(rng.normal(0, 0.25)) if rng.random() > 0.1 else 0.0
    index = np.clip(picture, 0, 255).astype(np.uint8)
    toned = cv2.LUT(index, table.astype(np.float32)[:, None, :].reshape(1, 256, 3))
    grey = cv2.cvtColor(toned, cv2.COLOR_RGB2GRAY)[..., None]
    out: NDArray[np.float32] = grey + (toned - grey) * np.float32(saturation)
    return out


def photograph(picture: NDArray[np.float32], rng: np.random.Generator) -> ImageArray:
    """(H, W, 3) RGB uint8 as a camera of random quality would give it."""
    picture = _tone(_focus(picture, rng), rng)
    grain = cv2.merge([noise_patch(rng, "grain", len(picture)) for _ in range(3)])
    picture = picture + grain * np.float32(abs(rng.normal(0, 4.0)))
    image = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(35, 96))
        _, code = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])
    return image
