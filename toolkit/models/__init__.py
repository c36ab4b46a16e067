"""Networks: a Spec says what one is, build makes it."""

from toolkit.models.hrnet import HRNet
from toolkit.models.spec import HRNetSpec, Spec
from toolkit.models.supernet import HRSuperNet


def build(spec: Spec) -> HRNet | HRSuperNet:
    """The network of a spec, with fresh weights drawn from torch's global generator."""
    return HRNet(spec) if isinstance(spec, HRNetSpec) else HRSuperNet(spec)


__all__ = ["HRNet", "HRSuperNet", "build"]
