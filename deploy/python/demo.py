"""The landmarks of the face in a photo, a video or before a camera, in a window or to a file.

python demo.py MODEL.tflite [PHOTO | VIDEO | CAMERA NUMBER] [OUT.png | OUT.mp4]
"""

import sys
import time

import cv2
import numpy as np
from landmarks import Detector, Network, Tracker


def main(model, source="0", out=None):
    """Follow one face to the end of the source, or until q is pressed."""
    tracker, camera = Tracker(Detector(), Network(model)), source.isdigit()
    photo = not camera and cv2.haveImageReader(source)
    capture = cv2.VideoCapture(int(source) if camera else source)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # phones film sideways and say so
    fps = capture.get(cv2.CAP_PROP_FPS) or 30
    writer, started, frames = None, time.perf_counter(), 0
    while capture.isOpened():
        whole, image = capture.read()
        if not whole:
            break
        frames += 1
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        points = tracker.photo(rgb) if photo else tracker(rgb, time.perf_counter() if camera else frames / fps)
        for x, y in [] if points is None else np.rint(points * 16).astype(int).tolist():
            cv2.circle(image, (x, y), 32, (233, 180, 86), cv2.FILLED, cv2.LINE_AA, 4)
        if out is None:
            cv2.imshow("landmarks (q to quit)", image)
            if cv2.waitKey(1) & 0xFF == ord("q"):
                break
        elif out.endswith(".mp4"):
            writer = writer or cv2.VideoWriter(out, cv2.VideoWriter.fourcc(*"mp4v"), fps, image.shape[1::-1])
            writer.write(image)
        else:
            cv2.imwrite(out, image)
    capture.release()
    if writer is not None:
        writer.release()
    if not frames:
        sys.exit(f"nothing to see at {source}: no such camera, or not a picture or video")
    print(f"{frames} frames, {frames / (time.perf_counter() - started):.0f} a second")


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) > 1 else sys.exit(__doc__)
