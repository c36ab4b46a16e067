"""How the released models are trained: waves of steps, in order and with their settings, and what each costs.

Each step writes a folder of its name into the run's. What each ingredient gives is in results/release.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar

from toolkit.commands.data import pseudo_label, repose
from toolkit.commands.data.pseudo_label import PseudoLabel
from toolkit.commands.data.repose import Repose
from toolkit.commands.train import distil, shape, slim, supernet, teacher
from toolkit.commands.train.distil import ALONE, Distil, Terms
from toolkit.commands.train.shape import Shape
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.supernet import Supernet
from toolkit.commands.train.teacher import Teacher
from toolkit.core.heatmap import Decoder
from toolkit.core.progress import Outcome, Steps
from toolkit.pipelines.jobs import Job, ToFolder
from toolkit.slimming.operations import SHAPE
from toolkit.train.options import Training

Sets = Sequence[tuple[str, float]]
"""Folders, under the data or of an earlier step, and how often an epoch shows each of their faces."""

FACES = MappingProxyType(
    {
        **{"300w": 2009, "helen_extra/normal": 879, "helen_extra/hard": 143, "infanface": 210, "helen29/train": 298},
        **{"aflw_pose": 1146, "aflw_merl": 1654, "ytf68": 3179, "photos5": 3700, "london189": 128},
    }
)
"""Training faces of the sets, by folder under the data: what the costs below are told by."""
PLACED, LABELS, AGAIN = "aflw_merl-placed", "-labels", "-labels-again"
"""Sets that steps make: one whose labels were moved into place; NAME-labels, those of NAME labelled anew; and the same
once more by better networks."""
REPOSED = MappingProxyType(
    {"london189-reposed": 12000, "london189-reposed-v2-1": 12000, "london189-reposed-v2-2": 12000}
)
"""Sets that steps make of portraits, each by its own seed, and their faces."""
SETS = (
    *(*FACES, PLACED, *REPOSED, *(f"{name}{LABELS}" for name in ("photos5", "aflw_pose", "aflw_merl", "ytf68"))),
    *(f"{name}{AGAIN}" for name in ("aflw_pose", "aflw_merl")),
)
"""All that trainings may read."""
CLOSE = (("300w", 1.0), ("helen_extra/normal", 1.0), ("helen_extra/hard", 1.0))
"""The photos with the best labels, in 300W's style."""
MIXTURE = (
    *CLOSE,
    *(("infanface", 2.0), (f"photos5{LABELS}", 0.5), (f"ytf68{LABELS}", 0.15)),
    *((f"aflw_pose{LABELS}", 0.7), (f"aflw_merl{LABELS}", 0.5)),
)
"""With babies, turned heads and more photos, all of them in the teacher's words, which is one style."""
FINAL = (*CLOSE, ("infanface", 1.0), (f"aflw_pose{LABELS}", 0.35))
"""Of the last phase: the best photos, and some babies and turned heads, lest they be forgotten."""
SEEN = (*CLOSE, ("infanface", 1.0), (f"aflw_pose{AGAIN}", 0.35), (f"aflw_merl{AGAIN}", 0.2))
"""With more turned heads, whose flags say which points are covered."""
SEEN_98 = (*CLOSE, ("infanface", 1.0), (f"aflw_pose{AGAIN}", 0.6), (f"aflw_merl{AGAIN}", 0.4))
"""The same for 98 points."""
HEADS = ("300w-68", "aflw-68", "wflw-98", "cofw-29")
"""Of the teacher of all schemes."""
HEADED = (
    *(("300w", "own", 0.25), ("helen_extra/normal", "own", 0.25), ("helen_extra/hard", "own", 0.25)),
    *(("infanface", "own", 0.5), ("aflw_pose", "aflw-68", 0.25), (PLACED, "aflw-68", 0.2)),
    ("helen29/train", "own", 0.25),
)
"""What it learns from: folder, the scheme that it is marked by, and how much of it an epoch shows, a quarter of most,
so that the checkpoint is never old. Babies are shown more often; AFLW is marked in another way."""
STARTS = MappingProxyType(
    {
        "start-teacher": "results/release/teacher",
        **{"start-main": "sdhrnet-68pt-160", "start-small": "sdhrnet-68pt-128"},
    }
)
"""Bundles of the release before, which a run copies when it begins."""

FROM_TEACHER: Terms = {"peers_weight": 0.0, "teacher_weight": 0.2, "temperature": 0.1, "mask": 0.0}
"""The teacher alone, at a low temperature: only there does the softmax of a map say where its peak is."""
TRIPLE: Terms = {"peers_weight": 0.8, "teacher_weight": 0.2, "temperature": 0.1, "mask": 0.5}
"""Peers, teacher and masks in the published proportion, at that temperature."""
COORDINATES, STRONG = 0.5, 2.5
"""Weights of the coordinates' loss: throughout, and in the last phase."""
TURNED = MappingProxyType({"tilt": 0.25})
"""Of the crops are turned by up to 70 degrees."""
DECODER: Decoder = "centroid"
"""As accurate as DARK on validation faces, for 17 operations fewer, which the cut leaves to the network."""
LAST = MappingProxyType({"all": 0.0, "scale": 0.1, "rotation": 15.0, "flip": 0.5, "jitter": 1.0, "colour": 0.2})
"""Of the last phase: little, as crops are turned upright before a network sees them."""
UNTURNED = MappingProxyType({**LAST, "tilt": 0.1})
"""The same with some crops that are not."""
COVERED = MappingProxyType({**UNTURNED, "occlude": 0.1, "mask": 0.05})
"""The same with things, and face masks, over some faces."""
HALF = 0.5
"""Height of the peak of a covered point: what a confidence is told apart by."""
SEEDS = (0, 1)
"""Of the comparison of what a student learns from."""

FACES_PER_SECOND = MappingProxyType(
    {"teacher": 3.0, "supernet": 5.0, "student": 30.0, "seen": 30.0, "labelled": 2.5, "reposed": 30.0}
)
"""Of a core, at 128 px, about as on record in results/release: HRNetV2-W18 and a supernet learning on an AMD EPYC; a
student learning, and a teacher looking on, there or on an Intel Xeon; faces that are labelled, mirrored crops too, and
portraits that are seen anew."""
Step = TypeVar("Step", Teacher, Supernet, Distil, Slim, Shape, PseudoLabel, Repose)


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Steps that can run side by side, once those of the waves before it are done."""

    name: str
    purpose: str
    jobs: tuple[Job[Any], ...]
    ships: bool = True
    """Whether what ships comes of it; a study is made by its name alone."""


class Kept(TypedDict):
    """What each training has of its own, and what all of them do."""

    out: Path
    data: tuple[Path, ...]
    share: tuple[float, ...]
    skip_bad: bool
    threads: int
    resume: bool


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a run finds and puts things."""

    out: Path
    """The run's folder."""
    data: Path = Path("data")
    """The folder of the sets."""
    packs: Path | None = None
    """A folder of packs, which are read in place of the sets."""

    def of(self, name: str) -> Path:
        """A set by its folder's name."""
        if self.packs is not None:
            return self.packs / f"{name.replace('/', '-')}.faces"
        return self.source(name)

    def source(self, name: str) -> Path:
        """The same where pictures are read."""
        return (self.data if name in FACES else self.out) / name


def waves(at: Places) -> tuple[Wave, ...]:
    """The recipe."""
    return (
        _placement(at),
        _teachers(at),
        _second(at),
        _labels(at),
        _slim(at),
        _distil(at),
        _last(at),
        _others(at),
        _others_last(at),
        _reposed(at),
        _free_again(at),
        _labellers(at),
        _labels_again(at),
        _points_98_again(at),
        _larger(at),
        _narrow(at),
        _narrow_last(at),
        _largest(at),
        _largest_longer(at),
        _shape(at),
        _compared(at),
        _longer(at),
        _points_98_narrow(at),
        _points_98_larger(at),
        _points_98_turned(at),
        _reposed_again(at),
        _free_longer(at),
    )


def _placement(at: Places) -> Wave:
    placement = PseudoLabel(
        data=at.source("aflw_merl"), out=at.out / PLACED, model=(at.out / "start-main",), correct="placement", flip=True
    )
    return Wave(
        name="placement",
        purpose="AFLW's labels lie beside their faces: move them into place",
        jobs=(_step(pseudo_label.run, placement),),
    )


def _teachers(at: Places) -> Wave:
    headed = Teacher(
        **_on(at, "teacher", [(folder, share) for folder, _, share in HEADED]),
        start=at.out / "start-teacher",
        heads=HEADS,
        marked=tuple(marked for _, marked, _ in HEADED),
        hold_out="all",
        size=128,
        synthetic=2000,
        epochs=16,
        lr=1e-3,
        coordinate_weight=STRONG,
        augment=dict(TURNED),
    )
    begun = Supernet(
        **_on(at, "begun", ()), size=64, synthetic=4000, fresh=True, epochs=8, updates="joint", sparsity=0.0
    )
    return Wave(
        name="teachers",
        purpose="one HRNetV2-W18 for all schemes and styles; a supernet of drawn faces; which operations and "
        "layers released networks can spare",
        jobs=(
            _step(teacher.run, headed),
            _step(supernet.run, begun),
            _step(supernet.run, _searched(at, "main-supernet", "start-main", 128)),
            _step(supernet.run, _searched(at, "small-supernet", "start-small", 96)),
        ),
    )


def _second(at: Places) -> Wave:
    headed_last = Teacher(
        **_on(at, "teacher-last", [(folder, 0.25 * share) for folder, share in CLOSE]),
        start=at.out / "teacher",
        heads=HEADS[:1],
        size=128,
        epochs=28,
        lr=5e-4,
        coordinate_weight=STRONG,
        augment=dict(LAST),
    )
    spared = Supernet(
        **_on(at, "spared", ()),
        start=at.out / "begun",
        size=64,
        synthetic=4000,
        fresh=True,
        epochs=6,
        lr=1e-3,
        updates="joint",
        sparsity=5e-6,
        penalty="macs",
    )
    return Wave(
        name="second",
        purpose="the teacher on the best photos, nearly as they are, with its head in their style alone; which "
        "operations the supernet of drawn faces can spare, which `quickstart` begins with",
        jobs=(_step(teacher.run, headed_last), _step(supernet.run, spared)),
    )


def _labels(at: Places) -> Wave:
    wanted = (
        *(("photos5", 0.1, True), ("aflw_pose", 0.2, True)),
        *(("aflw_merl", 0.2, False), ("ytf68", 0.15, False)),
    )
    return Wave(
        name="labels",
        purpose="photos with five points, turned heads and frames, labelled in 300W's style",
        jobs=tuple(_step(pseudo_label.run, _labelled(at, *each)) for each in wanted),
    )


def _slim(at: Places) -> Wave:
    return Wave(
        name="slim",
        purpose="cut to 320 and 220 operations, with those of the shape layer to come",
        jobs=(
            _step(slim.run, _cut(at, "main-slim", "main-supernet", 320 - SHAPE)),
            _step(slim.run, _cut(at, "small-slim", "small-supernet", 220 - SHAPE)),
        ),
    )


def _distil(at: Places) -> Wave:
    return Wave(
        name="distil",
        purpose="triple distillation: peers, teacher and masks",
        jobs=(
            _step(distil.run, _taught(at, "main-triple", "main-slim", 128, 4, TRIPLE)),
            _step(distil.run, _taught(at, "small-triple", "small-slim", 96, 4, TRIPLE)),
        ),
    )


def _last(at: Places) -> Wave:
    return Wave(
        name="last",
        purpose="the best photos, nearly as they are, with a strong loss of coordinates",
        jobs=(
            _step(distil.run, _last_phase(at, "main-last", "main-triple", 128, 24)),
            _step(distil.run, _last_phase(at, "small-last", "small-triple", 96, 16)),
        ),
    )


def _others(at: Places) -> Wave:
    points_29 = Teacher(
        **_on(at, "points-29", [("helen29/train", 1.0), *((folder, 0.3) for folder, _ in CLOSE)]),
        start=at.out / "small-last",
        heads=("cofw-29",),
        size=96,
        synthetic=1000,
        epochs=18,
        lr=1e-3,
        coordinate_weight=COORDINATES,
        decoder=DECODER,
    )
    drawn = Teacher(
        **_on(at, "free-drawn", ()),
        arch=str(at.out / "main-slim"),
        size=128,
        progressive=(64, 96),
        synthetic=12000,
        fresh=True,
        epochs=8,
        coordinate_weight=COORDINATES,
        decoder=DECODER,
    )
    return Wave(
        name="others",
        purpose="the small network's last phase once more; 160 px, 98 and 29 points; a network of drawn faces",
        jobs=(
            _step(distil.run, _last_phase(at, "small-longer", "small-last", 96, 40)),
            _step(distil.run, replace(_taught(at, "large-taught", "main-last", 160, 2, FROM_TEACHER), lr=1e-3)),
            _step(teacher.run, _of_98_points(at)),
            _step(teacher.run, points_29),
            _step(teacher.run, drawn),
        ),
    )


def _others_last(at: Places) -> Wave:
    points_98_last = replace(
        _of_98_points(at),
        out=at.out / "points-98-last",
        start=at.out / "points-98",
        synthetic=3000,
        epochs=4,
        lr=5e-4,
        coordinate_weight=STRONG,
        augment=dict(UNTURNED),
    )
    free = Teacher(
        **_on(at, "free", [("london189", 8.0)]),
        start=at.out / "free-drawn",
        size=128,
        synthetic=1500,  # eight times, as the portraits
        fresh=True,
        epochs=3,
        lr=5e-4,
        coordinate_weight=STRONG,
        augment=dict(LAST),
        decoder=DECODER,
    )
    return Wave(
        name="others-last",
        purpose="their last phase; the network of drawn faces sees portraits that anybody may use",
        jobs=(
            _step(distil.run, _last_phase(at, "large-last", "large-taught", 160, 8)),
            _step(teacher.run, points_98_last),
            _step(teacher.run, free),
        ),
    )


def _seen_anew(at: Places, seed: int) -> Job[Repose]:
    name, count = list(REPOSED.items())[seed]
    return _step(repose.run, Repose(data=at.source("london189"), out=at.out / name, count=count, seed=seed))


def _free_of(at: Places, name: str, start: str, sets: slice, epochs: int) -> Job[Teacher]:
    """The network without research terms, with some of these sets."""
    free = Teacher(
        **_on(at, name, [("london189", 2.0), *((made, 1.0) for made in list(REPOSED)[sets])]),
        start=at.out / start,
        size=128,
        synthetic=750,  # twice, as the portraits
        fresh=True,
        epochs=epochs,
        lr=1e-3,
        coordinate_weight=STRONG,
        augment=dict(COVERED),
        decoder=DECODER,
    )
    return _step(teacher.run, free)


def _reposed(at: Places) -> Wave:
    return Wave(
        name="reposed",
        purpose="portraits that anybody may use, turned, lit and dressed anew",
        jobs=(_seen_anew(at, 0),),
    )


def _free_again(at: Places) -> Wave:
    return Wave(
        name="free-again",
        purpose="the network without research terms sees them",
        jobs=(_free_of(at, "free-reposed", "free", slice(1), 6),),
    )


def _reposed_again(at: Places) -> Wave:
    return Wave(
        name="reposed-again",
        purpose="to come: twice as many of them, as version 2 turns and marks them",
        ships=False,
        jobs=tuple(_seen_anew(at, seed) for seed in (1, 2)),
    )


def _free_longer(at: Places) -> Wave:
    return Wave(
        name="free-longer",
        purpose="to come: the network without research terms sees these",
        ships=False,
        jobs=(_free_of(at, "free-longer", "free-reposed", slice(1, 3), 6),),
    )


def _labellers(at: Places) -> Wave:
    wanted = (("main-128", "main-last"), ("large-160", "large-last"))
    return Wave(
        name="labellers",
        purpose="a shape layer behind the decoding of the networks that label turned heads once more",
        jobs=tuple(_step(shape.run, _shaped(at, *each)) for each in wanted),
    )


def _labels_again(at: Places) -> Wave:
    return Wave(
        name="labels-again",
        purpose="turned heads, labelled by better networks",
        jobs=tuple(
            _step(
                pseudo_label.run,
                PseudoLabel(
                    data=at.source(name),
                    out=at.out / f"{name}{AGAIN}",
                    model=(at.out / "large-160", at.out / "main-128"),
                    flip=True,
                    agree=0.2,
                    skip_bad=True,
                ),
            )
            for name in ("aflw_pose", "aflw_merl")
        ),
    )


def _points_98_seeing(at: Places, name: str, start: str, **more: Any) -> Job[Teacher]:
    """98 points with turned heads among the faces."""
    seeing = replace(
        _of_98_points(at),
        **_on(at, name, SEEN_98),
        start=at.out / start,
        hold_out="all",
        synthetic=3000,
        coordinate_weight=STRONG,
        **more,
    )
    return _step(teacher.run, seeing)


def _points_98_again(at: Places) -> Wave:
    spoilt = {"scale": 0.2, **TURNED}
    return Wave(
        name="points-98-again",
        purpose="98 points see turned, covered and spoilt faces",
        jobs=(_points_98_seeing(at, "points-98-again", "points-98-last", epochs=8, augment=spoilt),),
    )


def _larger(at: Places) -> Wave:
    return Wave(
        name="larger",
        purpose="main on crops of 160 px, some faces covered; a covered point's peak is half as high",
        jobs=(_step(distil.run, _covered(at, "main-wide", "large-last", 160, 20)),),
    )


def _narrow(at: Places) -> Wave:
    return Wave(
        name="narrow",
        purpose="without the channels, most of them of the stem, that the loss feels least for what they cost",
        jobs=(
            _step(slim.run, _narrowed(at, "main-narrow", "main-wide", 165)),
            _step(slim.run, _narrowed(at, "small-narrow", "small-longer", 53.5)),
        ),
    )


def _narrow_last(at: Places) -> Wave:
    return Wave(
        name="narrow-last",
        purpose="their last phase, on larger crops than before",
        jobs=(
            _step(distil.run, _covered(at, "main-160", "main-narrow", 160, 30)),
            _step(distil.run, _covered(at, "small-128", "small-narrow", 128, 70)),
        ),
    )


def _largest(at: Places) -> Wave:
    return Wave(
        name="largest",
        purpose="the main network on crops of 224 px",
        jobs=(_step(distil.run, _covered(at, "large-224", "main-160", 224, 12)),),
    )


def _largest_longer(at: Places) -> Wave:
    return Wave(
        name="largest-longer",
        purpose="its last phase once more",
        jobs=(_step(distil.run, _covered(at, "large-longer", "large-224", 224, 12)),),
    )


def _shape(at: Places) -> Wave:
    wanted = (("main", "main-160"), ("small", "small-128"), ("large", "large-longer"))
    return Wave(
        name="shape",
        purpose="a shape layer behind the decoding",
        jobs=tuple(_step(shape.run, _shaped(at, *each)) for each in wanted),
    )


def _compared(at: Places) -> Wave:
    wanted: dict[str, tuple[int, Terms]] = {
        "small-peers": (2, TRIPLE),
        "small-teacher": (3, FROM_TEACHER),
        "small-truth": (6, ALONE),
    }
    steps = [
        replace(_taught(at, f"{name}-{seed}", "small-slim", 96, epochs, terms), seed=seed)
        for seed in SEEDS
        for name, (epochs, terms) in wanted.items()
    ]
    return Wave(
        name="compared",
        purpose="a study: the same time on peers, teacher and masks, on the teacher and on the truth alone, two "
        "seeds each",
        ships=False,
        jobs=tuple(_step(distil.run, each) for each in steps),
    )


def _longer(at: Places) -> Wave:
    return Wave(
        name="longer",
        purpose="a study: main as in `larger`, at 128 px",
        ships=False,
        jobs=(_step(distil.run, _covered(at, "main-longer", "main-last", 128, 30)),),
    )


def _points_98_narrow(at: Places) -> Wave:
    narrow = replace(_narrowed(at, "points-98-narrow", "points-98-last", 105), data=None)
    return Wave(
        name="points-98-narrow",
        purpose="a study: 98 points without such channels",
        ships=False,
        jobs=(_step(slim.run, narrow),),
    )


def _points_98_larger(at: Places) -> Wave:
    larger = replace(
        _of_98_points(at),
        out=at.out / "points-98-160",
        start=at.out / "points-98-narrow",
        size=160,
        synthetic=3000,
        epochs=8,
        coordinate_weight=STRONG,
        augment=dict(UNTURNED),
    )
    return Wave(
        name="points-98-larger",
        purpose="a study: 98 points trained on, on crops of 160 px",
        ships=False,
        jobs=(_step(teacher.run, larger),),
    )


def _points_98_turned(at: Places) -> Wave:
    covered = {**COVERED, "tilt": 0.25, "rotation": 30.0, "scale": 0.2}
    return Wave(
        name="points-98-turned",
        purpose="a study: those on crops of 160 px with turned and covered heads",
        ships=False,
        jobs=(_points_98_seeing(at, "points-98-turned", "points-98-160", size=160, epochs=10, augment=covered),),
    )


def _on(at: Places, name: str, sets: Sets) -> Kept:
    """A step's name, and the sets that it is trained on; two on a thread each are faster than one on two."""
    folders, shares = tuple(at.of(folder) for folder, _ in sets), tuple(share for _, share in sets)
    return {"out": at.out / name, "data": folders, "share": shares, "skip_bad": True, "threads": 1, "resume": True}


def _labelled(at: Places, name: str, agree: float, flip: bool) -> PseudoLabel:
    """A set in 300W's style, by the teacher and the main network of the release before."""
    return PseudoLabel(
        data=at.source(name),
        out=at.out / f"{name}{LABELS}",
        model=(at.out / "teacher-last", at.out / "start-main"),
        flip=flip,
        agree=agree,
        skip_bad=True,
    )


def _searched(at: Places, name: str, start: str, size: int) -> Supernet:
    """The factors of a network's operations and layers, joint with its weights."""
    return Supernet(
        **_on(at, name, [*CLOSE, ("infanface", 2.0)]),
        start=at.out / start,
        depth=True,
        penalty="operations",
        updates="joint",
        sparsity=5e-6,
        size=size,
        epochs=6,
        lr=1e-3,
        synthetic=400,
    )


def _cut(at: Places, name: str, parent: str, operations: int) -> Slim:
    """A supernet cut to a budget of operations."""
    return Slim(supernet=at.out / parent, out=at.out / name, operations=operations, importance="gamma", decoder=DECODER)


def _narrowed(at: Places, name: str, parent: str, macs: float) -> Slim:
    """A network without its least important channels; the multiply-accumulates are of its own input size."""
    return Slim(
        supernet=at.out / parent,
        out=at.out / name,
        remove="channels",
        importance="taylor",
        data=at.of("300w"),
        macs=macs,
    )


def _taught(at: Places, name: str, student: str, size: int, epochs: int, terms: Terms) -> Distil:
    """A small network, by the teacher, by peers or by neither."""
    return Distil(
        **_on(at, name, MIXTURE),
        student=at.out / student,
        teacher=at.out / "teacher-last" if terms.get("teacher_weight") else None,
        mask_fill="random",
        size=size,
        epochs=epochs,
        lr=1.5e-3,
        synthetic=400,
        coordinate_weight=COORDINATES,
        augment=dict(TURNED),
        decoder=DECODER,
        **terms,
    )


def _last_phase(at: Places, name: str, student: str, size: int, epochs: int) -> Distil:
    """The last phase: the best photos, nearly as they are, and a strong loss of coordinates."""
    return Distil(
        **_on(at, name, FINAL),
        student=at.out / student,
        size=size,
        epochs=epochs,
        lr=5e-4,
        coordinate_weight=STRONG,
        augment=dict(UNTURNED),
        decoder=DECODER,
        **ALONE,
    )


def _covered(at: Places, name: str, student: str, size: int, epochs: int) -> Distil:
    """The last phase at a higher rate, with covered faces; of every set a tenth is kept to score confidence on."""
    return replace(
        _last_phase(at, name, student, size, epochs),
        **_on(at, name, SEEN),
        hold_out="all",
        lr=1e-3,
        visibility=HALF,
        augment=dict(COVERED),
    )


def _of_98_points(at: Places) -> Teacher:
    """The main network with a head of 98 points."""
    return Teacher(
        **_on(at, "points-98", [*CLOSE, ("infanface", 1.0)]),
        start=at.out / "main-last",
        heads=("wflw-98",),
        size=128,
        synthetic=6000,
        epochs=6,
        lr=1e-3,
        coordinate_weight=COORDINATES,
        decoder=DECODER,
    )


def _shaped(at: Places, name: str, parent: str) -> Shape:
    """A shape layer on top, in 300W's style."""
    return Shape(bundle=at.out / parent, out=at.out / name, data=at.of("300w"), rounds=3)


def faces_of(options: ToFolder, at: Places) -> int:
    """About how many faces a step sees."""
    if isinstance(options, PseudoLabel):
        return FACES[_name(options.data, at)]
    if isinstance(options, Repose):
        return options.count
    if not isinstance(options, Training):
        return 0
    shares, counts = options.share or (1.0,) * len(options.data), {**FACES, **REPOSED}
    real = sum(share * counts[_name(folder, at)] for folder, share in zip(options.data, shares, strict=True))
    drawn = (options.synthetic or 0) * (shares[0] if shares else 1)
    return round(options.optim.epochs * (real + drawn))


def hours_of(options: ToFolder, at: Places) -> float:
    """About how many hours of one core a step takes; see FACES_PER_SECOND."""
    faces, speed = faces_of(options, at), FACES_PER_SECOND
    if isinstance(options, PseudoLabel | Repose):
        return faces / speed["labelled" if isinstance(options, PseudoLabel) else "reposed"] / 3600
    if not isinstance(options, Training):
        return 0.0
    seconds = 1 / speed["student"]
    if isinstance(options, Supernet):
        seconds = 1 / speed["supernet"]
    elif isinstance(options, Distil):
        seconds = len(options.peers) / speed["student"] + bool(options.lambdas[1]) / speed["seen"]
    elif options.out.name.startswith("teacher"):
        seconds = 1 / speed["teacher"]
    cost = sum((size / 128) ** 2 for size in options.sizes) / len(options.sizes)
    return faces * seconds * cost / 3600


def _name(folder: Path, at: Places) -> str:
    """The set, by its name under the data, that a folder holds or was made of."""
    for name in REPOSED:
        if folder == at.of(name):
            return name
    for name in FACES:
        made = (at.of(f"{name}{suffix}") for suffix in ("", "-placed", LABELS, AGAIN))
        if folder in (at.source(name), *made):
            return name
    raise AssertionError(folder)


def _step(run: Callable[[Step], Steps[Outcome]], options: Step) -> Job[Step]:
    """A step is called by its folder."""
    return Job(run, options, options.out.name)
