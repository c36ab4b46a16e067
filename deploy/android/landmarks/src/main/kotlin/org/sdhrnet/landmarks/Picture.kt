package org.sdhrnet.landmarks

import kotlin.math.ceil
import kotlin.math.floor

/** Pixels as 0xAARRGGBB, row after row: what Bitmap.getPixels gives. */
class Picture(val width: Int, val height: Int, val argb: IntArray) {
    init {
        require(width > 0 && height > 0 && argb.size == width * height) { "${argb.size} pixels, not $width x $height" }
    }

    /** The crop's pixels as RGB, 0..255, row after row, as training cut them: see `crop` in contract.json. */
    fun cut(crop: Crop): FloatArray {
        val block = if (crop.scale < 1) (1 / crop.scale).toInt() else 1
        return if (block > 1) shrunk(crop, block) else sampled(crop, argb, width, height)
    }

    /** It after so many quarter turns to the left. */
    fun turnedLeft(quarter: Int): Picture {
        if (quarter == 0) return this
        val (wide, high) = if (quarter == 2) Pair(width, height) else Pair(height, width)
        val turned = IntArray(argb.size) {
            val x = it % wide
            val y = it / wide
            when (quarter) {
                1 -> argb[x * width + width - 1 - y]
                2 -> argb[argb.size - 1 - it]
                else -> argb[(height - 1 - x) * width + y]
            }
        }
        return Picture(wide, high, turned)
    }

    private fun shrunk(crop: Crop, block: Int): FloatArray {
        val columns = ceilDiv(width, block)
        val rows = ceilDiv(height, block)
        // Only the blocks under the crop, and one around them for the sampling.
        val far = crop.sizePx - 0.5
        val under = Box.around(crop.toImage(doubleArrayOf(-0.5, -0.5, far, -0.5, -0.5, far, far, far)))
        val left = (floor(under.left / block).toInt() - 1).coerceIn(0, columns - 1)
        val top = (floor(under.top / block).toInt() - 1).coerceIn(0, rows - 1)
        val right = (ceil(under.right / block).toInt() + 2).coerceIn(left + 1, columns)
        val bottom = (ceil(under.bottom / block).toInt() + 2).coerceIn(top + 1, rows)
        val means = IntArray((right - left) * (bottom - top))
        var at = 0
        for (row in top until bottom) {
            for (column in left until right) means[at++] = mean(column * block, row * block, block)
        }
        return sampled(crop.ofBlocks(block, left * block, top * block), means, right - left, bottom - top)
    }

    /** The mean colour of a block whose pixels beyond the edge repeat it. */
    private fun mean(left: Int, top: Int, block: Int): Int {
        var red = 0
        var green = 0
        var blue = 0
        for (y in top until top + block) {
            val row = y.coerceAtMost(height - 1) * width
            for (x in left until left + block) {
                val pixel = argb[row + x.coerceAtMost(width - 1)]
                red += pixel shr 16 and 255
                green += pixel shr 8 and 255
                blue += pixel and 255
            }
        }
        val count = block * block
        return (rounded(red, count) shl 16) or (rounded(green, count) shl 8) or rounded(blue, count)
    }

    private companion object {
        fun ceilDiv(a: Int, b: Int) = (a + b - 1) / b

        fun rounded(sum: Int, count: Int) = (sum + count / 2) / count

        /** Bilinear samples, rounded to whole levels; outside, the edge is repeated. */
        fun sampled(crop: Crop, pixels: IntArray, width: Int, height: Int): FloatArray {
            val out = FloatArray(crop.sizePx * crop.sizePx * 3)
            val square = crop.a * crop.a + crop.b * crop.b
            var at = 0
            for (v in 0 until crop.sizePx) {
                for (u in 0 until crop.sizePx) {
                    val across = u - crop.offsetX
                    val down = v - crop.offsetY
                    val x = ((crop.a * across + crop.b * down) / square).coerceIn(0.0, width - 1.0)
                    val y = ((crop.a * down - crop.b * across) / square).coerceIn(0.0, height - 1.0)
                    val top = y.toInt()
                    val upper = top * width
                    val lower = (top + 1).coerceAtMost(height - 1) * width
                    val left = x.toInt()
                    val right = (left + 1).coerceAtMost(width - 1)
                    val a = x - left
                    val b = y - top
                    for (shift in 16 downTo 0 step 8) { // red, green, blue
                        val above = mixed(pixels[upper + left], pixels[upper + right], shift, a)
                        val below = mixed(pixels[lower + left], pixels[lower + right], shift, a)
                        out[at++] = floor(above * (1 - b) + below * b + 0.5).toFloat()
                    }
                }
            }
            return out
        }

        fun mixed(left: Int, right: Int, shift: Int, share: Double) =
            (left shr shift and 255) * (1 - share) + (right shr shift and 255) * share
    }
}
