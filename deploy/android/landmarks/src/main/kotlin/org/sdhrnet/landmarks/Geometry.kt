package org.sdhrnet.landmarks

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min

/** Left, top, right, bottom in pixels: 0-based, whole numbers at pixel centres. */
data class Box(val left: Double, val top: Double, val right: Double, val bottom: Double) {
    val width get() = right - left
    val height get() = bottom - top
    val longer get() = max(width, height)
    val area get() = width * height
    val centreX get() = (left + right) / 2
    val centreY get() = (top + bottom) / 2

    /** The area that two boxes share over the smaller one's; 0 where that one has none. */
    fun shared(other: Box): Double {
        val across = max(0.0, min(right, other.right) - max(left, other.left))
        val down = max(0.0, min(bottom, other.bottom) - max(top, other.top))
        val smaller = min(area, other.area)
        return if (smaller > 0) across * down / smaller else 0.0
    }

    /** The part of it that lies in a picture. */
    fun inside(width: Int, height: Int): Double = shared(Box(-0.5, -0.5, width - 0.5, height - 0.5))

    /** Whether it still shows the face of the box before. */
    fun similar(before: Box, farthest: Double): Boolean {
        val shift = max(abs(centreX - before.centreX), abs(centreY - before.centreY))
        return longer > before.longer / farthest && longer < before.longer * farthest && shift < before.longer / 2
    }

    fun moved(x: Double, y: Double) = Box(left + x, top + y, right + x, bottom + y)

    /** The box of training for the face in this box of the detector. */
    fun calibrated(rule: Contract.DetectorRule): Box {
        val x = centreX + width * rule.shiftXy[0]
        val y = centreY + height * rule.shiftXy[1]
        val halfWidth = width * rule.scaleXy[0] / 2
        val halfHeight = height * rule.scaleXy[1] / 2
        return Box(x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight)
    }

    companion object {
        /** The tight box of points x0, y0, x1, y1, ... */
        fun around(pointsXy: DoubleArray): Box {
            val xs = pointsXy.filterIndexed { i, _ -> i % 2 == 0 }
            val ys = pointsXy.filterIndexed { i, _ -> i % 2 == 1 }
            return Box(xs.min(), ys.min(), xs.max(), ys.max())
        }
    }
}

/** The square crop around a box: image pixel p is crop pixel scale * p + offset. */
class Crop(val scale: Double, val offsetX: Double, val offsetY: Double, val sizePx: Int) {
    /** Crop points x0, y0, ... -> image points. */
    fun toImage(pointsXy: DoubleArray) = DoubleArray(pointsXy.size) {
        (pointsXy[it] - if (it % 2 == 0) offsetX else offsetY) / scale
    }

    companion object {
        /** The crop of `boxScale` times a box's longer side; throws IllegalArgumentException for one without area. */
        fun of(box: Box, sizePx: Int, boxScale: Double): Crop {
            val sides = listOf(box.width, box.height)
            require(sides.all { it.isFinite() && it >= 0 } && box.longer > 0) { "a face box needs an area, got $box" }
            val scale = sizePx / (boxScale * box.longer)
            val middle = (sizePx - 1) / 2.0
            return Crop(scale, middle - scale * box.centreX, middle - scale * box.centreY, sizePx)
        }
    }
}
