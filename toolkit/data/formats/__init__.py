"""The ways in which labelled faces lie on disk: one module each. A new one is written and put into FORMATS."""

from pathlib import Path

from toolkit.data.formats import coco, cofw, five, frl, masked300w, private300w, pts, w300, wflw, ytf
from toolkit.data.formats.gather import Format, Split, shown

FORMATS: tuple[Format, ...] = (
    masked300w.FORMAT,  # before 300W, whose layout it has under another name
    w300.FORMAT,
    private300w.FORMAT,
    wflw.FORMAT,
    cofw.FORMAT,
    ytf.FORMAT,
    five.FORMAT,
    frl.FORMAT,
    coco.FORMAT,
    pts.FORMAT,
)
"""In the order in which a folder is tried."""


def detect(root: Path) -> Format:
    """The first format that the folder (or file) looks like.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: it looks like none; its notes say what was looked for.
    """
    if not root.exists():
        raise FileNotFoundError(f"no folder at {shown(root)}")
    for format_ in FORMATS:
        if format_.recognises(root):
            return format_
    error = ValueError(f"no labelled faces of a known format in {shown(root)}; looked for")
    for format_ in FORMATS:
        error.add_note(f"  {format_.title}: {format_.layout}")
    raise error


def by_name(name: str) -> Format:
    """The format of that name.

    Raises:
        ValueError: the name is none; the message lists them.
    """
    known = {format_.name: format_ for format_ in FORMATS}
    if name not in known:
        raise ValueError(f"unknown format {name!r}; known: {', '.join(known)}")
    return known[name]


__all__ = ["FORMATS", "Format", "Split", "by_name", "detect"]
