"""The trainings behind the paper's tables and figures: each by its published preset, in a folder of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypedDict

from toolkit.commands.train import distil, slim, supernet, teacher
from toolkit.commands.train.distil import ALONE, Distil
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.supernet import Arch, Supernet
from toolkit.commands.train.teacher import Teacher
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder
from toolkit.pipelines.jobs import Job, ToFolder
from toolkit.reporting.paper import BY_BOTH, BY_TEACHER, FIRST, MASKED, NOTHING, SECOND, SLIMMED, SUPERNET, TEACHER
from toolkit.train.presets import PRESETS, PresetName

DataSet = Literal["300w", "cofw", "wflw"]
PRESET: Mapping[DataSet, PresetName] = MappingProxyType(
    {"300w": "paper-300w", "cofw": "paper-cofw", "wflw": "paper-wflw"}
)
FOLDER = MappingProxyType({NOTHING: "s-hrnet", BY_TEACHER: "by-teacher", BY_BOTH: "by-both", MASKED: "sd-hrnet"})
"""Of the students of each row of Table 6, before the seed."""
SUPERNETS: tuple[Arch, ...] = ("hrnet-supernet", "hrsupernet-residual", "hrnet-supernet-mbconv", "hrsupernet")
"""Of Figure 6: HRNet and HRSuperNet of residual units (a), and of MBConvs (b)."""
SHARES = (1.0, 0.8, 0.64, 0.5, 0.4, 0.3)
"""Of a supernet's multiply-accumulates without the head: the thresholds behind Figure 6 are not published."""

Waves = Sequence[Sequence[Job[ToFolder]]]
"""What is made one after the other; the jobs of a wave do not need each other."""


class Shared(TypedDict):
    """What all trainings on a data set share."""

    preset: PresetName
    data: tuple[Path, ...]
    size: int | None
    epochs: int | None
    seed: int
    device: str
    threads: int | None
    resume: bool


@dataclass(frozen=True, kw_only=True)
class Reproduction(Options):
    """Data, length and machine of the trainings."""

    data: Path | None = None
    """Folder with the official data sets in 300w, 300w/masked, cofw and wflw; --list says which an item wants, and
    where they can be had."""
    out: OutFolder = Path("runs/paper")
    """Folder for bundles, records, tables and drawings; items share the networks that they have in common."""
    weights: Path | None = None
    """HRNetV2-W18's ImageNet weights, a safetensors file as for `teacher --weights`, from which teacher and supernet
    start, but for Figure 6, whose supernets are not pretrained."""
    seeds: int = 5
    """How often the students are trained; tables give mean and standard deviation over them."""
    epochs: int | None = None
    """To try a command out: fewer passes than the published 60. The importance factors learn as much faster. The table
    says so."""
    size: int | None = None
    """To try a command out: a smaller input than the published 256 px. The table says so."""
    device: str = "auto"
    """auto, cpu, cuda, mps."""
    threads: int | None = None
    """CPU threads of each training, as for the training stages."""
    at_once: int = 1
    """Trainings side by side, in processes of their own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "seeds", "epochs", "at_once")

    def folder(self, name: str) -> Path:
        """A data set's folder: 300w, cofw, wflw or 300w/masked."""
        assert self.data is not None
        return self.data / name

    def teacher(self, on: DataSet) -> Job[Teacher]:
        """HRNetV2-W18."""
        asked = Teacher(**self._shared(on), out=self._at(on, "teacher"), weights=self.weights)
        return Job(teacher.run, asked, f"{on}, teacher")

    def supernet(self, on: DataSet) -> Job[Supernet]:
        """HRSuperNet; in fewer epochs its factors learn faster, so that they come as far."""
        asked = Supernet(
            **self._shared(on), out=self._at(on, "supernet"), weights=self.weights, alpha_lr=self._alpha_lr(on)
        )
        return Job(supernet.run, asked, f"{on}, supernet")

    def slim(self, on: DataSet) -> Job[Slim]:
        """The supernet, cut at the published threshold."""
        parent = self.supernet(on).options.out
        return Job(slim.run, Slim(supernet=parent, out=self._at(on, "slim"), preset=PRESET[on]), f"{on}, slim")

    def student(self, on: DataSet, row: str, seed: int) -> Job[Distil]:
        """The slimmed network, trained with the parts of a row of Table 6.

        Without masks both peers would stay equal, since they start from the same weights: one of them sees mirror
        images then.
        """
        taught = Distil(
            **self._shared(on, seed),
            out=self._at(on, f"{FOLDER[row]}-{seed}"),
            student=self.slim(on).options.out,
            teacher=self.teacher(on).options.out,
        )
        if row == NOTHING:
            taught = replace(taught, **ALONE, teacher=None)
        elif row == BY_TEACHER:
            taught = replace(taught, peers_weight=0.0, mask=0.0)
        elif row == BY_BOTH:
            taught = replace(taught, mask=0.0, views="mirrored")
        return Job(distil.run, taught, f"{on}, {taught.out.name}")

    def cut(self, on: DataSet) -> Waves:
        """What a slimmed network takes."""
        return [[self.supernet(on)], [self.slim(on)]]

    def networks(self, on: DataSet) -> Waves:
        """What the tables about a data set take."""
        students = [self.student(on, NOTHING, 0), *(self.student(on, MASKED, seed) for seed in range(self.seeds))]
        return [[self.teacher(on), self.supernet(on)], [self.slim(on)], students]

    def ablation(self) -> Waves:
        """What Table 6 takes."""
        students = [self.student("300w", row, seed) for row in FOLDER for seed in range(self.seeds)]
        return [*self.networks("300w")[:-1], students]

    def bundles(self, on: DataSet) -> dict[str, list[Path]]:
        """The networks of a table about a data set, by their names in it; several are of one seed each."""
        students = [self.student(on, MASKED, seed).options.out for seed in range(self.seeds)]
        return {
            TEACHER: [self.teacher(on).options.out],
            SUPERNET: [self.supernet(on).options.out],
            SLIMMED: [self.student(on, NOTHING, 0).options.out],
            FIRST: students,
            SECOND: [student / "peer2" for student in students],
        }

    def family(self, arch: Arch, share: float) -> Job[Distil]:
        """A network of Figure 6: a supernet's share, trained on the truth alone, as S-HRNet is."""
        at = self._at("300w", "figure6") / arch
        out, cut = at / f"share-{share:g}", at / f"share-{share:g}-cut"
        asked = Distil(**ALONE, **self._shared("300w"), out=out, student=cut)
        return Job(distil.run, asked, f"{arch}, {out.name}")

    def families(self) -> Waves:
        """What Figure 6 takes."""
        supernets: list[Job[Supernet]] = []
        cuts: list[Job[Slim]] = []
        for arch in SUPERNETS:
            at = self._at("300w", "figure6") / arch
            asked = Supernet(**self._shared("300w"), out=at / "supernet", arch=arch, alpha_lr=self._alpha_lr("300w"))
            supernets.append(Job(supernet.run, asked, f"{arch}, supernet"))
            for share in SHARES:
                cut = Slim(
                    supernet=at / "supernet",
                    out=self.family(arch, share).options.student,
                    share=share,
                    head="published",
                )
                cuts.append(Job(slim.run, cut, f"{arch}, {cut.out.name}"))
        return [supernets, cuts, [self.family(arch, share) for arch in SUPERNETS for share in SHARES]]

    def _alpha_lr(self, on: DataSet) -> float | None:
        """The factors' learning rate where the published one would leave them near where they began."""
        preset = PRESETS[PRESET[on]]
        assert preset.alpha_lr is not None
        return None if self.epochs is None else preset.alpha_lr * preset.optim.epochs / self.epochs

    def _at(self, on: DataSet, name: str) -> Path:
        return self.out / on / name

    def _shared(self, on: DataSet, seed: int = 0) -> Shared:
        return {
            "preset": PRESET[on],
            "data": () if self.data is None else (self.folder(on),),
            "size": self.size,
            "epochs": self.epochs,
            "seed": seed,
            "device": self.device,
            "threads": self.threads,
            "resume": True,
        }
