"""The colours of the page."""

import pytest

from toolkit.reporting.charts import DARK, FEWEST_TICKS, LIGHT, MOST_TICKS, log_scale


def contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_paper(theme: dict[str, str]) -> None:
    """Text at 4.5 : 1 on both grounds, lines and dots at 3 : 1 (WCAG 2 AA)."""
    for name in ("ink", "muted", "accent", "good", "bad"):
        assert min(contrast(theme[name], theme[ground]) for ground in ("paper", "card")) >= 4.5, name
    for name in ("teacher", "supernet", "slim", "distil", "baseline", "same", "up", "down", "kept", "dropped"):
        assert contrast(theme[name], theme["paper"]) >= 3, name


@pytest.mark.parametrize("values", [(4.08, 5.61), (7.2, 15.3), (0.4, 900.0), (3.0, 3.01)])
def test_a_logarithmic_scale_can_be_read(values: tuple[float, float]) -> None:
    """Three to nine ticks, whether the values span a tenth or a thousand times."""
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    log_scale(axes, "x", values)
    low, high = axes.get_xlim()
    inside = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert FEWEST_TICKS <= len(inside) <= MOST_TICKS
