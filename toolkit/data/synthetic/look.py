"""What a face is coloured and wearing: drawn once, read by every painter."""

from dataclasses import dataclass

import numpy as np

from toolkit.data.synthetic.arrays import Picture
from toolkit.data.synthetic.chance import between, clamp, pick

_SKIN = np.array(
    [(240, 204, 184), (230, 188, 162), (218, 170, 138), (200, 146, 110), (172, 117, 80), (128, 82, 55), (88, 56, 40),
     (58, 38, 30)],
    np.float32,
)  # fmt: skip
_HAIR = np.array(
    [(22, 19, 20), (38, 28, 24), (62, 42, 30), (92, 62, 40), (128, 88, 52), (176, 138, 86), (214, 184, 130),
     (110, 56, 34)],
    np.float32,
)  # fmt: skip
_GREY = np.array([(120, 118, 116), (176, 174, 170), (222, 220, 216)], np.float32)
_IRIS = np.array(
    [(44, 28, 20), (66, 42, 26), (98, 66, 36), (110, 96, 60), (86, 110, 92), (92, 124, 150), (130, 150, 165)],
    np.float32,
)


@dataclass(frozen=True, kw_only=True)
class Look:
    """Colours are (3,) RGB in 0..255; the rest are strengths in 0..1 unless said otherwise."""

    skin: Picture
    skin_kind: int
    """Which of the skin's maps."""
    darkness: float
    """0 the lightest skin, 1 the darkest."""
    hair: Picture
    hair_style: str
    brow: Picture
    brow_density: float
    iris: Picture
    lip: Picture
    lipstick: float
    makeup: float
    age: float
    stubble: float
    moustache: float
    beard: float
    blush: float
    glasses: str
    """"none", "clear" or "dark"."""
    hat: str
    """"none", "beanie" or "cap"."""

    @property
    def crease(self) -> Picture:
        """The colour of lines and shadows in this skin."""
        out: Picture = self.skin * np.array([0.5, 0.38, 0.34], np.float32)
        return out


def any_colour(rng: np.random.Generator) -> Picture:
    """A colour of cloth or paint: mostly muted, sometimes bright."""
    value, saturation = rng.uniform(15, 240), rng.beta(0.9, 2.0)
    hue = rng.uniform(0, 1, 3)
    out: Picture = (value * (1 - saturation * hue)).astype(np.float32)
    return out


def any_skin(rng: np.random.Generator) -> Picture:
    """A colour of skin, evenly from the lightest to the darkest."""
    return _blend(_SKIN, float(rng.random()))


def _blend(table: Picture, at: float) -> Picture:
    i = min(int(at * (len(table) - 1)), len(table) - 2)
    t = at * (len(table) - 1) - i
    out: Picture = table[i] * (1 - t) + table[i + 1] * t
    return out


def _hair_colour(rng: np.random.Generator, darkness: float, age: float) -> Picture:
    if rng.random() < 0.75 * max(0.0, age - 0.35) + 0.02:
        base = _GREY[rng.integers(len(_GREY))]
    elif darkness > 0.5 or rng.random() < 0.35:
        base = _HAIR[rng.integers(3)]
    else:
        base = _HAIR[rng.integers(len(_HAIR))]
    if rng.random() < 0.01:
        base = rng.uniform(30, 220, 3).astype(np.float32)
    out: Picture = (base * rng.uniform(0.8, 1.2)).astype(np.float32)
    return out


def draw_look(rng: np.random.Generator) -> Look:
    """A random look; what goes together in life does here: dark skin and dark hair, age and grey hair."""
    darkness, age = float(rng.beta(1.0, 1.7)), float(rng.beta(1.3, 2.2))
    skin = _blend(_SKIN, darkness) * rng.normal(1, 0.05) * rng.normal(1, 0.025, 3).astype(np.float32)
    hair = _hair_colour(rng, darkness, age)
    bearded = rng.random() < 0.5
    styles, odds = ("short", "buzz", "bald", "long", "bun", "afro", "medium"), (
        (0.5, 0.13, 0.13, 0.06, 0.03, 0.05, 0.10) if bearded else (0.13, 0.03, 0.03, 0.38, 0.16, 0.05, 0.22)
    )  # fmt: skip
    grown = bearded and age > 0.15
    painted = not bearded and rng.random() < 0.4
    natural = skin * np.array([0.86, 0.62, 0.60], np.float32) + np.array([6, 0, 4], np.float32)
    bright = np.array([rng.uniform(120, 210), rng.uniform(20, 90), rng.uniform(40, 100)], np.float32)
    return Look(
        skin=np.clip(skin, 20, 255).astype(np.float32),
        skin_kind=int(clamp(11 * age + rng.normal(0, 1.5), 0, 11)),
        darkness=darkness,
        hair=np.clip(hair, 8, 245),
        hair_style=pick(rng, styles, odds),
        brow=np.clip(hair * 0.5 + skin * rng.uniform(0.05, 0.25), 8, 200).astype(np.float32),
        brow_density=clamp(rng.normal(0.8, 0.22) - 0.2 * (age > 0.8), 0.15, 1.0),
        iris=_IRIS[rng.integers(2 if darkness > 0.5 else len(_IRIS))] * np.float32(rng.uniform(0.7, 1.25)),
        lip=(natural * (1 - painted) + (0.45 * natural + 0.55 * bright) * painted).astype(np.float32),
        lipstick=float(painted),
        makeup=between(rng, 0.3, 1) if painted or rng.random() < 0.15 else 0.0,
        age=age,
        stubble=between(rng, 0, 0.6) if bearded and rng.random() < 0.7 else 0.0,
        moustache=between(rng, 0.5, 1) if grown and rng.random() < 0.35 else 0.0,
        beard=between(rng, 0.5, 1) if grown and rng.random() < 0.3 else 0.0,
        blush=between(rng, 0, 1),
        glasses=pick(rng, ("none", "clear", "dark"), (0.8, 0.15, 0.05)),
        hat=pick(rng, ("none", "beanie", "cap"), (0.88, 0.06, 0.06)),
    )
