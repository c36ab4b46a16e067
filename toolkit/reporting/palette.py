"""The report's colours, by what they stand for, for light and dark screens.

Hues follow Okabe and Ito (2008), shifted in lightness until they stand out from the paper; no meaning rests on hue
alone: lines also differ in their dashes, dots in their shape, and states are spelt out.
"""

from types import MappingProxyType

LIGHT = MappingProxyType(
    {
        "paper": "#fcfcfa",
        "card": "#f3f3ef",
        "ink": "#1c2127",
        "muted": "#59626d",
        "grid": "#dcdcd6",
        "accent": "#00629b",
        "good": "#00694e",
        "bad": "#a93f00",
        "teacher": "#0072b2",
        "supernet": "#a4508b",
        "slim": "#00795c",
        "distil": "#c2500a",
        "baseline": "#6b7280",
        "kept": "#0072b2",
        "dropped": "#c2500a",
        "dead": "#6b7280",
        "same": "#00795c",
        "up": "#c2500a",
        "down": "#0072b2",
        "faint": "#b9bcc1",
    }
)
DARK = MappingProxyType(
    {
        "paper": "#14171b",
        "card": "#1d2126",
        "ink": "#e9ebed",
        "muted": "#a6aeb8",
        "grid": "#343a42",
        "accent": "#7cc4f0",
        "good": "#4fd0a8",
        "bad": "#ffa366",
        "teacher": "#5bb5ea",
        "supernet": "#e39cc8",
        "slim": "#3ccba0",
        "distil": "#ff9a57",
        "baseline": "#9aa3ae",
        "kept": "#5bb5ea",
        "dropped": "#ff9a57",
        "dead": "#9aa3ae",
        "same": "#3ccba0",
        "up": "#ff9a57",
        "down": "#5bb5ea",
        "faint": "#4b525b",
    }
)

_STAND_INS = MappingProxyType({name: f"#{0x5AB300 + index:06x}" for index, name in enumerate(LIGHT)})


def stand_in(name: str) -> str:
    """A colour that a plot is drawn in until `themed` puts the page's in its place."""
    return _STAND_INS[name]


def themed(svg: str) -> str:
    """A drawing whose stand-in colours are the page's variables, so that it follows light and dark."""
    for name, colour in _STAND_INS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg


def css() -> str:
    """The variables of both themes."""
    light, dark = (" ".join(f"--{name}: {colour};" for name, colour in colours.items()) for colours in (LIGHT, DARK))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
