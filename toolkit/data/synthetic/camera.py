"""What a camera does to a picture: focus, exposure, colour, noise and compression."""

import cv2
import numpy as np

from toolkit.data.sample import ImageArray
from toolkit.data.synthetic.arrays import Picture, single
from toolkit.data.synthetic.noise import noise_patch


def _focus(scene: Picture, rng: np.random.Generator) -> Picture:
    blur = abs(rng.normal(0, 0.55))
    if blur > 0.25:
        scene = single(cv2.GaussianBlur(scene, (0, 0), float(blur)))
    if rng.random() < 0.15:
        side = len(scene)
        small = int(side * rng.uniform(0.45, 0.9))
        scene = single(cv2.resize(cv2.resize(scene, (small, small), interpolation=cv2.INTER_AREA), (side, side)))
    return scene


def _tone(scene: Picture, rng: np.random.Generator) -> Picture:
    gain = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.06, 3))
    contrast, gamma = np.exp(rng.normal(0.0, 0.13)), np.exp(rng.normal(-0.08, 0.18))
    steps = np.arange(256, dtype=np.float64)[:, None] / 255 * gain
    table = np.clip((np.clip(steps, 0, 1) ** gamma - 0.5) * contrast + 0.5 + rng.normal(0, 0.04), 0, 1) * 255
    saturation = np.exp(rng.normal(0, 0.25)) if rng.random() > 0.1 else 0.0
    mix = saturation * np.eye(3) + (1 - saturation) * np.array([0.299, 0.587, 0.114])
    coloured = cv2.transform(cv2.convertScaleAbs(np.maximum(scene, 0)), mix)
    return single(cv2.LUT(coloured, table.astype(np.float32)[None]))


def photograph(scene: Picture, rng: np.random.Generator) -> ImageArray:
    """(H, W, 3) RGB uint8 as a camera of random quality would give it."""
    grain = cv2.merge([noise_patch(rng, "grain", len(scene)) for _ in range(3)])
    amount = abs(rng.normal(0, 5.0 if rng.random() < 0.12 else 1.5))
    noisy = _tone(_focus(scene, rng), rng) + grain * np.float32(amount)
    image = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(35, 96))
        _, code = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)
    return image
