package org.sdhrnet.landmarks

import kotlin.math.abs
import kotlin.math.atan2
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sign

/** A box, and by how many degrees its crop is turned clockwise around its middle. */
data class TurnedBox(val box: Box, val rollDeg: Double)

/** A face as the detector sees it: its box, right and left eye as the person has them, its score. */
class Detection(val box: Box, val right: Xy, val left: Xy, val score: Double) {
    /** The crop of the first prediction. */
    fun place(rule: Contract.TurningRule, calibration: Contract.DetectorRule): TurnedBox {
        val rollDeg = rollOf(right, left, rule.levelDeg)
        return TurnedBox(box.calibrated(calibration, rollDeg), rollDeg)
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
        return Detection(turned, back(right), back(left), score)
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
 * highest score first, the largest face first; see `turning` in contract.json.
 */
fun facesAnyWayUp(picture: Picture, detector: Detector, quarters: List<Int>, contract: Contract): List<List<Detection>> {
    fun seenFrom(quarter: Int) =
        detector.detect(picture.turnedLeft(quarter)).map { it.turnedBack(quarter, picture.width, picture.height) }
    fun same(face: Detection, other: Detection) = face.box.shared(other.box) > contract.tracking.sameFace
    val upright = detector.detect(picture)
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
