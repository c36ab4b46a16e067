"""What every platform must know to give Python's points: the terms in words and numbers, and cases to check against."""

from tools.contract.contract import contract_of
from tools.contract.golden import cases, drawn_faces, kept_faces

__all__ = ["cases", "contract_of", "drawn_faces", "kept_faces"]
