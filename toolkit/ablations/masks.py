"""What masked inputs are worth where faces are hidden (section 3.2; the paper's Table 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit.ablations.comparison import Comparison, compared, cuts, settled
from toolkit.ablations.trial import Seen, Trial, make
from toolkit.core.progress import Outcome, Steps

UNMASKED = "without masks"
FILLS = MappingProxyType({"masks of random colours": "random", "masks of the mean colour": "mean"})
HIDDEN: Mapping[str, Seen] = MappingProxyType(
    {
        **{f"occlusion {level:g}": ("occlusion", level) for level in (0.3, 0.45, 0.6, 0.9)},
        "face mask": ("face mask", 1),
    }
)
"""The battery's occluders by their longest side, and one size more: up to nine tenths of the crop's side, under which
about half of the face is hidden, as on the faces of Masked 300W."""


@dataclass(frozen=True, kw_only=True)
class Masks(Comparison):
    """Train slimmed networks on with and without masks, for the same epochs; score them on more and more hidden faces.

    One student learns from the truth alone, so that the masks are all that differs. The published augmentation hides
    nothing itself.
    """

    out: Path = Path("runs/ablate-masks")
    """Folder for the trained bundles; started again, it goes on where it was."""
    epochs: int = 24
    """Passes over the data, the same for each."""
    mask: float = 0.75
    """Longest side of a mask as a share of the crop's."""


def run(options: Masks) -> Steps[Outcome]:
    """Slim, train and score every variant; see Masks."""
    options = settled(options)
    yield from make(cuts(options, options.importance), options.at_once)
    trials = [_trial(options, variant, seed) for seed in range(options.count) for variant in (UNMASKED, *FILLS)]
    return (yield from compared(options, trials, HIDDEN))


def _trial(options: Masks, variant: str, seed: int) -> Trial:
    own: dict[str, Any] = {} if variant == UNMASKED else {"mask": options.mask, "mask_fill": FILLS[variant]}
    job = options.trained_on(variant, options.cut(seed), seed, **own)
    against = None if variant == UNMASKED else UNMASKED
    return Trial(ablation="masks", variant=variant, seed=seed, bundle=job.options["out"], job=job, against=against)
