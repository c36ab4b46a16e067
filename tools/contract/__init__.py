"""What every platform must know to give Python's points: the terms in words and numbers, and cases to check against."""

from tools.contract.golden import cases, drawn_faces, kept_faces
from tools.contract.terms import detector_file, terms

__all__ = ["cases", "detector_file", "drawn_faces", "kept_faces", "terms"]
