"""A scheme of one's own for tests: seven points that no known scheme has all of."""

import json
from pathlib import Path

NAMES = ["right eye", "left eye", "nose", "right corner", "left corner", "right ear", "left ear"]
PICKED = [[36], [45], [30], [48], [54], [], []]
"""Of the 68 points; the ears are none of them."""


def scheme_file(path: Path, name: str, *, mapped: bool = False) -> Path:
    """A file of the seven points, by their names alone or with those of the 68 that they are."""
    path.write_text(
        json.dumps(
            {
                **{"name": name, "title": "seven points", "names": NAMES, "eyes": [0, 1]},
                **({"of": "300w-68", "points": PICKED} if mapped else {}),
                "mirror_pairs": [[0, 1], [3, 4], [5, 6]],
                "regions": {"eyes": [0, 1], "mouth": [3, 4]},
                "lines": [[3, 2, 4, 3], [5, 0]],
            }
        )
    )
    return path
