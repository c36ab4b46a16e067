"""What the ways of training are worth: the running mean of the weights, rising input sizes, early stopping."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.commands.train.teacher import Teacher
from toolkit.core.outputs import OutFolder
from toolkit.core.progress import Outcome, Steps
from tools.ablations.scratch import FromScratch, trial, validated

USUAL, NO_MEAN, RISING, BEST = "usual", "no running mean", "rising input sizes", "best epoch kept"
PATIENCE = 2


@dataclass(frozen=True, kw_only=True)
class Techniques(FromScratch):
    """Train one small network as usual, and with one thing changed at a time.

    Without the running mean of the weights; at half the input size for the first half of the epochs; and with the
    epochs' best weights kept. Each is scored on the validation faces.
    """

    out: OutFolder = Path("runs/ablate-recipe")
    """Folder for the trained bundles; started again, it goes on where it was."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size % 64:
            raise ValueError(f"half of --size must be a multiple of 32 pixels, got {self.size}")

    def variants(self, seed: int) -> Mapping[str, Teacher]:
        """The usual training, and those that change one thing."""
        progressive = (self.size // 2,)
        return {
            USUAL: self.training(USUAL, seed),
            NO_MEAN: replace(self.training(NO_MEAN, seed), ema=0.0),
            RISING: replace(self.training(RISING, seed), progressive=progressive),
            BEST: replace(self.training(BEST, seed), patience=PATIENCE),
        }


def run(options: Techniques) -> Steps[Outcome]:
    """Train and score every variant; see Techniques."""
    named = [one for seed in range(options.seeds) for one in options.variants(seed).items()]
    trials = [trial("recipe", name, training) for name, training in named]
    return (yield from validated(options, trials, ()))
