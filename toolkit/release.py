"""Make what ships: a bundle with rounded weights and its TFLite files, proved, under the package's weights folder."""

from dataclasses import dataclass, replace
from pathlib import Path

from tyro.conf import Positional

from toolkit import bundle
from toolkit.core.progress import Outcome, Steps
from toolkit.landmarkers import WEIGHTS
from toolkit.stages import convert


@dataclass(frozen=True, kw_only=True)
class Release:
    """Round a bundle's weights to float16, convert it to TFLite float16 and int8, and put them into the package."""

    source: Positional[Path]
    """The bundle to release."""
    licence: str
    """What its training data allows, for the card."""
    out: Path = WEIGHTS
    """Where to put it."""
    data: Path | None = None
    """Faces for calibration and parity; without it, synthetic faces."""


def run(options: Release) -> Steps[Outcome]:
    """Round, write, convert; see Release."""
    loaded = bundle.read(options.source)
    card = replace(
        loaded.card,
        name="sdhrnet",
        data={**loaded.card.data, "licence": options.licence},
        parents={**loaded.card.parents, "unrounded": bundle.digest(options.source)},
    )
    folder = options.out / f"sdhrnet-{loaded.scheme.points}pt-{card.size_px}"
    bundle.write(bundle.rounded(replace(loaded, card=card)), folder)
    return (
        yield from convert.run(
            convert.Convert(
                bundle=folder, out=options.out, to=("tflite",), precision=("float16", "int8"), data=options.data
            )
        )
    )
