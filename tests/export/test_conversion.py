"""What converted files say of themselves: terms that the card has, and none that it has not."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from toolkit.bundle import Bundle, Card
from toolkit.export import coreml, coreml_worker
from toolkit.export.conversion import ConvertedFile, Origin, describe
from toolkit.models.spec import hrsupernet
from toolkit.runtime import sidecar
from toolkit.runtime.sidecar import OUTPUTS

CARD = Card(name="mine", stage="distil", scheme="300w-68", size_px=64, sigma_px=1.0)
RESEARCH = replace(CARD, data={"train": "300W: AFW 337"})


@pytest.mark.parametrize("card", [CARD, RESEARCH], ids=["nothing known", "research data"])
def test_terms_of_the_card_are_those_of_every_file(tmp_path: Path, card: Card) -> None:
    """In the sidecar and in CoreML's metadata; without any on the card, no licence is made up."""
    model = SimpleNamespace(input_description={}, output_description={})
    coreml_worker.describe(model, coreml._words(card, "points"))
    bundle = Bundle(spec=hrsupernet(68), card=card, weights={})
    path = tmp_path / "mine-68pt-64-float32.onnx"
    path.write_bytes(b"onnx")
    origin = Origin(bundle=bundle, digest="0" * 64, output="points", calibration=None)
    describe(ConvertedFile(path=path), origin, "onnx", "float32")
    assert sidecar.read(path).licence == card.licence == getattr(model, "license", None)
    assert (card.licence is None) == (card is CARD)
    assert model.output_description == OUTPUTS["points"]
