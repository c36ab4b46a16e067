package org.sdhrnet.landmarks

import kotlin.math.hypot
import kotlin.math.max
import kotlin.math.min

/** A model on an engine: a crop's RGB values, 0..255, in; its landmarks, in crop pixels, out. */
fun interface Landmarker {
    fun predict(crop: FloatArray): Prediction
}

/** One face of a frame, in its pixels, and its crop; `number` stays the same from frame to frame. */
class TrackedFace(val number: Int, val pointsXy: DoubleArray, val confidence: DoubleArray, val crop: TurnedBox)

/** Faces over frames: found once, then followed by their own landmarks; see `tracking` in contract.json. */
class Tracker(
    private val contract: Contract,
    private val detector: Detector,
    private val landmarker: Landmarker,
    private val watch: Stopwatch = Stopwatch(),
    private val smoothed: Boolean = true,
    private val eyes: IntArray = contract.turning.eyes,
) {
    private val rule = contract.tracking
    private var tracks = listOf<Track>()
    private var lost = listOf<Track>()
    private var lastS = Double.NEGATIVE_INFINITY
    private var lookedS = Double.NEGATIVE_INFINITY
    private var numbers = 0
    private var quartersTried = 0

    private class Track(val number: Int, val smoother: Smoother?, var seen: Seen, var seconds: Double) {
        /** Of the box, in pixels a second. */
        var speed = Pair(0.0, 0.0)

        /** Where its box is so many seconds later, at that speed. */
        fun ahead(seconds: Double) = seen.box.moved(speed.first * seconds, speed.second * seconds)
    }

    /** What one prediction gave: the landmarks in the picture, its crop, and the crop of its points. */
    private class Seen(val found: Prediction, val crop: TurnedBox, val around: TurnedBox) {
        val box get() = around.box
    }

    /** The faces of the next frame, by number; throws IllegalArgumentException where it is not later than the last. */
    fun next(picture: Picture, seconds: Double): List<TrackedFace> {
        require(seconds > lastS) { "a frame at $seconds s cannot follow one at $lastS s" }
        lastS = seconds
        val kept = distinct(tracks.filter { follow(it, picture, seconds) })
        lost = (lost + (tracks - kept.toSet())).filter { seconds - it.seconds <= rule.rememberS }
        tracks = kept
        if (shouldLook(seconds)) {
            lookedS = seconds
            look(picture, seconds)
        }
        return tracks.sortedBy { it.number }.map { face(it) }
    }

    private fun follow(track: Track, picture: Picture, seconds: Double): Boolean {
        val elapsed = seconds - track.seconds
        val seen = predict(picture, TurnedBox(track.ahead(min(elapsed, rule.aheadS)), track.seen.around.rollDeg))
        if (!isFace(seen, picture)) return false
        val (x, y) = shift(track.seen.box, seen.box)
        track.speed = Pair(x / elapsed, y / elapsed)
        track.seen = seen
        track.seconds = seconds
        return true
    }

    /** How far the centre of a box has moved, less the part that may be trembling. */
    private fun shift(before: Box, box: Box): Pair<Double, Double> {
        val x = box.centreX - before.centreX
        val y = box.centreY - before.centreY
        val length = hypot(x, y)
        val part = if (length > 0) max(0.0, 1 - rule.leeway * box.longer / length) else 0.0
        return Pair(x * part, y * part)
    }

    private fun isFace(seen: Seen, picture: Picture) = seen.found.meanConfidence >= rule.minConfidence &&
        seen.box.inside(picture.width, picture.height) >= rule.minInside &&
        seen.box.longer < rule.largest * max(picture.width, picture.height) &&
        seen.box.similar(seen.crop.box, rule.farthest)

    private fun shouldLook(seconds: Double) =
        tracks.size < rule.faces && (tracks.isEmpty() || lost.isNotEmpty() || seconds - lookedS >= rule.lookAgainS)

    /** Begins a track for every face that is not followed yet. */
    private fun look(picture: Picture, seconds: Double) {
        val quarters = nextQuarter()
        for (views in watch.time("detect") { facesAnyWayUp(picture, detector, quarters, contract) }) {
            val box = views[0].box.calibrated(contract.detector, 0.0)
            if (tracks.size >= rule.faces || at(box, tracks) != null) continue
            val looks = views.map { settle(picture, it.place(contract)) }
            val seen = looks.maxBy { it.found.meanConfidence }
            if (!isFace(seen, picture) || at(seen.box, tracks) != null) continue
            val smoother = if (smoothed) Smoother(contract.smoothing) else null
            tracks = tracks + Track(number(seen.box, seconds), smoother, seen, seconds)
        }
    }

    /** Where no face is followed, one of the picture's other sides, another one each time. */
    private fun nextQuarter(): List<Int> {
        if (tracks.isNotEmpty()) return emptyList()
        return listOf(contract.turning.quarters[quartersTried++ % contract.turning.quarters.size])
    }

    /** The first predictions of a face: each after the first crops around the points of the one before. */
    private fun settle(picture: Picture, place: TurnedBox): Seen {
        var seen = predict(picture, place)
        repeat(rule.passes - 1) {
            if (seen.box.settled(seen.crop.box, rule.settled)) return seen
            if (!seen.box.similar(seen.crop.box, rule.farthest)) return seen
            seen = predict(picture, seen.around)
        }
        return seen
    }

    private fun predict(picture: Picture, place: TurnedBox): Seen {
        val crop = Crop.of(place.box, contract.sizePx, contract.boxScale, place.rollDeg)
        val pixels = watch.time("crop") { picture.cut(crop) }
        val found = watch.time("network") { landmarker.predict(pixels) }
        val points = crop.toImage(found.pointsXy)
        val around = placeAround(points, eyes, contract.turning.levelDeg)
        return Seen(Prediction(points, found.confidence), place, around)
    }

    private fun at(box: Box, among: List<Track>) = among.find { it.seen.box.shared(box) > rule.sameFace }

    private fun number(box: Box, seconds: Double): Int {
        val again = lost.find { mayBeAt(it, box, seconds) } ?: return ++numbers
        lost = lost - again
        return again.number
    }

    /** Whether a lost face can be there: where it was, or where it was going. */
    private fun mayBeAt(lost: Track, box: Box, seconds: Double) =
        listOf(lost.seen.box, lost.ahead(seconds - lost.seconds)).any { it.shared(box) > rule.sameFace }

    /** Those that follow a face of their own: of two on one face, the surer one. */
    private fun distinct(found: List<Track>): List<Track> {
        val kept = mutableListOf<Track>()
        for (track in found.sortedByDescending { it.seen.found.meanConfidence }) {
            if (kept.all { it.seen.box.shared(track.seen.box) <= rule.sameTrack }) kept += track
        }
        return kept
    }

    private fun face(track: Track): TrackedFace {
        val seen = track.seen
        val points = track.smoother?.let { watch.time("smooth") { it.smooth(seen.found.pointsXy, track.seconds) } }
        return TrackedFace(track.number, points ?: seen.found.pointsXy, seen.found.confidence, seen.crop)
    }
}
