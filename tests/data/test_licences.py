"""Terms of weights: what is known of the faces, and of the networks that they were made from."""

import pytest

from toolkit.bundle import Card
from toolkit.data.formats import FORMATS
from toolkit.data.licences import ATTRIBUTION, RESEARCH_SETS, SYNTHETIC, licence_of, research_sets

RESEARCH = "whose terms allow research use only; not for products."
OWN = "nine tenths of folder mine: 90 faces (81 faces)"
DRAWN = "synthetic faces v3, seed 0, 6000, wflw-98"


def card(train: str, licence: str | None = None, parents: int = 0) -> Card:
    """As a bundle has it."""
    data = {"train": train} | ({"licence": licence} if licence else {})
    made_from = {str(number): "0" * 64 for number in range(parents)}
    return Card(
        name="n", stage="slim", scheme="300w-68", size_px=64, sigma_px=1.0, data=data, parents=made_from
    )  # fmt: skip


@pytest.mark.parametrize(
    ("title", "sets"),
    [
        ("300W subset: AFW 337 + Helen train 870", ("300W", "AFW", "Helen")),
        ("folder aflw_pose: 1146 faces x 0.7 + YouTube Faces crops: 3179", ("AFLW", "YouTube Faces")),
        ("held-out tenth of COFW (134 faces)", ("COFW",)),
        (f"{OWN} + {DRAWN}", ()),
        ("folder mine: 3 faces, as wflw-98", ()),
        ("synthetic faces v3, seed 0, 40", ()),
    ],
)
def test_titles_name_research_sets(title: str, sets: tuple[str, ...]) -> None:
    """Whole sets and folders of their photos; a landmark scheme of the same name is none."""
    assert research_sets(title) == sets


def test_every_published_set_is_research_only() -> None:
    """Each format that belongs to a data set is told by its title; those for anybody's faces are not."""
    free = {f.name for f in FORMATS if not research_sets(f.title)}
    assert free == {"coco", "five", "frl", "pts"}


def test_nothing_is_claimed_where_nothing_is_known() -> None:
    """One's own photos have no licence that the toolkit knows; drawn faces alone have no terms."""
    assert licence_of(OWN) is None and licence_of(f"{OWN} + {DRAWN}") is None
    assert licence_of(DRAWN) == SYNTHETIC
    assert card(OWN).licence is None
    assert card(DRAWN, parents=1).licence is None, "made from a network that may have seen anything"


def test_portraits_ask_for_their_authors_names() -> None:
    """Alone, with drawn faces and through parents; with photos of unknown terms nothing is known."""
    portraits = "nine tenths of Face Research Lab portraits: 142 (128 faces)"
    assert licence_of(portraits) == licence_of(f"{portraits} + {DRAWN}", [SYNTHETIC]) == ATTRIBUTION
    assert licence_of(DRAWN, [ATTRIBUTION]) == ATTRIBUTION and "CC-BY 4.0" in ATTRIBUTION
    assert licence_of(f"{portraits} + {OWN}") is None and licence_of(portraits, [None]) is None
    assert licence_of(f"{portraits} + AFW: 3") == licence_of("AFW: 3") == licence_of("AFW: 3", [ATTRIBUTION])


@pytest.mark.parametrize("name", RESEARCH_SETS)
def test_terms_name_their_set_to_who_reads_them(name: str) -> None:
    """So that what is made from a network with these terms has them too, and so on."""
    first = licence_of("synthetic faces v3", [f"Made from faces of {name}, whose terms allow research use only."])
    assert first is not None and name in first
    second = licence_of("synthetic faces v3", [first])
    assert second == first


def test_research_data_propagates_to_what_is_derived() -> None:
    """From faces, from parents and from a teacher; sets are named once."""
    parent = licence_of("300W: AFW 337")
    assert parent == f"Made from faces of 300W and AFW, {RESEARCH}"
    assert licence_of(OWN, [parent]) == parent
    both = licence_of("WFLW: 7500 faces", [parent, SYNTHETIC, "CC-BY 4.0, by somebody"])
    assert both == f"Made from faces of 300W, AFW and WFLW, {RESEARCH} CC-BY 4.0, by somebody"
    assert licence_of(DRAWN, [SYNTHETIC]) == SYNTHETIC and licence_of(OWN, [SYNTHETIC]) is None


def test_a_card_says_what_its_data_implies() -> None:
    """Stated words stay as they are, unless they leave research-only data out."""
    assert card("300W: AFW 337").licence == f"Made from faces of 300W and AFW, {RESEARCH}"
    assert card("300W: AFW 337", "For research.").licence == "For research."
    assert card(OWN, "MIT").licence == "MIT"
    assert card("300W: AFW 337", "MIT").licence == f"Made from faces of 300W and AFW, {RESEARCH} MIT"
