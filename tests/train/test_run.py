"""A run's parts: the data loader, whose batches are the same whoever makes them, and an epoch's record."""

import numpy as np
import pytest
import torch

from tests.train.tiny import SIZE, Blobs
from toolkit.core.progress import finish
from toolkit.core.provenance import cores
from toolkit.data.augment import Augment
from toolkit.data.batches import Epoch, random_masks, training_faces
from toolkit.train.run import EpochRecord, data_loader, default_workers


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


LINE = {
    "epoch": 3, "seconds": 1.5, "faces_per_second": 20.0, "outside_percent": 2.5, "size_px": 64, "lr": 0.001,
    "alpha_mse": 0.25, "weights_mse": 0.5, "alpha": [0.5, -1.0],
    "val_supernet": {"n": 5, "n_unscored": 0, "nme_mean": 9.0, "nme_median": 8.0, "fr8": 1, "fr10": 0, "auc10": 0.5},
}  # fmt: skip


def test_a_record_is_the_line_of_the_log() -> None:
    """There and back, in its order, with losses by pass and term; an incomplete line is refused."""
    record = EpochRecord.of(LINE)
    assert record.losses == {"alpha_mse": 0.25, "weights_mse": 0.5} and record.alpha == (0.5, -1.0)
    assert record.validation["supernet"].nme_mean == 9.0
    assert record.json == LINE and list(record.json) == list(LINE)
    with pytest.raises(TypeError, match="lr"):
        EpochRecord.of({k: v for k, v in LINE.items() if k != "lr"})
