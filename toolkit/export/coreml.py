"""torch -> CoreML: an ML Program with an image input, in float32, float16 or with weights of fewer bits.

Converts anywhere, predicts on macOS.
"""

import json
import shutil
import tempfile
import warnings
from pathlib import Path

import torch
from torch import nn

from toolkit import __version__
from toolkit.bundle import Card
from toolkit.export.tools import require, run_apart
from toolkit.runtime.sidecar import OUTPUTS, Output, Precision


def to_coreml(module: nn.Module, output: Output, card: Card, paths: dict[Precision, Path]) -> None:
    """Write a deployed module as .mlpackage: input `image`, an RGB image of S x S; outputs are float32.

    float16 covers the network; the decoding is float32 throughout, since float16 cannot tell points of a crop that are
    closer than 1/2048 of its side. Weights of fewer bits are those of a float16 program.

    Args:
        module: Deployed or DeployedHeatmaps.
        output: which of the two it is.
        card: of the bundle; describes the package.
        paths: a folder for each precision that is wanted.

    Raises:
        ModuleNotFoundError: the convert extra is not installed.
        ValueError: the converter failed; the message names its log.
    """
    require("coremltools")
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        folder = Path(temporary)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing is deprecated in torch, and what coremltools reads best
            example = torch.zeros(1, 3, card.size_px, card.size_px)
            traced = torch.jit.trace(module, example)  # type: ignore[no-untyped-call]
            traced.save(str(folder / "traced.pt"))
        job = {"size_px": card.size_px, "precisions": list(paths), **_words(card, output)}
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        run_apart("toolkit.export.coreml_worker", folder)
        for precision, path in paths.items():
            shutil.copytree(folder / f"{precision}.mlpackage", path)


def _words(card: Card, output: Output) -> dict[str, object]:
    """What the package says about itself."""
    return {
        "description": f"Face landmarks ({card.scheme}) of a {card.size_px} x {card.size_px} RGB crop around one face.",
        "input": "The crop of 1.25 times the face box, RGB; normalisation is inside.",
        "outputs": OUTPUTS[output],
        "author": f"{card.name}, made with sdhrnet-toolkit",
        "licence": card.licence,
        "version": __version__,
    }
