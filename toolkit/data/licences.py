"""The terms that weights inherit from the faces they were trained on, and from the networks they were made from."""

import re
from collections.abc import Sequence

from toolkit.core.schemes import FURTHER, SCHEMES

RESEARCH_SETS = {
    "300W": "300w",
    "AFW": r"\bafw\b",
    "Helen": "helen",
    "LFPW": "lfpw",
    "iBUG": "ibug",
    "AFLW": "aflw",
    "COFW": "cofw",
    "WFLW": "wflw",
    "YouTube Faces": "youtube faces|ytf",
    "InfAnFace": "infanface",
    "Sun et al. (2013)": r"photos5|sun et al\. \(2013\)",
}
"""Sets whose terms allow research use only, and how the titles of data name them."""
SYNTHETIC = "Trained on synthetic faces alone, which this toolkit draws: no terms but the toolkit's own."
ATTRIBUTION = (
    "Trained on portraits of the Face Research Lab (DeBruine and Jones, CC-BY 4.0: name the authors) and on synthetic "
    "faces, which this toolkit draws: no terms but these and the toolkit's own."
)
DRAWN = "synthetic faces"
"""How a title of drawn faces begins."""
PORTRAITS = "face research lab portraits"
"""How a title of portraits that may be used by naming their authors goes, whichever part of them it is of."""
FREE = (SYNTHETIC, ATTRIBUTION)
"""Of networks that anybody may use."""


def research_sets(text: str) -> tuple[str, ...]:
    """The research-only sets that a title of data, or a text about its terms, names; names of schemes are none."""
    photos = " + ".join(part for part in text.lower().split(" + ") if not part.startswith(DRAWN))
    for name in (*SCHEMES, *FURTHER):
        photos = photos.replace(name, "")
    return tuple(name for name, words in RESEARCH_SETS.items() if re.search(words, photos))


def licence_of(trained_on: str, parents: Sequence[str | None] = ()) -> str | None:
    """What is known of the terms of a network, in words; None where nothing is.

    Args:
        trained_on: the title of its training faces.
        parents: what is known of the networks that it was started from, cut from or taught by.
    """
    known = [text for text in parents if text is not None and text not in FREE]
    named = {name for text in (trained_on, *known) for name in research_sets(text)}
    found = [_research(tuple(name for name in RESEARCH_SETS if name in named))] if named else []
    found += dict.fromkeys(text for text in known if not research_sets(text))
    if found:
        return " ".join(found)
    parts = trained_on.lower().split(" + ")
    portraits = [PORTRAITS in part for part in parts]
    free = all(part.startswith(DRAWN) or named for part, named in zip(parts, portraits, strict=True))
    if not free or not all(text in FREE for text in parents):
        return None
    return ATTRIBUTION if any(portraits) or ATTRIBUTION in parents else SYNTHETIC


def stated_or_known(stated: str | None, trained_on: str, parents: int) -> str | None:
    """The terms on a card as they are, with those of the research-only sets that its data names and it does not.

    Args:
        stated: what the card says.
        trained_on: the title of its training faces.
        parents: how many networks it was made from, of whose terms no more is known.
    """
    if stated is None:
        return licence_of(trained_on, [None] * parents)
    hidden = set(research_sets(trained_on)) - set(research_sets(stated))
    return licence_of(trained_on, [stated]) if hidden and "research" not in stated.lower() else stated


def _research(names: Sequence[str]) -> str:
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"Made from faces of {listed}, whose terms allow research use only; not for products."
