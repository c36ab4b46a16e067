"""What a face is coloured and wearing: drawn once, read by every painter."""

from dataclasses import dataclass

import numpy as np

from toolkit.data.synthetic.chance import Colour, between, clamp, dyed, ladder, mixed, pick, plus, three, times, within

_SKIN: tuple[Colour, ...] = (
    (240, 204, 184), (230, 188, 162), (218, 170, 138), (200, 146, 110), (172, 117, 80), (128, 82, 55), (88, 56, 40),
    (58, 38, 30),
)  # fmt: skip
_HAIR: tuple[Colour, ...] = (
    (22, 19, 20), (38, 28, 24), (62, 42, 30), (92, 62, 40), (128, 88, 52), (176, 138, 86), (214, 184, 130),
    (110, 56, 34),
)  # fmt: skip
_GREY: tuple[Colour, ...] = ((120, 118, 116), (176, 174, 170), (222, 220, 216))
_IRIS: tuple[Colour, ...] = (
    (44, 28, 20), (66, 42, 26), (98, 66, 36), (110, 96, 60), (86, 110, 92), (92, 124, 150), (130, 150, 165),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Look:
    """Colours, and strengths in 0..1 unless said otherwise."""

    skin: Colour
    skin_kind: int
    """Which of the skin's maps."""
    darkness: float
    """0 the lightest skin, 1 the darkest."""
    hair: Colour
    hair_style: str
    brow: Colour
    brow_density: float
    iris: Colour
    lip: Colour
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
    def crease(self) -> Colour:
        """The colour of lines and shadows in this skin."""
        return dyed(self.skin, (0.5, 0.38, 0.34))


def any_colour(rng: np.random.Generator) -> Colour:
    """A colour of cloth or paint: mostly muted, sometimes bright."""
    value, saturation = between(rng, 15, 240), float(rng.beta(0.9, 2.0))
    red, green, blue = three(rng)
    return value * (1 - saturation * red), value * (1 - saturation * green), value * (1 - saturation * blue)


def any_skin(rng: np.random.Generator) -> Colour:
    """A colour of skin, evenly from the lightest to the darkest."""
    return ladder(_SKIN, rng.random())


def _hair_colour(rng: np.random.Generator, darkness: float, age: float) -> Colour:
    if rng.random() < 0.75 * max(0.0, age - 0.35) + 0.02:
        base = _GREY[rng.integers(len(_GREY))]
    elif darkness > 0.5 or rng.random() < 0.35:
        base = _HAIR[rng.integers(3)]
    else:
        base = _HAIR[rng.integers(len(_HAIR))]
    if rng.random() < 0.01:
        base = three(rng, 30, 220)
    return times(base, between(rng, 0.8, 1.2))


def draw_look(rng: np.random.Generator) -> Look:
    """A random look; what goes together in life does here: dark skin and dark hair, age and grey hair."""
    darkness, age = float(rng.beta(1.0, 1.7)), float(rng.beta(1.3, 2.2))
    red, green, blue = rng.normal(1, 0.05) * rng.normal(1, 0.025, 3)
    skin = dyed(ladder(_SKIN, darkness), (red, green, blue))
    hair = _hair_colour(rng, darkness, age)
    bearded = rng.random() < 0.5
    styles, odds = ("short", "buzz", "bald", "long", "bun", "afro", "medium"), (
        (0.5, 0.13, 0.13, 0.06, 0.03, 0.05, 0.10) if bearded else (0.13, 0.03, 0.03, 0.38, 0.16, 0.05, 0.22)
    )  # fmt: skip
    grown = bearded and age > 0.15
    painted = not bearded and rng.random() < 0.4
    natural = plus(dyed(skin, (0.86, 0.62, 0.60)), (6, 0, 4))
    bright = (between(rng, 120, 210), between(rng, 20, 90), between(rng, 40, 100))
    return Look(
        skin=within(skin, 20, 255),
        skin_kind=int(clamp(11 * age + rng.normal(0, 1.5), 0, 11)),
        darkness=darkness,
        hair=within(hair, 8, 245),
        hair_style=pick(rng, styles, odds),
        brow=within(plus(times(hair, 0.5), times(skin, between(rng, 0.05, 0.25))), 8, 200),
        brow_density=clamp(rng.normal(0.8, 0.22) - 0.2 * (age > 0.8), 0.15, 1.0),
        iris=times(_IRIS[rng.integers(2 if darkness > 0.5 else len(_IRIS))], between(rng, 0.7, 1.25)),
        lip=mixed(natural, bright, 0.55 * painted),
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
