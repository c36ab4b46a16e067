package org.sdhrnet.landmarks

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.max

/** One face's points over time: the One-Euro filter (Casiez et al. 2012), with speeds in face sizes a second. */
class Smoother(private val settings: Contract.OneEuro) {
    private var points: DoubleArray? = null
    private var speed = DoubleArray(0)
    private var seconds = 0.0

    /** The points of the next frame, smoothed; throws IllegalArgumentException where it is not later than the last. */
    fun smooth(pointsXy: DoubleArray, atSeconds: Double): DoubleArray {
        val before = points
        val next = if (before == null) first(pointsXy) else step(pointsXy, before, atSeconds - seconds)
        points = next
        seconds = atSeconds
        return next.copyOf()
    }

    private fun first(pointsXy: DoubleArray): DoubleArray {
        speed = DoubleArray(pointsXy.size)
        return pointsXy.copyOf()
    }

    private fun step(pointsXy: DoubleArray, before: DoubleArray, intervalS: Double): DoubleArray {
        require(intervalS > 0) { "a frame must be later than the one before, got $intervalS s" }
        val size = max(Box.around(pointsXy).longer, 1.0)
        val keep = weight(intervalS, settings.derivativeCutoffHz)
        return DoubleArray(pointsXy.size) {
            val moved = pointsXy[it] - before[it]
            speed[it] += keep * (moved / size / intervalS - speed[it])
            before[it] + weight(intervalS, settings.minCutoffHz + settings.beta * abs(speed[it])) * moved
        }
    }

    /** The new value's share in a first-order low-pass filter. */
    private fun weight(intervalS: Double, cutoffHz: Double) = 1 / (1 + 1 / (2 * PI * cutoffHz * intervalS))
}
