"""Mixtures: every part has its share of an epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from toolkit.core.schemes import COFW_29, W300_68, Scheme
from toolkit.data.mix import Mix, Part
from toolkit.data.sample import Sample


class Numbered:
    """Faces whose names are their numbers."""

    subsets: Mapping[str, Sequence[int]] = {}

    def __init__(self, title: str, count: int, scheme: Scheme = W300_68) -> None:
        self.title, self.count, self.scheme = title, count, scheme

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        points = np.zeros((self.scheme.points, 2))
        image = np.zeros((4, 4, 3), np.uint8)
        return Sample(name=f"{self.title}{index}", image=image, points_xy=points, box_xyxy=np.array([0.0, 0, 1, 1]))


def test_an_epoch_holds_every_share() -> None:
    """Once each, a quarter of them, and each of them two and a half times, in random order."""
    mix = Mix(
        [
            Part(faces=Numbered("a", 10)),
            Part(faces=Numbered("b", 8), share=0.25),
            Part(faces=Numbered("c", 4), share=2.5),
        ]
    )
    order = mix.draw(np.random.default_rng(0))
    names = [mix[int(i)].name for i in order]
    count = {name: names.count(name) for name in names}
    assert len(names) == mix.an_epoch == 10 + 2 + 10
    assert {count[f"a{i}"] for i in range(10)} == {1}
    assert sum(v for k, v in count.items() if k[0] == "b") == 2
    assert {count[f"c{i}"] for i in range(4)} == {2, 3}
    assert names != sorted(names)


def test_other_epochs_draw_other_faces() -> None:
    """Over many epochs, a part with a small share is seen whole."""
    mix = Mix([Part(faces=Numbered("b", 8), share=0.25)])
    seen = {int(i) for epoch in range(40) for i in mix.draw(np.random.default_rng(epoch))}
    assert seen == set(range(8))


def test_the_title_says_what_and_how_much() -> None:
    """Shares of 1 go without saying."""
    assert Mix([Part(faces=Numbered("a", 1)), Part(faces=Numbered("b", 1), share=0.5)]).title == "a + b x 0.5"


def test_schemes_do_not_mix() -> None:
    """The message names both."""
    with pytest.raises(ValueError, match=r"300w-68.*|.*cofw"):
        Mix([Part(faces=Numbered("a", 1)), Part(faces=Numbered("b", 1, COFW_29))])


def test_a_share_of_nothing_is_refused() -> None:
    """It would be no training set."""
    with pytest.raises(ValueError, match="above 0"):
        Part(faces=Numbered("a", 1), share=0)
