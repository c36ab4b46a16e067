"""Training batches as NumPy.

A crop depends on its seed, epoch and place alone, so that a resumed run sees what the interrupted one would have, and
processes that share a batch see rows of the same one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.progress import Progress, Steps
from toolkit.data.augment import Augment, Patch, augment, patch
from toolkit.data.crops import those_read
from toolkit.data.pack import PackedFaces
from toolkit.data.sample import Endless, Faces, Subset
from toolkit.data.sets import Mix, Portion, Translated
from toolkit.data.visibility import States

ALL = slice(None)
Fill = Literal["mean", "random"]
MEAN_COLOUR = (124, 116, 104)
"""ImageNet's mean, in whole numbers."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some crops with their points, and a random generator each for whatever a step draws itself."""

    images: ImageArray
    """(B, S, S, 3) RGB."""
    points_xy: FloatArray
    """(B, M, 2) in crop pixels; NaN where missing."""
    states: States
    """(B, M) whether each point is seen, as data.visibility says."""
    rngs: Sequence[np.random.Generator]
    """(B) a crop's own, so that what is drawn for it depends on no other crop."""
    weight: float = 1.0
    """Share of the whole batch's known points that these rows have: a mean over the known points of the whole batch is
    the sum of the rows' means, each times its weight."""


@dataclass(frozen=True, kw_only=True)
class TrainingFaces:
    """Faces as wide patches: decoded and cut once, warped anew each epoch; fresh ones are drawn when they are shown."""

    faces: Mix
    size_px: int
    patches: Sequence[Patch | None]
    """None where a face is another one in each epoch."""

    def __len__(self) -> int:
        return len(self.patches)

    def epoch(
        self, key: Sequence[int], size: int, how: Augment, size_px: int | None = None, rows: slice = ALL
    ) -> "Epoch":
        """Every part's share once in random order, in batches of `size`; the last, smaller one is left out if it can.

        Args:
            key: whole numbers that name this epoch, (seed, epoch) and more; the same key gives the same batches.
            size: faces in a batch.
            how: the augmentation.
            size_px: side of the crops, at most that of the set (default: that of the set).
            rows: those of each batch that are wanted (default: all).
        """
        order = self.faces.draw(np.random.default_rng(key))
        return Epoch(self, tuple(key), order, min(size, len(order)), how, size_px or self.size_px, rows)

    def whole_epoch(self, key: Sequence[int], size: int, how: Augment) -> "Epoch":
        """The same with the last, smaller batch: what measures or fits leaves no face out."""
        return replace(self.epoch(key, size, how), rest=True)

    def patch(self, index: int, epoch: int) -> Patch:
        """A face as an epoch shows it."""
        kept = self.patches[index]
        if kept is not None:
            return kept
        number, place = self.faces.locate(index)
        faces = self.faces.parts[number].faces
        assert isinstance(faces, Endless)
        return patch(faces.drawn(epoch, place), self.size_px)

    def batches(self, size: int) -> int:
        """How many batches an epoch has."""
        faces = self.faces.an_epoch
        return faces // min(size, faces)


@dataclass(frozen=True)
class Epoch(Sequence[Batch]):
    """The batches of an epoch by their number, each made when it is asked for, and the same whoever asks."""

    whole: TrainingFaces
    key: tuple[int, ...]
    order: NDArray[np.intp]
    size: int
    how: Augment
    size_px: int
    rows: slice
    rest: bool = False
    """Whether a last, smaller batch is among them."""

    def __len__(self) -> int:
        full, over = divmod(len(self.order), self.size)
        return full + (self.rest and over > 0)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        start = range(len(self))[index] * self.size
        every = range(len(self.order))[start : start + self.size]
        places = every[self.rows]
        rngs = [np.random.default_rng([*self.key, place + 1]) for place in places]
        epoch = self.key[1] if len(self.key) > 1 else 0
        faces = [self.whole.patch(int(self.order[place]), epoch) for place in places]
        scheme = self.whole.faces.scheme
        crops = [augment(face, self.size_px, self.how, scheme, rng) for face, rng in zip(faces, rngs, strict=True)]
        weight = 1.0
        if len(places) < len(every):
            weight = _share(faces, [self.whole.patch(int(self.order[place]), epoch) for place in every])
        return Batch(
            images=np.stack([crop.image for crop in crops]),
            points_xy=np.stack([crop.points_xy for crop in crops]),
            states=np.stack([crop.states for crop in crops]),
            rngs=rngs,
            weight=weight,
        )


def _share(some: Sequence[Patch], every: Sequence[Patch]) -> float:
    """The part of all known points that some of the faces have; of the faces, where no point is known."""
    own, whole = (sum(int(np.isfinite(p.points_xy).all(axis=-1).sum()) for p in group) for group in (some, every))
    return own / whole if whole else len(some) / len(every)


def training_faces(faces: Faces, size_px: int, *, skip_bad: bool = False) -> Steps[TrainingFaces]:
    """Cut every face of a set, telling the progress; those of a pack stay on disk.

    Args:
        faces: a set, or a mixture of sets.
        size_px: side of the training crops.
        skip_bad: leave out pictures that cannot be read; the title then says how many.

    Raises:
        FileNotFoundError: a picture is not there.
        ValueError: a picture is damaged, or a pack was made for smaller crops; the message names it.
    """
    mix = faces if isinstance(faces, Mix) else Mix([Portion(faces=faces)])
    parts: list[Portion] = []
    patches: list[Patch | None] = []
    for part in mix.parts:
        cut_faces, kept = yield from _patches(part.faces, size_px, skip_bad)
        patches += cut_faces
        parts.append(replace(part, faces=those_read(part.faces, kept)))
    return TrainingFaces(faces=Mix(parts), size_px=size_px, patches=patches)


def _patches(faces: Faces, size_px: int, skip_bad: bool) -> Steps[tuple[Sequence[Patch | None], list[int]]]:
    """The patches of a set, and the indices of the faces that they show."""
    if isinstance(faces, Endless) and faces.fresh:
        return [None] * len(faces), list(range(len(faces)))
    packed = _packed(faces, size_px)
    if packed is not None:
        return packed, list(range(len(faces)))
    patches, kept = [], []
    for i in range(len(faces)):
        try:
            patches.append(patch(faces[i], size_px))
            kept.append(i)
        except (ValueError, FileNotFoundError):
            if not skip_bad:
                raise
        if i % 50 == 0 or i == len(faces) - 1:
            yield Progress(task=f"reading {faces.title}", done=i + 1, total=len(faces))
    return patches, kept


def _packed(faces: Faces, size_px: int, wanted: Sequence[int] | None = None) -> list[Patch] | None:
    """Patches of all faces, or of those wanted, that lie in a pack; None where they lie in none.

    Raises:
        ValueError: the pack was made for smaller crops than of size_px.
    """
    wanted = range(len(faces)) if wanted is None else wanted
    if isinstance(faces, Translated):
        patches = _packed(faces.faces, size_px, wanted)
        return None if patches is None else [faces.told(each) for each in patches]
    if isinstance(faces, Subset):
        return _packed(faces.faces, size_px, [faces.indices[i] for i in wanted])
    if not isinstance(faces, PackedFaces):
        return None
    if faces.size_px < size_px:
        raise ValueError(
            f"{faces.path} is packed for crops of up to {faces.size_px} px, and {size_px} px are wanted: pack the set "
            f"again with --size {size_px}"
        )
    return [faces.patch(i) for i in wanted]


def random_masks(
    rngs: Sequence[np.random.Generator], side: int, largest: float, fill: Fill = "mean"
) -> NDArray[np.int64]:
    """A random rectangle for each crop (section 3.2), and its colour.

    Args:
        rngs: one a crop, draws size, place and colour.
        side: of the crops, in pixels.
        largest: a rectangle's longest side, as a share of the crop's.
        fill: `mean` is ImageNet's mean colour, `random` any colour.

    Returns:
        (B, 7): top, left, bottom and right, the latter two exclusive, in pixels; red, green and blue in 0..255.
    """
    drawn = []
    for rng in rngs:
        height, width = np.maximum(1, (rng.uniform(0, largest, 2) * side).astype(int))
        top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
        colour = rng.integers(0, 256, 3) if fill == "random" else MEAN_COLOUR
        drawn.append((top, left, top + height, left + width, *colour))
    return np.array(drawn, dtype=np.int64)
