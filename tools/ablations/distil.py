"""What each part of triple distillation gives (the paper's Table 6), beside its parents and two controls."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from toolkit.core.progress import Outcome, Steps
from toolkit.data.batches import Fill
from toolkit.pipelines.trials import Trial, make
from tools.ablations.comparison import (
    RANDOM,
    SCRATCH,
    SLIMMED,
    SUPERNET,
    TRAINED_ON,
    Comparison,
    compared,
    cuts,
    settled,
)

TEACHER = "teacher"
TERMS = ("peers_weight", "teacher_weight", "mask")
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        TRAINED_ON: (),
        "+ teacher": ("teacher_weight",),
        "+ teacher + peers (mirrored views)": ("teacher_weight", "peers_weight", "views"),
        "+ teacher + peers + masks": ("teacher_weight", "peers_weight", "mask"),
        "+ masks alone": ("mask",),
        "+ teacher (sharp)": ("teacher_weight", "sharp"),
        "+ teacher + peers + masks (sharp)": ("teacher_weight", "peers_weight", "mask", "sharp"),
    }
)
"""Rows of Table 6, masked inputs alone, and two of them at a low temperature, with a fifth of the weights.

In the paper both peers start from the same weights and see the same crop (Algorithm 1), so that without masks they stay
equal, their ensemble is each of them, and the divergence from it is 0: its third row would be its second one up to the
noise of a GPU. Here that row shows the second peer the mirror image of what the first one sees. A row without peers
trains one student.
"""


@dataclass(frozen=True, kw_only=True)
class Distillation(Comparison):
    """The paper's Table 6, from supernets and a teacher: slims, trains every variant with every seed, scores.

    Two controls stand beside it: the slimmed network trained from scratch, and random operations of the supernet, as
    many multiply-accumulates, trained on like the first row. All variants train for the same epochs on the same faces
    with the published augmentation, so that the masks are the only thing that hides a face. The parents are scored too.
    """

    teacher: Path
    """Bundle of the teacher."""
    peers_weight: float = 4.0
    """lambda 1 of equation 4, in the rows that have it."""
    teacher_weight: float = 1.0
    """lambda 2 of equation 4, in the rows that have it."""
    temperature: float = 1.0
    """Of the softmax in equation 3."""
    sharp: float = 0.1
    """The low temperature of the sharp rows. At 1 the softmax over a map's pixels, which are in [0, 1], is all but
    even, and the divergence says little about where the landmark is."""
    mask: float = 0.5
    """Longest side of a student's random mask as a share of the crop's, in the rows that have it."""
    mask_fill: Fill = "mean"
    """What a mask shows, in the rows that have it: ImageNet's mean colour, or a colour of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not min(self.peers_weight, self.teacher_weight, self.mask, self.temperature, self.sharp) > 0:
            raise ValueError("peers_weight, teacher_weight, mask, temperature and sharp must be above 0")


def run(options: Distillation) -> Steps[Outcome]:
    """Slim, train and score every variant; see Distillation."""
    options = settled(options)
    yield from make([*cuts(options, options.importance), *cuts(options, "random")], options.at_once)
    trials = [_trial(options, variant, seed) for seed in range(options.count) for variant in (*PARTS, SCRATCH, RANDOM)]
    return (yield from compared(options, _parents(options) + trials))


def _parents(options: Distillation) -> list[Trial]:
    """The supernets, what slimming left of them before any further training, and the teacher, as they are."""
    given = [(SUPERNET, n, path) for n, path in enumerate(options.supernet)]
    given += [(SLIMMED, n, options.cut(n)) for n in range(len(options.supernet))]
    given.append((TEACHER, 0, options.teacher))
    bases = {SLIMMED: SUPERNET}
    return [
        Trial(ablation="distil", variant=variant, seed=n, bundle=path, against=bases.get(variant))
        for variant, n, path in given
    ]


def _trial(options: Distillation, variant: str, seed: int) -> Trial:
    student = options.cut(seed, "random" if variant == RANDOM else "")
    if variant == SCRATCH:
        job = options.from_scratch(f"{options.importance}, {variant}", str(student), seed)
    else:
        parts = PARTS.get(variant, ())
        own = {term: getattr(options, term) for term in TERMS if term in parts}
        if "teacher_weight" in parts:
            own |= {"teacher": options.teacher, "temperature": options.temperature}
        if "mask" in parts:
            own["mask_fill"] = options.mask_fill
        if "views" in parts:
            own["views"] = "mirrored"
        if "sharp" in parts:
            own |= {term: own[term] / 5 for term in ("peers_weight", "teacher_weight") if term in own}
            own["temperature"] = options.sharp
        name = f"{options.importance}, {variant}" if variant != RANDOM else variant
        job = options.trained_on(name, student, seed, **own)
    base = None if variant == TRAINED_ON else TRAINED_ON
    return Trial(ablation="distil", variant=variant, seed=seed, bundle=job.options["out"], job=job, against=base)
