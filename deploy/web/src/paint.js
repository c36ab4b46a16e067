/** Pictures on a canvas that is used again. */

/** A picture over black, as Python lays transparent ones: nothing of the picture before it shines through. */
export function paint(context, bitmap) {
  context.fillStyle = "black";
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
}
