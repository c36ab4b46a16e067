"""The reference that converted files are compared with: the bundle's own network, unfolded, and core.heatmap."""

import numpy as np
import torch

from toolkit.bundle import Bundle
from toolkit.core import heatmap
from toolkit.core.arrays import ImageArray
from toolkit.core.schemes import Scheme
from toolkit.runtime.landmarker import Prediction
from toolkit.runtime.tensors import check_crop


class TorchLandmarker:
    """A bundle on torch, on the CPU."""

    timed = True
    engine = f"torch {torch.__version__}"

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._net = bundle.network()
        self._mean = torch.tensor(bundle.card.mean).view(3, 1, 1)
        self._std = torch.tensor(bundle.card.std).view(3, 1, 1)

    @property
    def scheme(self) -> Scheme:
        return self._bundle.scheme

    @property
    def size_px(self) -> int:
        return self._bundle.card.size_px

    def heatmaps(self, crop: ImageArray) -> heatmap.Heatmaps:
        """(M, h, w) of one crop."""
        check_crop(crop, self.size_px)
        image = torch.from_numpy(np.ascontiguousarray(crop)).permute(2, 0, 1).float() / 255
        with torch.inference_mode():
            maps: heatmap.Heatmaps = self._net(((image - self._mean) / self._std)[None])[0].numpy()
        return maps

    def __call__(self, crop: ImageArray) -> Prediction:
        card = self._bundle.card
        points_xy, confidence = heatmap.decode(self.heatmaps(crop), card.decoder, card.sigma_px)
        return Prediction(points_xy=points_xy, confidence=confidence)
