"""Presets: settings of all training stages that belong together; for each data set of the paper, its own (section 4.3).

What the paper leaves open, and how it was decided, stands in docs/reproduce.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from toolkit.core.heatmap import Decoder
from toolkit.data.augment import PUBLISHED, Augment
from toolkit.train.optim import PAPER, Optim

PresetName = Literal["tiny", "cpu", "paper-300w", "paper-cofw", "paper-wflw"]
Validation = Literal["held-out", "none"]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A consistent set of settings for one purpose."""

    size_px: int
    """Side of the input crop."""
    optim: Optim
    synthetic: int
    """How many synthetic training faces, where no --data is given; a tenth as many for validation."""
    augment: Augment = field(default_factory=Augment)
    sigma_px: float = 1.0
    """Of the target Gaussians, in heatmap pixels."""
    decoder: Decoder = "dark"
    validation: Validation = "held-out"
    alpha_lr: float | None = None
    """Of the importance factors; None is one by which a factor can travel 2 in all."""
    threshold: float | None = None
    """Below which an operation goes; None leaves it to a budget."""
    peers_weight: float = 4.0
    """lambda 1 of equation 4."""
    teacher_weight: float = 1.0
    """lambda 2 of equation 4."""

    @property
    def published(self) -> bool:
        """Whether it is the paper's, all of whose settings are shown before the first step."""
        return self.threshold is not None


PAPER_300W = Preset(
    size_px=256,
    optim=PAPER,
    synthetic=3148,
    augment=PUBLISHED,
    decoder="quarter",
    validation="none",
    alpha_lr=1.8e-4,
    threshold=0.0017,
)
PAPER_COFW = replace(
    PAPER_300W,
    synthetic=1345,
    sigma_px=1.5,
    alpha_lr=3.5e-4,
    threshold=0.0042,
    peers_weight=3.0,
    teacher_weight=0.1,
)
PAPER_WFLW = replace(
    PAPER_300W,
    optim=replace(PAPER, batch=32, lr=2e-4),
    synthetic=7500,
    sigma_px=1.5,
    threshold=0.002,
    peers_weight=0.3,
    teacher_weight=0.1,
)

PRESETS: Mapping[PresetName, Preset] = MappingProxyType(
    {
        "tiny": Preset(size_px=64, optim=Optim(epochs=4, batch=8), synthetic=320),
        "cpu": Preset(size_px=64, optim=Optim(), synthetic=2000),
        "paper-300w": PAPER_300W,
        "paper-cofw": PAPER_COFW,
        "paper-wflw": PAPER_WFLW,
    }
)
