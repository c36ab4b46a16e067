"""What augmentation gives: the published one, each group added to it, and all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from toolkit.core.outputs import OutFolder
from toolkit.core.progress import Outcome, Steps
from toolkit.data.augment import PUBLISHED, Augment
from toolkit.data.corruptions import CORRUPTIONS
from toolkit.pipelines.trials import Trial
from tools.ablations.scratch import FromScratch, trial, validated

BASE = ("scale", "rotation", "flip")
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "published": (),
        "+ jitter": ("jitter",),
        "+ light": ("colour", "gray", "shade"),
        "+ sensor": ("blur", "motion", "resolution", "noise", "jpeg"),
        "+ occluders": ("occlude", "mask"),
        "all": tuple(kind for kind in Augment.kinds() if kind not in BASE and getattr(Augment(), kind)),
    }
)
"""What each variant adds to the published augmentation."""


@dataclass(frozen=True, kw_only=True)
class Augmentations(FromScratch):
    """Train one small network with the published augmentation, with each group added to it, and with all of them.

    Each is scored on the validation faces, clean and under every corruption of the robustness benchmark.
    """

    out: OutFolder = Path("runs/ablate-augment")
    """Folder for the trained bundles; started again, it goes on where it was."""


def run(options: Augmentations) -> Steps[Outcome]:
    """Train and score every variant; see Augmentations."""
    trials = [_trial(options, variant, seed) for seed in range(options.seeds) for variant in GROUPS]
    return (yield from validated(options, trials, tuple(CORRUPTIONS)))


def _trial(options: Augmentations, variant: str, seed: int) -> Trial:
    usual, added = Augment(), GROUPS[variant]
    strengths = {kind: getattr(usual if kind in added else PUBLISHED, kind) for kind in Augment.kinds()}
    return trial("augment", variant, replace(options.training(variant, seed), augment=strengths))
