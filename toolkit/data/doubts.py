"""Faces of a set whose labels form no face, told without decoding a picture."""

from collections.abc import Sequence

import numpy as np

from toolkit.core.progress import Progress, Steps
from toolkit.data.labels import Label, Photos, Problem
from toolkit.data.mix import Mix
from toolkit.data.sample import Faces, Subset
from toolkit.data.shape import doubts
from toolkit.data.translated import Translated


def labels_of(faces: Faces) -> Sequence[Label] | None:
    """Every face's label, in order; None where a set has none, as synthetic faces."""
    if isinstance(faces, Photos):
        return faces.labels
    if isinstance(faces, Subset):
        whole = labels_of(faces.faces)
        return None if whole is None else [whole[i] for i in faces.indices]
    return None


def doubtful(faces: Faces) -> list[Problem]:
    """The faces whose points form no face, and what is wrong with each."""
    if isinstance(faces, Mix):
        return [problem for part in faces.parts for problem in doubtful(part.faces)]
    if isinstance(faces, Translated):
        return doubtful(faces.faces)
    labels = labels_of(faces) or ()
    if not labels:
        return []
    found = doubts(np.stack([label.points_xy for label in labels]), faces.scheme)
    return [Problem(source=labels[i].source, text=text) for i, text in found.items()]


def warning(faces: Faces) -> str:
    """One line about such faces; empty where there is none."""
    found = doubtful(faces)
    if not found:
        return ""
    return f"labels of {len(found)} of {len(faces)} faces look wrong (`sdhrnet data check` lists them): {found[0]}"


def told(faces: Faces) -> Steps[None]:
    """Tell of such faces before hours are spent on them."""
    text = warning(faces)
    if text:
        yield Progress(task="labels", done=0, total=0, text=text)
