"""The data loader: batches made by other processes are the batches."""

import numpy as np
import pytest
import torch

from tests.train.tiny import SIZE, Blobs
from toolkit.core.progress import finish
from toolkit.core.provenance import cores
from toolkit.data.augment import Augment
from toolkit.data.batches import Epoch, random_masks, training_faces
from toolkit.train.run import data_loader, default_workers


def an_epoch() -> Epoch:
    return finish(training_faces(Blobs(10), SIZE)).epoch((3, 1), 2, Augment())


@pytest.mark.parametrize("workers", sorted({1, min(2, cores())}))  # torch warns of more than there are cores
def test_any_number_of_processes_makes_the_same_batches_in_order(workers: int) -> None:
    """Crops, points and what the step draws from the crops' generators, bit for bit."""

    def draw(batch: object) -> dict[str, np.ndarray]:
        return {"mask": random_masks(batch.rngs, SIZE, 0.5)}  # type: ignore[attr-defined]

    expected, found = (list(data_loader(an_epoch(), draw, count)) for count in (0, workers))
    assert len(expected) == len(found) == 5
    for a, b in zip(expected, found, strict=True):
        assert torch.equal(a.images, b.images) and torch.equal(a.drawn["mask"], b.drawn["mask"])
        assert torch.equal(a.points_xy.nan_to_num(), b.points_xy.nan_to_num()) and a.weight == b.weight


def test_what_a_maker_raises_arrives() -> None:
    """With its own type and words, from another process too."""

    def damaged(batch: object) -> dict[str, np.ndarray]:
        raise ValueError("a.jpg is damaged")

    with pytest.raises(ValueError, match=r"a\.jpg is damaged"):
        list(data_loader(an_epoch(), damaged, 1))


def test_an_epoch_is_a_sequence() -> None:
    """By number, from the end, by slice; past the end there is nothing."""
    epoch = an_epoch()
    np.testing.assert_array_equal(epoch[-1].images, epoch[4].images)
    assert [len(batch.images) for batch in epoch[1:3]] == [2, 2]
    with pytest.raises(IndexError):
        epoch[5]


def test_a_cpu_makes_its_own_batches() -> None:
    """Beside an NVIDIA GPU there is at least one process for it."""
    assert default_workers(torch.device("cpu"), 1) == 0
    assert default_workers(torch.device("cuda"), 64) == 1
