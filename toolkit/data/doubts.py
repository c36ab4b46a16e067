"""Faces of a set whose labels form no face, told without decoding a picture."""

from collections.abc import Sequence

import numpy as np

from toolkit.core.progress import Progress, Steps
from toolkit.data.labels import Label, Photos, Problem
from toolkit.data.mix import Mix
from toolkit.data.sample import Faces, Subset
from toolkit.data.shape import common_doubt, doubts
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
    """The faces whose points form no face, and what is wrong with each; then what is wrong with all others alike."""
    if isinstance(faces, Mix):
        return [problem for part in faces.parts for problem in doubtful(part.faces)]
    if isinstance(faces, Translated):
        return doubtful(faces.faces)
    labels = labels_of(faces) or ()
    if not labels:
        return []
    points = np.stack([label.points_xy for label in labels])
    found = doubts(points, faces.scheme)
    common = common_doubt(np.delete(points, list(found), axis=0), faces.scheme)
    alone = [Problem(source=labels[i].source, text=text) for i, text in found.items()]
    return [*alone, Problem(source=faces.title, text=common)] if common else alone


def warning(faces: Faces) -> str:
    """One line about such faces; empty where there is none."""
    found = doubtful(faces)
    if not found:
        return ""
    return f"wrong labels? {len(found)} in {len(faces)} faces (`sdhrnet data check` lists them), first {found[0]}"


def told(faces: Faces) -> Steps[None]:
    """Tell of such faces before hours are spent on them."""
    text = warning(faces)
    if text:
        yield Progress(task="labels", done=0, total=0, text=text)
