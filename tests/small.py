"""The small network that tests convert, evaluate and cut, and how its weights were made.

They are a file, since a network trained anew differs with every processor, and no budget may hang on that.
`python -m tests.small` makes them again; these are of version 3 of the drawn faces, and some made of version 4 broke
budgets that these keep. On faces that it has not seen its maps are flat: all in int8, points move by
0.69 px on the calibration faces, so that its int8 files are in float in part.
"""

from pathlib import Path
from typing import get_args

import numpy as np
import torch
from safetensors.torch import save_file

from toolkit.bundle import Card
from toolkit.core import heatmap
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68
from toolkit.data.crops import open_crops
from toolkit.models.building import build
from toolkit.models.spec import Edge, SuperNetSpec
from toolkit.runtime.sidecar import Precision

WEIGHTS = Path(__file__).parent / "small.safetensors"
"""In half precision."""
SIZE_PX = 64
PRECISIONS = tuple(precision for precision in get_args(Precision) if precision != "int8whole")
"""What it can be converted to: int8whole decodes by the centroid, the small network by DARK."""
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
CARD = Card(name="small", stage="distil", scheme="300w-68", size_px=SIZE_PX, sigma_px=1.0)
STEPS = 60


def main() -> None:
    """Teach the network the faces by heart and write its weights."""
    faces = [finish(open_crops(None, split, FACES, scheme=W300_68, size_px=SIZE_PX)) for split in ("val", "test")]
    crops = np.concatenate([np.stack(f.crops) for f in faces])
    truth = np.concatenate([f.truth_xy for f in faces if f.truth_xy is not None])
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (CARD.mean, CARD.std))
    images = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255 - mean) / std
    targets = torch.from_numpy(heatmap.encode(truth, SIZE_PX, CARD.sigma_px))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = build(SMALL)
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(STEPS):
        loss = (net(images) - targets).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    weights = net.state_dict().items()
    save_file({k: v.half() if v.is_floating_point() else v for k, v in weights}, WEIGHTS)


if __name__ == "__main__":
    main()
