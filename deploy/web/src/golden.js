/** The contract's golden faces: how far a model's points are from those that Python found in the same pictures. */

import { cropOfBox, cut } from "./geometry.js";

/** A face of golden/faces.json with its picture, which can be cropped to any size. */
export function goldenFace({ name, box_xyxy: box, roll_deg: roll, crop_points_xy: points }, picture, boxScale) {
  return { name, expected: points.flat(), crop: (sizePx) => cut(picture, cropOfBox(box, sizePx, boxScale, roll)) };
}

/** Whether a model is another file of the network whose points the golden faces carry. */
export function comparable(about, model) {
  return about.source_bundle === model.source_bundle && about.size_px === model.size_px;
}

/** Distances in crop pixels over all faces' points, in the words of a sidecar's `parity`. */
export async function parity(landmarker, faces) {
  const distances = [];
  for (const { crop, expected } of faces) {
    const { points } = await landmarker.run(crop(landmarker.sizePx));
    for (let i = 0; i < points.length; i += 2) {
      distances.push(Math.hypot(points[i] - expected[i], points[i + 1] - expected[i + 1]));
    }
  }
  return {
    data: "golden faces of deploy/golden, against Python's points",
    n: faces.length,
    mean_px: distances.reduce((sum, d) => sum + d, 0) / distances.length,
    worst_px: Math.max(...distances),
    moved_over_1px: distances.filter((d) => d > 1).length / distances.length,
  };
}
