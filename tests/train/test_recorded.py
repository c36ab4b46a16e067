"""On an NVIDIA GPU, a recorded training is the plain one."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.train import tiny
from tests.train.tiny import Spots
from toolkit.core.progress import finish
from toolkit.train.inference import normalised
from toolkit.train.inputs import Inputs
from toolkit.train.job import Pass
from toolkit.train.loop import fit
from toolkit.train.losses import mse, targets
from toolkit.train.optim import Optim
from toolkit.train.team import Team, assemble


def trained(out: Path, record: bool, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Weights, running statistics and counts after two epochs at each of two input sizes."""
    monkeypatch.setattr(Team, "records", record)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    team = assemble(None, torch.device("cuda"), 1, "float32")
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 68, 3, 2, 1))
    net = team.placed(nn.Sequential(*layers))
    optim = Optim(epochs=4, batch=5, lr=0.01, ema=0.9)

    def step(seen: Inputs) -> dict[str, torch.Tensor]:
        truth, known = targets(seen.points_xy, seen.images.shape[1], 1.0)
        return {"mse": mse(net(normalised(seen.images)), truth, known)}

    passes = (Pass(name="weights", optimiser=optim.optimiser(list(net.parameters())), step=step),)
    job = tiny.job(Spots(10), (32, 64), nets={"net": net}, passes=passes, optim=optim, team=team, workers=2)
    finish(fit(job, out, resume=False))
    return {name: value.cpu() for name, value in net.state_dict().items()}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_recorded_training_reaches_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the rounding of float32; the recording's warm-up leaves no trace in the norms."""
    plain, recorded = (trained(tmp_path / str(own), own, monkeypatch) for own in (False, True))
    for name, value in plain.items():
        torch.testing.assert_close(recorded[name], value, rtol=1e-3, atol=1e-4, msg=name)
