"""What the ways of training are worth: the running mean of the weights, rising input sizes, early stopping."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.core.outputs import OutFolder
from toolkit.core.progress import Outcome, Steps
from tools.ablations.scratch import FromScratch, trial, validated

USUAL = "usual"
PATIENCE = 2


@dataclass(frozen=True, kw_only=True)
class Recipes(FromScratch):
    """Train one small network as usual, and with one thing changed at a time.

    Without the running mean of the weights; at half the input size for the first half of the epochs; and with the
    epochs' best weights kept. Each is scored on the validation faces.
    """

    out: OutFolder = Path("runs/ablate-recipe")
    """Folder for the trained bundles; started again, it goes on where it was."""

    @property
    def variants(self) -> Mapping[str, Mapping[str, Any]]:
        """The options of the training stages that each variant changes."""
        return {
            USUAL: {},
            "no running mean": {"ema": 0.0},
            "rising input sizes": {"progressive": (self.size // 2,)},
            "best epoch kept": {"patience": PATIENCE},
        }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size % 64:
            raise ValueError(f"half of --size must be a multiple of 32 pixels, got {self.size}")


def run(options: Recipes) -> Steps[Outcome]:
    """Train and score every variant; see Recipes."""
    named = options.variants.items()
    trials = [trial(options, "recipe", name, seed, own) for seed in range(options.seeds) for name, own in named]
    return (yield from validated(options, trials, ()))
