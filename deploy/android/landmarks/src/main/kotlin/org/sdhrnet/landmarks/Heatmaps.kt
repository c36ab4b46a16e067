package org.sdhrnet.landmarks

import kotlin.math.ln
import kotlin.math.max
import kotlin.math.sign

/** M maps of height x width values, one after the other. */
class Heatmaps(val width: Int, val height: Int, private val values: DoubleArray) {
    val count = values.size / (width * height)

    /** Map m as its own array. */
    fun map(m: Int): DoubleArray = values.copyOfRange(m * width * height, (m + 1) * width * height)

    companion object {
        /** From a (1, height, width, M) tensor. */
        fun ofTensor(tensor: FloatArray, width: Int, height: Int, count: Int): Heatmaps {
            val pixels = width * height
            val values = DoubleArray(tensor.size) { tensor[it % pixels * count + it / pixels].toDouble() }
            return Heatmaps(width, height, values)
        }
    }
}

/** Points in crop pixels and confidences; see `heatmaps` in contract.json. */
fun decode(maps: Heatmaps, rule: Contract.HeatmapRule, decoder: String = rule.decoder): Prediction {
    require(decoder in setOf("dark", "centroid", "quarter", "argmax")) { "unknown decoder $decoder" }
    val points = DoubleArray(2 * maps.count)
    val confidence = DoubleArray(maps.count)
    for (m in 0 until maps.count) {
        val raw = maps.map(m)
        confidence[m] = raw.max().coerceIn(0.0, 1.0)
        val map = if (decoder == "dark") smooth(raw, maps.width, maps.height, rule.kernel) else raw
        val peak = map.indices.maxBy { map[it] } // the first of equal ones
        val x = peak % maps.width
        val y = peak / maps.width
        val around = around(map, maps.width, maps.height, x, y, if (decoder == "centroid") rule.radius else 1)
        val (stepX, stepY) = when (decoder) {
            "dark" -> newtonStep(around, rule.logFloor)
            "centroid" -> centroidStep(around, rule.radius, rule.massFloor)
            "quarter" -> Pair(sign(around[1][2] - around[1][0]) / 4, sign(around[2][1] - around[0][1]) / 4)
            else -> Pair(0.0, 0.0)
        }
        points[2 * m] = rule.stride * (x + stepX + 0.5) - 0.5
        points[2 * m + 1] = rule.stride * (y + stepY + 0.5) - 0.5
    }
    return Prediction(points, confidence)
}

/** The pixels as far as `radius` around one; outside the map its nearest pixel. */
private fun around(map: DoubleArray, width: Int, height: Int, x: Int, y: Int, radius: Int) =
    Array(2 * radius + 1) { j ->
        val row = (y + j - radius).coerceIn(0, height - 1)
        DoubleArray(2 * radius + 1) { i -> map[row * width + (x + i - radius).coerceIn(0, width - 1)] }
    }

/** To the centre of the squared values around the peak, within half a pixel; values below 0 count as 0. */
private fun centroidStep(around: Array<DoubleArray>, radius: Int, massFloor: Double): Pair<Double, Double> {
    var x = 0.0
    var y = 0.0
    var mass = 0.0
    for ((j, row) in around.withIndex()) {
        for ((i, value) in row.withIndex()) {
            val weight = max(value, 0.0) * max(value, 0.0)
            x += weight * (i - radius)
            y += weight * (j - radius)
            mass += weight
        }
    }
    val whole = max(mass, massFloor)
    return Pair((x / whole).coerceIn(-0.5, 0.5), (y / whole).coerceIn(-0.5, 0.5))
}

/** Smoothed along rows, then along columns, with zeros outside. */
private fun smooth(map: DoubleArray, width: Int, height: Int, kernel: DoubleArray): DoubleArray {
    val rows = convolved(map, width, height, kernel, 1, 0)
    return convolved(rows, width, height, kernel, 0, 1)
}

private fun convolved(map: DoubleArray, width: Int, height: Int, kernel: DoubleArray, dx: Int, dy: Int) =
    DoubleArray(map.size) { at ->
        val radius = kernel.size / 2
        var sum = 0.0
        for (k in -radius..radius) {
            val x = at % width + k * dx
            val y = at / width + k * dy
            if (x in 0 until width && y in 0 until height) sum += kernel[k + radius] * map[y * width + x]
        }
        sum
    }

/** -H^-1 g of the log map at its peak, within half a pixel; nothing where it is not peaked. */
private fun newtonStep(around: Array<DoubleArray>, logFloor: Double): Pair<Double, Double> {
    val log = Array(3) { j -> DoubleArray(3) { i -> ln(max(around[j][i], logFloor)) } }
    val gx = (log[1][2] - log[1][0]) / 2
    val gy = (log[2][1] - log[0][1]) / 2
    val hxx = log[1][2] + log[1][0] - 2 * log[1][1]
    val hyy = log[2][1] + log[0][1] - 2 * log[1][1]
    val hxy = (log[2][2] + log[0][0] - log[0][2] - log[2][0]) / 4
    val determinant = hxx * hyy - hxy * hxy
    if (hxx >= 0 || hyy >= 0 || determinant <= 1e-6) return Pair(0.0, 0.0)
    val x = -(hyy * gx - hxy * gy) / determinant
    val y = -(hxx * gy - hxy * gx) / determinant
    return Pair(x.coerceIn(-0.5, 0.5), y.coerceIn(-0.5, 0.5))
}
