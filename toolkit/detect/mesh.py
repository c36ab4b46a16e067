"""68 points from MediaPipe's Face Mesh, which has 478 of its own: labels for photos that nobody has labelled.

The model travels in mediapipe's wheel; nothing is downloaded. It sees each face in a close-up, and the close-up's
mirror image: the mean of both is the label, and how far they are apart says how far it can be trusted. Which mesh
points make which landmark, and the small corrections after that, are in `mesh_table`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import BOX_SCALE, Pose, crop_of_box, cut
from toolkit.core.provenance import install
from toolkit.core.quiet import no_chatter, no_tensorflow
from toolkit.core.schemes import W300_68
from toolkit.data.sample import box_of_points
from toolkit.detect.boxes import Detection, calibrate, nearest
from toolkit.detect.mesh_table import CORRECTION, MESH_INDEX

SCHEME = W300_68
EYES, FOREHEAD, CHIN = (33, 263), 10, 152
"""Mesh points that span the face's own axes: the outer eye corners, and the ends of its middle line."""
CLOSE_UP = 1.5
"""Side of the close-up over that of the landmarks' box. In wider ones the mesh may take a neighbour's face."""
CLOSE_UP_PX = 384
"""Twice what the network sees; with 256 its error was 2 % higher."""
APART = 0.06
"""Mean distance of a face's points between picture and mirror image, in eye distances, that leaves no confidence."""
CONFIDENT = 0.5
"""What labels should reach. Of 300W's AFW and Helen training faces 96 % do, with an error of 3.7 % of the eye distance;
that of the others is 6.4 %."""


@dataclass(frozen=True, kw_only=True)
class MeshFace:
    """A face's landmarks in image pixels (whole numbers at pixel centres, see core.geometry)."""

    points_xy: FloatArray
    """(68, 2) in the order of 300W."""
    uncorrected_xy: FloatArray
    """(68, 2) by the mesh points alone."""
    confidence: float
    """In [0, 1]: 1 where picture and mirror image agree, 0 where they are APART, or where one shows no face."""
    box_xyxy: FloatArray
    """(4,) tight around the points."""


class FaceMesh:
    """MediaPipe's Face Mesh with its refined eyes and lips, on still pictures; one thread at a time."""

    def __init__(self) -> None:
        """Start the network, in about a second."""
        with no_tensorflow(), no_chatter():
            try:
                from mediapipe.python.solutions import face_mesh
            except ModuleNotFoundError as error:
                message = f"Face Mesh needs mediapipe and all that it needs: {install('mediapipe')}"
                raise ModuleNotFoundError(message, name="mediapipe") from error

            self._network: Any = face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True)
            self._network.process(np.zeros((192, 192, 3), dtype=np.uint8))  # most of the chatter comes with it
        self._quiet = False

    def close(self) -> None:
        """End the network's threads, which otherwise live as long as the process."""
        self._network.close()

    def __call__(self, image: ImageArray, face: Detection) -> MeshFace | None:
        """The landmarks of a detected face; None where the mesh sees no face there, or another one.

        Args:
            image: (H, W, 3) uint8 RGB.
            face: of FaceDetector, in its pixels.
        """
        crop = crop_of_box(calibrate(face.box_xyxy), CLOSE_UP_PX, Pose(scale=BOX_SCALE / CLOSE_UP))
        picture = cut(image, crop)
        looks = [self._look(picture), self._look_mirrored(picture)]
        seen = [each for each in looks if each is not None]
        if not seen:
            return None
        plain, corrected = np.mean(seen, axis=0)
        apart = 1.0
        if len(seen) == len(looks):
            left, right = SCHEME.eyes
            eyes = np.linalg.norm(corrected[left] - corrected[right])
            apart = float(np.linalg.norm(seen[0][1] - seen[1][1], axis=1).mean() / eyes)
        points = crop.to_image(corrected)
        centre = points.mean(axis=0)
        if not ((face.box_xyxy[:2] < centre) & (centre < face.box_xyxy[2:])).all():
            return None  # the mesh took a neighbour
        return MeshFace(
            points_xy=points,
            uncorrected_xy=crop.to_image(plain),
            confidence=float(np.clip(1 - apart / APART, 0, 1)),
            box_xyxy=box_of_points(points),
        )

    def _look(self, picture: ImageArray) -> FloatArray | None:
        """Points by the mesh alone, and corrected: (2, 68, 2) in the picture's pixels."""
        if self._quiet:
            faces = self._network.process(picture).multi_face_landmarks
        else:
            with no_chatter():  # the rest of it comes with the first face
                faces = self._network.process(picture).multi_face_landmarks
        if not faces:
            return None
        self._quiet = True
        height, width = picture.shape[:2]
        mesh = np.array([(p.x, p.y, p.z) for p in faces[0].landmark]) * (width, height, width) - (0.5, 0.5, 0)
        return np.stack([landmarks_of_mesh(mesh), corrected_landmarks(mesh)])

    def _look_mirrored(self, picture: ImageArray) -> FloatArray | None:
        """The same of the mirror image, turned back."""
        found = self._look(np.asarray(cv2.flip(picture, 1), dtype=np.uint8))
        if found is None:
            return None
        return np.asarray(found[:, list(SCHEME.mirror)] * (-1, 1) + (picture.shape[1] - 1, 0))


def face_at(box_xyxy: FloatArray, faces: Iterable[MeshFace | None]) -> MeshFace | None:
    """Of the faces whose middle is in a box, the one nearest to its middle; None where there is none."""
    seen = [face for face in faces if face is not None]
    place = nearest(box_xyxy, [face.box_xyxy for face in seen])
    return None if place is None else seen[place]


def landmarks_of_mesh(mesh_xyz: FloatArray) -> FloatArray:
    """Each landmark as a mesh point, or the middle of two: (478, 3) -> (68, 2)."""
    return np.asarray(mesh_xyz[np.array(MESH_INDEX), :2].mean(axis=1))


def corrected_landmarks(mesh_xyz: FloatArray) -> FloatArray:
    """The landmarks moved to where annotators of 300W put them, (478, 3) -> (68, 2), by the head's pose."""
    size, turn, pose = head_pose(mesh_xyz)
    shift = np.array(CORRECTION) / 1000 @ pose  # (68, 2), in eye distances along the face's own axes
    return landmarks_of_mesh(mesh_xyz) + size * shift @ turn.T


def head_pose(mesh_xyz: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """How a head is held.

    Returns:
        The distance of the outer eye corners in space, in pixels; the rotation in the picture (2, 2) from the face's
        own axes to the picture's; and the factors of CORRECTION, (P,): 1, the turn to the side and the nod, each as
        the depth of a unit step to its left or down its middle line, and the square of the turn.
    """
    across = mesh_xyz[EYES[1]] - mesh_xyz[EYES[0]]
    size = float(np.linalg.norm(across))
    across = across / size
    down = mesh_xyz[CHIN] - mesh_xyz[FOREHEAD]
    down = down - (down @ across) * across
    down = down / np.linalg.norm(down)
    # The rotation nearest to both axes as they appear in the picture; `down` is a quarter turn on from `across`.
    cosine, sine = across[0] + down[1], across[1] - down[0]
    norm = float(np.hypot(cosine, sine))
    turn = np.array([[cosine, -sine], [sine, cosine]]) / norm
    return size, turn, np.array([1.0, across[2], down[2], across[2] ** 2])
