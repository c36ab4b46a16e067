"""The options that every training stage takes."""

import dataclasses
from dataclasses import dataclass, field
from importlib import import_module
from math import sqrt
from pathlib import Path
from typing import Literal

from toolkit.core.heatmap import Decoder
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder
from toolkit.core.schemes import Scheme, scheme
from toolkit.data.augment import Augment
from toolkit.slimming.complexity import check_size
from toolkit.train.device import ComputePrecision
from toolkit.train.optim import Optim
from toolkit.train.presets import PRESETS, Preset, PresetName, Validation
from toolkit.train.run import Logging

OWN = "own"
"""Of --marked: the scheme that the set itself names."""
LEAST_VISIBILITY = 0.2
"""A lower peak is hard to find in an eight-bit file."""
HeatmapLoss = Literal["mse", "awing"]
CoordinateLoss = Literal["smooth-l1", "wing", "star"]


@dataclass(frozen=True, kw_only=True)
class Training(Options):
    """Options that every training stage takes."""

    out: OutFolder
    """Folder for the bundle; while training it holds the checkpoint to resume from."""
    data: tuple[Path, ...] = ()
    """Labelled faces: folders (or files) of any format that `sdhrnet data check` knows. Validation faces are held out
    of the first one, or are its own; of the others all training faces are used. Without it, synthetic faces."""
    marked: tuple[str, ...] = ()
    """For each --data the scheme that its points are marked by, where it is not the one that the set names: aflw-68 for
    faces of AFLW, whose annotators place the 68 points otherwise than 300W's; `own` leaves it as it is."""
    hold_out: Literal["first", "all"] = "first"
    """Of which --data the validation tenth is kept from training: of the first alone, or of all, so that `evaluate
    --split val` can score each."""
    validation: Validation | None = None
    """held-out: a tenth of the training faces, or those that the set itself names, is validated on and not trained on.
    none: every training face is trained on, as published, and nothing is validated (default: the preset's)."""
    share: tuple[float, ...] = ()
    """One number for each --data: 0.25 shows a quarter of its faces an epoch, 2 each of them twice (default: 1)."""
    skip_bad: bool = False
    """Train without the annotations and pictures that cannot be used; the card says how many."""
    preset: PresetName = "cpu"
    """tiny: minutes, to see it work. cpu: an hour or two on a core. paper-300w, paper-cofw, paper-wflw: every setting
    that the paper publishes for a data set (section 4.3), for a GPU; all are shown before the first step."""
    size: int | None = None
    """Side of the input crop in pixels, a multiple of 32 (default: the preset's, or the parent bundle's)."""
    progressive: tuple[int, ...] = ()
    """Smaller input sizes to begin with: `--size 128 --progressive 64 96` gives each of the three a third of the
    epochs, which costs half of what training at 128 throughout does."""
    epochs: int | None = None
    """Passes over the data (default: the preset's)."""
    batch: int | None = None
    """Faces a step (default: the preset's)."""
    lr: float | None = None
    """Highest learning rate (default: the preset's, times the square root of how many times its batch the batch is,
    which keeps the noise of an Adam step; Malladi et al., 2022)."""
    ema: float | None = None
    """Decay of the exponential moving average (EMA) of the weights, which is what is validated and kept; 0 keeps the
    last weights (default: the preset's)."""
    patience: int = 0
    """Early stopping: end when the validation error has not fallen for so many epochs, and keep the best weights; 0
    trains to the end. The learning rate falls on its own schedule all the same, so that there is little to gain from
    its last part."""
    synthetic: int | None = None
    """Number of synthetic faces: the preset's where no --data is given; beside --data, that many are mixed in, each
    shown as often as a face of the first --data."""
    fresh: bool = False
    """Draw other synthetic faces in each epoch, which costs a few milliseconds a face."""
    scheme: str | None = None
    """Landmarks of the synthetic faces, where no --data is given: 300w-68, cofw-29, wflw-98, or a JSON file of your own
    points (default: 300w-68, or the parent bundle's). Beside --data: a JSON file that picks some of the data's points,
    which are trained in place of all. Synthetic faces beside --data are labelled as what is trained."""
    augment: dict[str, float] = field(default_factory=dict)
    """Strength of kinds of augmentation, such as `--augment jpeg 0 occlude 0.5`; 0 switches one off, and `all 0`
    those that are not named (default: the preset's; results/data says what each group gave)."""
    sigma: float | None = None
    """Standard deviation of the target Gaussians in heatmap pixels (default: the preset's; 1 but for paper-cofw and
    paper-wflw)."""
    decoder: Decoder | None = None
    """How points are read from heatmaps, in validation and by all that opens the bundle: dark, centroid, quarter or
    argmax, see `evaluate` (default: the preset's; dark, or as published quarter)."""
    heatmap_loss: HeatmapLoss = "mse"
    """Of the heatmaps, in every step that learns weights from the truth: mse, as published, or awing, adaptive wing
    with its weighted map (Wang et al., 2019)."""
    coordinate_weight: float = 0.0
    """Weight of a loss of coordinates beside it: of each heatmap's local soft-argmax, in shares of the crop. 0, as
    published, is without."""
    coordinate_loss: CoordinateLoss = "smooth-l1"
    """Which one: smooth-l1; wing (Feng et al., 2018), where small errors pull up to five times as much; star (Zhou et
    al., 2023), along and across each heatmap's own axes, so that errors along the jaw count less than across it."""
    visibility: float = 1.0
    """Height of the peak that the heatmap of a covered point should have, 0.2 to 1: below 1, the point's confidence,
    which is that height, says whether it is seen. Covered is what a set's flags say (`evaluate` then gives the AUC),
    what augmentation's masks and occluders hide, and what lies outside the crop. 1, as published, is without."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    device: str = "auto"
    """auto, cpu, cuda, mps."""
    precision: ComputePrecision | None = None
    """Of the forward pass (default: bf16 where the device has instructions for it, else float32, which a paper's preset
    has everywhere)."""
    processes: int = 1
    """Processes that share every batch, on a CPU core or a GPU each; --batch stays the whole batch, and the weights are
    those of one process up to rounding. On one machine's CPU several pay for large batches of large crops alone, see
    `throughput`. `torchrun -m toolkit.cli STAGE` works too, also over several machines."""
    workers: int | None = None
    """Data loader processes that decode and augment beside each training process; the batches are the same for any
    number (default: beside an NVIDIA GPU all other cores; none on a CPU, where they would take what the training
    needs)."""
    threads: int | None = None
    """CPU threads of each process (default: as many as a batch is worth and the machine has, such as two for 16 faces
    at 128 px; one on a GPU, and one within `quickstart` and `ablate`, where trainings run side by side: two of one
    thread each get further than one of two and then the other)."""
    deterministic: bool = False
    """Refuse what varies from run to run on a GPU, at some cost; a CPU always gives the same bits."""
    resume: bool = False
    """Go on with an interrupted run in --out; of one that has come to its end, say so and change nothing."""
    overwrite: bool = False
    """Train anew where --out holds a bundle or an interrupted run. The bundle stays until it is replaced, and whatever
    else is in the folder is left alone."""
    samples: int = 5
    """Every so many epochs, draw what the network finds on some validation faces, in --out/samples; 0 for never."""
    tensorboard: bool = False
    """Write TensorBoard events to --out/tensorboard: losses, learning rate, validation scores, factors and samples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resume and self.overwrite:
            raise ValueError("--resume goes on with a run, --overwrite starts anew: give one of them")
        self.at_least(1, "threads", "epochs", "batch")
        self.at_least(0, "seed", "workers", "samples")
        for size in self.sizes:
            check_size(size)
        sizes = self.sizes if self._sized else self.progressive
        if list(sizes) != sorted(set(sizes)) or len(self.sizes) > self.optim.epochs:
            raise ValueError(f"--progressive takes rising sizes below --size, an epoch each at least, got {self.sizes}")
        _ = self.augmentation  # refuses unknown kinds
        self._check_data()
        if not self.sigma_px > 0:
            raise ValueError(f"--sigma must be above 0, got {self.sigma}")
        if self.validated == "none" and (self.patience or self.hold_out == "all"):
            raise ValueError("--patience and --hold-out all need validation faces: give --validation held-out")
        if self.coordinate_weight < 0:
            raise ValueError(f"--coordinate-weight must not be negative, got {self.coordinate_weight}")
        if not LEAST_VISIBILITY <= self.visibility <= 1:
            raise ValueError(f"--visibility must be {LEAST_VISIBILITY} to 1, got {self.visibility}")
        if self.tensorboard:
            import_module("tensorboard")  # now, and not after the first epoch
        if not 1 <= self.processes <= self.optim.batch:
            raise ValueError(f"--processes must be 1 to the batch's {self.optim.batch} faces, got {self.processes}")

    def _check_data(self) -> None:
        self.at_least(1, "synthetic")
        if self.share and len(self.share) != len(self.data):
            raise ValueError(f"--share needs a number for each of {len(self.data)} --data, got {len(self.share)}")
        if self.marked and len(self.marked) != len(self.data):
            raise ValueError(f"--marked needs a scheme for each of {len(self.data)} --data, got {len(self.marked)}")
        for name in self.marked:
            _ = None if name == OWN else scheme(name)
        if self.scheme:
            _ = scheme(self.scheme)  # refuses unknown ones
        if self.scheme and self.data and not scheme(self.scheme).own:
            raise ValueError(f"--scheme {self.scheme} is for synthetic faces alone: --data has a scheme of its own")

    @property
    def target(self) -> Scheme | None:
        """The scheme to train, where it is not that of the first --data."""
        return scheme(self.scheme) if self.scheme and self.data else None

    def marked_by(self, index: int) -> Scheme | None:
        """The scheme that the faces of a --data are marked by, where --marked names one."""
        name = self.marked[index] if self.marked else OWN
        return None if name == OWN else scheme(name)

    @property
    def chosen(self) -> Preset:
        """The preset, whose settings count where an option is not given."""
        return PRESETS[self.preset]

    @property
    def size_px(self) -> int:
        """The input size, from the option or the preset."""
        return self.chosen.size_px if self.size is None else self.size

    @property
    def sigma_px(self) -> float:
        """Of the targets, in heatmap pixels, from the option or the preset."""
        return self.chosen.sigma_px if self.sigma is None else self.sigma

    @property
    def decoded(self) -> Decoder:
        """How points are read, from the option or the preset."""
        return self.decoder or self.chosen.decoder

    @property
    def validated(self) -> Validation:
        """On which faces, from the option or the preset."""
        return self.validation or self.chosen.validation

    @property
    def _sized(self) -> bool:
        """Whether the input size is not left to a parent bundle."""
        return self.size is not None or not (getattr(self, "student", None) or getattr(self, "start", None))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The input sizes in turn."""
        return (*self.progressive, self.size_px)

    @property
    def optim(self) -> Optim:
        """The optimiser's settings: the preset's, with the options given."""
        preset = self.chosen.optim
        batch = preset.batch if self.batch is None else self.batch
        return dataclasses.replace(
            preset,
            epochs=preset.epochs if self.epochs is None else self.epochs,
            batch=batch,
            lr=preset.lr * sqrt(batch / preset.batch) if self.lr is None else self.lr,
            ema=preset.ema if self.ema is None else self.ema,
            patience=self.patience,
        )

    @property
    def logging(self) -> Logging:
        """What the run shows of itself."""
        return Logging(samples=self.samples, tensorboard=self.tensorboard, settings=self.chosen.published)

    @property
    def augmentation(self) -> Augment:
        """The preset's augmentation, with the strengths given."""
        unknown = self.augment.keys() - {*Augment.kinds(), "all"}
        if unknown:
            raise ValueError(f"no augmentation {unknown.pop()!r}; kinds: {', '.join(Augment.kinds())}, all")
        if self.augment.get("all", 0) != 0:
            raise ValueError("--augment all takes only 0: name the kinds to change")
        base = self.chosen.augment if "all" not in self.augment else Augment.only()
        return dataclasses.replace(base, **{k: v for k, v in self.augment.items() if k != "all"})
