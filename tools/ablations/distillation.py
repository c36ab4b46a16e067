"""What each part of triple distillation gives (the paper's Table 6), beside its parents and two controls."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from toolkit.commands.train.distil import Distil
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
    trial,
)

TEACHER = "teacher"
Part = Literal["teacher", "peers", "mirrored", "masks", "sharp"]
PARTS: Mapping[str, tuple[Part, ...]] = MappingProxyType(
    {
        TRAINED_ON: (),
        "+ teacher": ("teacher",),
        "+ teacher + peers (mirrored views)": ("teacher", "peers", "mirrored"),
        "+ teacher + peers + masks": ("teacher", "peers", "masks"),
        "+ masks alone": ("masks",),
        "+ teacher (sharp)": ("teacher", "sharp"),
        "+ teacher + peers + masks (sharp)": ("teacher", "peers", "masks", "sharp"),
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
    name = variant if variant == RANDOM else f"{options.importance}, {variant}"
    if variant == SCRATCH:
        return trial("distil", variant, options.from_scratch(name, str(student), seed), TRAINED_ON)
    parts = PARTS.get(variant, ())
    job = options.trained_on(name, student, seed, lambda alone: _with(options, parts, alone))
    return trial("distil", variant, job, None if variant == TRAINED_ON else TRAINED_ON)


def _with(options: Distillation, parts: Collection[Part], alone: Distil) -> Distil:
    """A training on the truth alone, with the terms of a row."""
    weight, temperature = (0.2, options.sharp) if "sharp" in parts else (1.0, options.temperature)
    taught, peers, masked = ("teacher" in parts, "peers" in parts, "masks" in parts)
    return replace(
        alone,
        teacher=options.teacher if taught else None,
        teacher_weight=weight * options.teacher_weight if taught else 0.0,
        peers_weight=weight * options.peers_weight if peers else 0.0,
        temperature=temperature if taught else alone.temperature,
        mask=options.mask if masked else 0.0,
        mask_fill=options.mask_fill if masked else alone.mask_fill,
        views="mirrored" if "mirrored" in parts else "same",
    )
