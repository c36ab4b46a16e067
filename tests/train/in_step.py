"""What each process does in test_processes.py: compare a norm over all processes with a plain one, and train a network.

It prints the norm's largest differences as JSON, and leaves the trained weights, losses and scores in an .npz file.
"""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tiny import Spots, a_run
from torch import Tensor, nn

from toolkit.core.progress import finish
from toolkit.data.batches import Batch, random_masks
from toolkit.train.all_reduce import CpuSyncBatchNorm, all_reduce
from toolkit.train.distributed import ProcessGroup, start_processes
from toolkit.train.inference import Inputs, normalised
from toolkit.train.loop import fit
from toolkit.train.losses import masked, mse, targets
from toolkit.train.optim import Optim
from toolkit.train.run import Pass

CPU = torch.device("cpu")


class Small(nn.Module):
    """A network in float64; no bias before a norm, where it has no effect and its gradient is rounding."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        first, second = (nn.Conv2d(a, b, 3, 2, 1, bias=False) for a, b in ((3, 8), (8, 6)))
        self.body = nn.Sequential(first, nn.BatchNorm2d(8), nn.ReLU(), second, nn.BatchNorm2d(6), nn.Conv2d(6, 68, 1))
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.double())  # type: ignore[no-any-return]


def trained(processes: ProcessGroup, out: Path) -> dict[str, Tensor]:
    """Two passes an epoch over batches of five, of which the processes have two and three; masks are drawn for each."""
    net = processes.place(Small())
    edge = net.body[0].weight
    optim = Optim(epochs=2, batch=5, lr=0.01, ema=0.9)

    def draw(batch: Batch) -> dict[str, NDArray[np.int64]]:
        return {"mask": random_masks(batch.rngs, batch.images.shape[1], 0.5)}

    def step(seen: Inputs) -> dict[str, Tensor]:
        truth, known = targets(seen.points_xy, seen.images.shape[1], 1.0)
        maps = net(masked(normalised(seen.images), seen.drawn["mask"]))
        return {"mse": mse(maps, truth, known), "l1": 1e-3 * edge.abs().sum()}

    passes = (
        Pass(name="a", optimiser=torch.optim.SGD([edge], 0.1), step=step, draw=draw),
        Pass(name="b", optimiser=optim.optimiser(list(net.parameters())), step=step, draw=draw),
    )
    small = a_run(Spots(10, lacking=True), nets={"net": net}, passes=passes, optim=optim, processes=processes)
    log = finish(fit(small, out, resume=False))
    losses = {
        f"loss {k} {i}": torch.tensor(r.losses[k])
        for i, r in enumerate(log)
        for k in ("a_mse", "a_l1", "b_mse", "b_l1")
    }
    scores = {f"score {i}": torch.tensor(r.validation["net"].nme_mean / 100) for i, r in enumerate(log)}
    return net.state_dict() | losses | scores


def norms(processes: ProcessGroup) -> dict[str, float]:
    """Forward pass, gradients and running statistics of a norm, against the plain one on both processes' rows."""
    generator = torch.Generator().manual_seed(1)
    whole, upstream = (torch.randn(7, 5, 3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    whole = (whole * 3 + 40).requires_grad_()
    plain = nn.BatchNorm2d(5, momentum=0.3).double()
    nn.init.uniform_(plain.weight)
    joined = copy.deepcopy(plain)
    joined.__class__ = CpuSyncBatchNorm
    own = processes.rows(7)
    rows = whole.detach()[own].clone().requires_grad_()
    expected, found = plain(whole), joined(rows)
    expected.backward(upstream)
    found.backward(upstream[own])
    for parameter in joined.parameters():
        all_reduce(parameter.grad)  # type: ignore[arg-type]
    assert whole.grad is not None and rows.grad is not None
    pairs = {
        "output": (expected[own], found),
        "input gradient": (whole.grad[own], rows.grad),
        **{f"{k} gradient": (p.grad, joined.get_parameter(k).grad) for k, p in plain.named_parameters()},
        **{k: (b, joined.get_buffer(k)) for k, b in plain.named_buffers()},
    }
    return {k: float((a.detach() - b.detach()).abs().max()) for k, (a, b) in pairs.items()}  # type: ignore[union-attr]


if __name__ == "__main__":
    torch.set_num_threads(1)
    processes = start_processes(CPU, "float32")
    differences = norms(processes) if processes.world_size > 1 else {}
    state = trained(processes, Path(sys.argv[1]))
    np.savez(f"{sys.argv[1]}-{processes.rank}.npz", **{k: v.numpy() for k, v in state.items()})
    print(json.dumps(differences))
