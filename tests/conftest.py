"""Shared fixtures: a small network that knows a few synthetic faces, and the files converted from it."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from toolkit import bundle
from toolkit.bundle import Bundle, Card
from toolkit.core import heatmap
from toolkit.core.progress import Outcome, finish
from toolkit.core.schemes import W300_68
from toolkit.data import open_faces
from toolkit.export.golden import golden
from toolkit.export.parity import Golden
from toolkit.models import build
from toolkit.models.spec import Edge, SuperNetSpec
from toolkit.runtime.sidecar import Precision

SIZE_PX = 64
FACES = 16
"""Faces of each split that the small network knows."""

SMALL = SuperNetSpec(
    points=68,
    stem=(12, 16),
    widths=(12, 12, 16, 16),
    depth=1,
    edges=(
        *(Edge(stage=2, source=0, target=0), Edge(stage=2, source=0, target=1)),
        *(Edge(stage=3, source=0, target=0), Edge(stage=3, source=1, target=0)),
        *(Edge(stage=3, source=1, target=1), Edge(stage=3, source=0, target=2, inner=(12,))),
        *(
            Edge(stage=stage, source=source, target=target)
            for stage in range(4, 11)
            for target, source in ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2))
        ),
    ),
)
"""Every kind of edge, about a tenth of the published network's operations."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """OpenMP threads that wait for each other on busy cores are many times slower than one."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_spec() -> SuperNetSpec:
    """The small network's architecture."""
    return SMALL


@pytest.fixture(scope="session")
def small_bundle() -> Bundle:
    """A network with real peaks in its heatmaps, so that parity in pixels means something."""
    faces = [finish(golden(open_faces(None, split, FACES), W300_68, SIZE_PX, FACES, "")) for split in ("val", "test")]
    card = Card(name="small", stage="distil", scheme="300w-68", size_px=SIZE_PX, sigma_px=1.0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build(SMALL)
        _teach(net, card, faces)
    return bundle.of_network(net, card)


def _teach(net: torch.nn.Module, card: Card, faces: list[Golden]) -> None:
    crops = np.concatenate([np.stack(f.crops) for f in faces])
    truth = np.concatenate([f.truth_xy for f in faces if f.truth_xy is not None])
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (card.mean, card.std))
    images: Tensor = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255 - mean) / std
    targets = torch.from_numpy(heatmap.encode(truth, SIZE_PX, card.sigma_px))
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(60):
        loss = (net(images) - targets).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


@dataclass(frozen=True)
class Converted:
    """The small network's bundle and every file that the convert stage makes of it."""

    bundle: Path
    models: Path
    outcome: Outcome

    def file(self, ending: str) -> Path:
        """The file whose name ends so, such as float32.tflite."""
        (found,) = self.models.glob(f"*-{ending}")
        return found


@pytest.fixture(scope="session")
def converted(small_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Every format in every precision, made once a session: a minute."""
    from toolkit.stages.convert import Convert, run

    folder = tmp_path_factory.mktemp("run")
    bundle.write(small_bundle, folder / "distil")
    options = Convert(bundle=folder / "distil", precision=get_args(Precision), faces=FACES, calibration=32)
    outcome = finish(run(options))
    return Converted(folder / "distil", folder / "models", outcome)
