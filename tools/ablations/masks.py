"""What masked inputs are worth where faces are hidden (section 3.2; the paper's Table 3)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from toolkit.core.outputs import OutFolder
from toolkit.core.progress import Outcome, Steps
from toolkit.data.batches import Fill
from toolkit.pipelines.trials import Seen, Trial, make
from tools.ablations.comparison import Comparison, compared, cuts, settled, trial

UNMASKED = "without masks"
FILLS: Mapping[Fill, str] = MappingProxyType({"random": "masks of random colours", "mean": "masks of the mean colour"})
HIDDEN: Mapping[str, Seen] = MappingProxyType(
    {
        **{f"occlusion {level:g}": ("occlusion", level) for level in (0.3, 0.45, 0.6, 0.9)},
        "face mask": ("face mask", 1),
    }
)
"""The robustness benchmark's occluders by their longest side, and one size more: up to nine tenths of the crop's side,
under which nearly half of the points are hidden."""


@dataclass(frozen=True, kw_only=True)
class Masks(Comparison):
    """Train slimmed networks on with and without masks, for the same epochs; score them on more and more hidden faces.

    One student learns from the truth alone, so that the masks are all that differs. The published augmentation hides
    nothing itself.
    """

    out: OutFolder = Path("runs/ablate-masks")
    """Folder for the trained bundles; started again, it goes on where it was."""
    epochs: int = 24
    """Passes over the data, the same for each."""
    mask: float = 0.75
    """Longest side of a mask as a share of the crop's."""
    fills: tuple[Fill, ...] = ("random", "mean")
    """What the masks show, a row each: a colour of their own, ImageNet's mean."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.fills and 0 < self.mask <= 1):
            raise ValueError("give --fills, and a --mask above 0 and up to 1")


def run(options: Masks) -> Steps[Outcome]:
    """Slim, train and score every variant; see Masks."""
    options = settled(options)
    yield from make(cuts(options, options.importance), options.at_once)
    trials = [_trial(options, fill, seed) for seed in range(options.count) for fill in (None, *options.fills)]
    return (yield from compared(options, trials, HIDDEN))


def _trial(options: Masks, fill: Fill | None, seed: int) -> Trial:
    variant = FILLS[fill] if fill else UNMASKED
    student = options.cut(seed)
    if fill is None:
        return trial("masks", variant, options.trained_on(variant, student, seed), None)
    job = options.trained_on(variant, student, seed, lambda alone: replace(alone, mask=options.mask, mask_fill=fill))
    return trial("masks", variant, job, UNMASKED)
