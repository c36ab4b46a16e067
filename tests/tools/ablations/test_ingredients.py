"""The ingredients' rows: each shows as many faces, and changes what it says."""

from pathlib import Path

import pytest

from tools.ablations import ingredients
from tools.ablations.ingredients import LEFT_OUT, MIXTURE, QUARTER, SYNTHETIC, USUAL, Ingredients

FACES = {"300w": 1105, "normal": 879, "hard": 143, "aflw_pose": 1147, "ytf68": 3179}


def test_every_row_shows_as_many_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is left out, the rest is shown more often; a row without synthetic faces has none."""
    monkeypatch.setattr(ingredients, "_count", lambda folder: FACES[folder.name])
    data = Path("faces")
    options = Ingredients(data=data, student=data / "a", smaller=data / "b", teacher=data / "c")
    trials = {trial.variant: trial for trial in ingredients._trials(options, 0)}
    shown = {}
    for variant, trial in trials.items():
        if trial.job is None:
            assert variant == QUARTER
            continue
        own = trial.job.options
        real = sum(share * FACES[folder.name] for folder, share in zip(own.data, own.share, strict=True))
        shown[variant] = real + (own.synthetic or 0)
        kept = {str(folder.relative_to(data)) for folder in own.data}
        assert kept == dict(MIXTURE).keys() - set(LEFT_OUT.get(variant, ()))
        assert (own.synthetic == SYNTHETIC) == (variant not in ("300W subset alone", "without synthetic faces"))
    assert all(faces == pytest.approx(shown[USUAL], abs=1) for faces in shown.values())
