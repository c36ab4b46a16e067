"""Runs in a process of its own (see tools.run_apart): a bundle -> float32 TFLite by litert-torch in the working folder.

Reads job.json; writes model.tflite.
"""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from toolkit import bundle
from toolkit.export.deployed import Deployed
from toolkit.export.tflite_worker import named


class ChannelsLast(nn.Module):
    """A deployed module that takes (1, S, S, 3), as the files of the first road do."""

    def __init__(self, module: Deployed) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.module(image.permute(0, 3, 1, 2))  # type: ignore[no-any-return]


def main() -> None:
    """Do the job in the working folder."""
    import litert_torch

    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    loaded = bundle.read(Path(job["bundle"]))
    side = loaded.card.size_px
    made = litert_torch.convert(ChannelsLast(Deployed(loaded)).eval(), (torch.zeros(1, side, side, 3),))
    made.export("plain.tflite")
    Path("model.tflite").write_bytes(named(Path("plain.tflite").read_bytes(), job["outputs"]))


if __name__ == "__main__":
    main()
