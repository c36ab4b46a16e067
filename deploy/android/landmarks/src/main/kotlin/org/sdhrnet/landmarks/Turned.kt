package org.sdhrnet.landmarks

import kotlin.math.abs
import kotlin.math.atan2
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sign
import kotlin.math.sqrt

/** A box, and by how many degrees its crop is turned clockwise around its middle. */
data class TurnedBox(val box: Box, val rollDeg: Double)

/** A face as the detector sees it: its box, its keypoints, right and left eye first as the person has them, its score. */
class Detection(val box: Box, val keypoints: List<Xy>, val score: Double) {
    /** Whether its box has an area, and all of it is finite. */
    val isWhole get() = box.hasArea && keypoints.all { it.x.isFinite() && it.y.isFinite() }

    /** The crop of the first prediction, by the keypoints or, where they are odd, by the box. */
    fun place(contract: Contract): TurnedBox {
        val rollDeg = rollOf(keypoints[0], keypoints[1], contract.turning.levelDeg)
        val plain = box.calibrated(contract.detector, rollDeg)
        val found = boxByKeypoints(contract.detector.firstCrop, rollDeg)
        val fits = found != null && found.hasArea && found.similar(plain, contract.tracking.farthest)
        return TurnedBox(if (fits) found else plain, rollDeg)
    }

    /** Null where there are not the keypoints that the weights are for. */
    private fun boxByKeypoints(weights: List<DoubleArray>, rollDeg: Double): Box? {
        if (weights.size != 2 * keypoints.size + 1) return null
        val x = keypoints.map { it.x }.average()
        val y = keypoints.map { it.y }.average()
        val upright = keypoints.map { Xy(it.x - x, it.y - y).turned(-rollDeg) }
        val spread = sqrt(upright.map { it.x * it.x + it.y * it.y }.average())
        val described = upright.flatMap { listOf(it.x / spread, it.y / spread) } + 1.0
        val place = DoubleArray(4) { column -> spread * described.indices.sumOf { described[it] * weights[it][column] } }
        val shift = Xy(place[0], place[1]).turned(rollDeg)
        val halfX = place[2] / 2
        val halfY = place[3] / 2
        return Box(x + shift.x - halfX, y + shift.y - halfY, x + shift.x + halfX, y + shift.y + halfY)
    }

    /** A face of a picture after so many quarter turns to the left, in the picture of that size as it is. */
    fun turnedBack(quarter: Int, width: Int, height: Int): Detection {
        fun back(at: Xy) = when (quarter) {
            1 -> Xy(width - 1 - at.y, at.x)
            2 -> Xy(width - 1 - at.x, height - 1 - at.y)
            3 -> Xy(at.y, height - 1 - at.x)
            else -> at
        }
        val a = back(Xy(box.left, box.top))
        val b = back(Xy(box.right, box.bottom))
        val turned = Box(min(a.x, b.x), min(a.y, b.y), max(a.x, b.x), max(a.y, b.y))
        return Detection(turned, keypoints.map(::back), score)
    }
}

/** Finds faces in a whole picture, the largest first. */
fun interface Detector {
    fun detect(picture: Picture): List<Detection>
}

/** By how many degrees a crop is turned, clockwise, for eyes at two places: 0 for a level face, and nowhere a jump. */
fun rollOf(right: Xy, left: Xy, levelDeg: Double): Double {
    val roll = (Math.toDegrees(atan2(left.y - right.y, left.x - right.x)) + 180) % 360 - 180
    return sign(roll) * min(abs(roll), 2 * max(abs(roll) - levelDeg, 0.0))
}

/** The crop of a face's points x0, y0, ... */
fun placeAround(pointsXy: DoubleArray, eyes: IntArray, levelDeg: Double): TurnedBox {
    val points = List(pointsXy.size / 2) { Xy(pointsXy[2 * it], pointsXy[2 * it + 1]) }
    val rollDeg = rollOf(points[eyes[0]], points[eyes[1]], levelDeg)
    if (rollDeg == 0.0) return TurnedBox(Box.around(pointsXy), rollDeg)
    val upright = Box.around(points.flatMap { point -> point.turned(-rollDeg).let { listOf(it.x, it.y) } }.toDoubleArray())
    val centre = Xy(upright.centreX, upright.centreY).turned(rollDeg)
    return TurnedBox(upright.moved(centre.x - upright.centreX, centre.y - upright.centreY), rollDeg)
}

/**
 * What the detector sees in a picture or, where that is nothing, after some quarter turns: a list of views a face, the
 * highest score first, the largest face first; what is not whole is no face; see `turning` in contract.json.
 */
fun facesAnyWayUp(picture: Picture, detector: Detector, quarters: List<Int>, contract: Contract): List<List<Detection>> {
    fun seenFrom(quarter: Int) = detector.detect(picture.turnedLeft(quarter)).filter { it.isWhole }
        .map { it.turnedBack(quarter, picture.width, picture.height) }
    fun same(face: Detection, other: Detection) = face.box.shared(other.box) > contract.tracking.sameFace
    val upright = seenFrom(0)
    val tried = if (upright.isEmpty()) quarters else emptyList()
    var seen = upright + tried.flatMap(::seenFrom)
    if (seen.any { it.score < contract.turning.clear }) {
        seen = seen + (contract.turning.quarters - tried.toSet()).flatMap(::seenFrom)
    }
    val faces = mutableListOf<MutableList<Detection>>()
    for (face in seen.sortedByDescending { it.score }) {
        val known = faces.find { same(face, it[0]) }
        if (known != null) known += face
        else if (upright.isEmpty() || upright.any { same(face, it) }) faces += mutableListOf(face)
    }
    return faces.sortedByDescending { it[0].box.area }
}
