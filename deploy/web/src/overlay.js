/** Landmarks over a picture: the lines of their scheme and a dot each, as in toolkit/core/draw.py. */

import contract from "../../contract.json";

const rgb = (colour) => `rgb(${colour.map(Math.round).join(" ")})`;
const mix = (style, confidence) => {
  const share = Math.min(Math.max(confidence / style.sure_from, 0), 1);
  return style.unsure.map((from, i) => from + (style.sure[i] - from) * share);
};

/** Draw one face's `{points, confidence, sure}`, in the canvas's own pixels, by the `lines` of its scheme. */
export function drawFace(context, { points, confidence, sure }, { lines: joined }) {
  const style = sure ? contract.drawing.style : contract.drawing.doubtful;
  const at = (i) => [points[2 * i] + 0.5, points[2 * i + 1] + 0.5]; // a canvas counts from the corner of its first pixel
  const [xs, ys] = [points.filter((_, i) => i % 2 === 0), points.filter((_, i) => i % 2 === 1)];
  const size = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const stroke = Math.max(1, style.stroke * size);
  const radius = Math.max(1, style.dot * size);
  const lines = new Path2D();
  for (const { indices, closed } of joined) {
    indices.forEach((index, i) => lines[i === 0 ? "moveTo" : "lineTo"](...at(index)));
    if (closed) lines.closePath();
  }
  context.lineJoin = context.lineCap = "round";
  for (const [width, colour] of [[stroke + Math.max(style.line_edge_px, stroke), style.edge], [stroke, style.line]]) {
    context.lineWidth = width;
    context.strokeStyle = rgb(colour);
    context.stroke(lines);
  }
  for (let i = 0; i < confidence.length; i++) {
    dot(context, at(i), radius + Math.max(style.dot_edge_px, radius / 3), rgb(style.edge));
    dot(context, at(i), radius, rgb(mix(style, confidence[i])));
  }
}

function dot(context, [x, y], radius, colour) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}
