"""Networks: a Spec says what one is, build makes it. A spec needs no torch, which is imported with the names below."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.models.building import blank, build
    from toolkit.models.hrnet import HRNet
    from toolkit.models.supernet import HRSuperNet
else:
    _HOMES = {"blank": "building", "build": "building", "HRNet": "hrnet", "HRSuperNet": "supernet"}

    def __getattr__(name: str) -> object:
        """One of the names below, from its home (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module 'toolkit.models' has no attribute {name!r}; it has {', '.join(__all__)}")
        return getattr(import_module(f"toolkit.models.{_HOMES[name]}"), name)


__all__ = ["HRNet", "HRSuperNet", "blank", "build"]
