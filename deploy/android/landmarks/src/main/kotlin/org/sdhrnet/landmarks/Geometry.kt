package org.sdhrnet.landmarks

import kotlin.math.abs
import kotlin.math.cos
import kotlin.math.hypot
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sin

/** A place in pixels: 0-based, whole numbers at pixel centres. */
data class Xy(val x: Double, val y: Double) {
    /** It, turned clockwise on the screen around the origin. */
    fun turned(degrees: Double): Xy {
        val angle = Math.toRadians(degrees)
        return Xy(cos(angle) * x - sin(angle) * y, sin(angle) * x + cos(angle) * y)
    }
}

/** Left, top, right, bottom in pixels: 0-based, whole numbers at pixel centres. */
data class Box(val left: Double, val top: Double, val right: Double, val bottom: Double) {
    val width get() = right - left
    val height get() = bottom - top
    val longer get() = max(width, height)
    val area get() = width * height
    val centreX get() = (left + right) / 2
    val centreY get() = (top + bottom) / 2

    /** Whether it is finite, its left side left of its right one, and its top above its bottom. */
    val hasArea get() = listOf(left, top, right, bottom).all { it.isFinite() } && left < right && top < bottom

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

    /** Whether it lies where the box before did: its centre and half its longer side, by a part of that one's longer side. */
    fun settled(before: Box, part: Double): Boolean {
        val shift = max(abs(centreX - before.centreX), abs(centreY - before.centreY))
        return max(shift, abs(longer - before.longer) / 2) <= part * before.longer
    }

    fun moved(x: Double, y: Double) = Box(left + x, top + y, right + x, bottom + y)

    /** The box of training, before it is turned by a roll, for the face in this box of the detector. */
    fun calibrated(rule: Contract.DetectorRule, rollDeg: Double): Box {
        val shift = Xy(width * rule.shiftXy[0], height * rule.shiftXy[1]).turned(rollDeg)
        val x = centreX + shift.x
        val y = centreY + shift.y
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

/** The square crop around a box: image pixel p is crop pixel [[a, -b], [b, a]] p + offset. */
class Crop(val a: Double, val b: Double, val offsetX: Double, val offsetY: Double, val sizePx: Int) {
    /** Crop pixels for an image pixel. */
    val scale get() = hypot(a, b)

    /** Crop points x0, y0, ... -> image points. */
    fun toImage(pointsXy: DoubleArray): DoubleArray {
        val square = a * a + b * b
        return DoubleArray(pointsXy.size) {
            val u = pointsXy[it / 2 * 2] - offsetX
            val v = pointsXy[it / 2 * 2 + 1] - offsetY
            (if (it % 2 == 0) a * u + b * v else a * v - b * u) / square
        }
    }

    /** The same for the picture shrunk to blocks of so many pixels, whose first block begins at an image pixel. */
    fun ofBlocks(block: Int, left: Int, top: Int): Crop {
        // Block s has its centre at image pixel left + s * block + (block - 1) / 2.
        val x = left + (block - 1) / 2.0
        val y = top + (block - 1) / 2.0
        return Crop(a * block, b * block, a * x - b * y + offsetX, b * x + a * y + offsetY, sizePx)
    }

    companion object {
        /**
         * The crop of `boxScale` times a box's longer side, turned clockwise by `rollDeg`.
         *
         * Throws IllegalArgumentException for a box without area.
         */
        fun of(box: Box, sizePx: Int, boxScale: Double, rollDeg: Double): Crop {
            val sides = listOf(box.width, box.height)
            require(sides.all { it.isFinite() && it >= 0 } && box.longer > 0) { "a face box needs an area, got $box" }
            val (a, b) = Xy(sizePx / (boxScale * box.longer), 0.0).turned(-rollDeg)
            val x = a * box.centreX - b * box.centreY
            val y = b * box.centreX + a * box.centreY
            val middle = (sizePx - 1) / 2.0
            return Crop(a, b, middle - x, middle - y, sizePx)
        }
    }
}
