package org.sdhrnet.landmarks

import kotlin.math.abs

/** Milliseconds by stage, of the latest frames. */
class Stopwatch(private val frames: Int = 60) {
    private val timesMs = linkedMapOf<String, ArrayDeque<Double>>()

    /** Runs a stage and keeps its time. */
    fun <T> time(stage: String, work: () -> T): T {
        val started = System.nanoTime()
        try {
            return work()
        } finally {
            val times = timesMs.getOrPut(stage) { ArrayDeque() }
            times.addLast((System.nanoTime() - started) / 1e6)
            if (times.size > frames) times.removeFirst()
        }
    }

    /** Median of each stage, in the order in which they first ran. */
    fun mediansMs(): Map<String, Double> = timesMs.mapValues { Latency.quantile(it.value.sorted(), 0.5) }
}

/** Milliseconds of one call, as a record has them. */
class Latency(timesMs: List<Double>, private val warmup: Int) {
    private val sorted = timesMs.sorted()
    val median = quantile(sorted, 0.5)
    val p90 = quantile(sorted, 0.9)
    val fields
        get() = mapOf("median" to rounded(median), "p90" to rounded(p90), "runs" to sorted.size, "warmup" to warmup)

    companion object {
        /** Linear between the two nearest of sorted values, as NumPy has it. */
        fun quantile(sorted: List<Double>, share: Double): Double {
            require(sorted.isNotEmpty()) { "no time was measured" }
            val at = share * (sorted.size - 1)
            val low = at.toInt()
            val high = (low + 1).coerceAtMost(sorted.size - 1)
            return sorted[low] + (at - low) * (sorted[high] - sorted[low])
        }
    }
}

/** Where a benchmark ran, as a record says it; `engine` names what was asked for and its version. */
class Conditions(val device: String, val engine: String, val threads: Int)

/** A golden face: the crop as the contract's model should see it, and the points that it should give. */
class GoldenFace(val crop: FloatArray, val pointsXy: DoubleArray)

/** Times a model on golden crops and says how far its points are from the expected ones. */
class Bench(private val faces: List<GoldenFace>) {
    /**
     * One record, in the form of the toolkit's own; what is not measured on a phone is null.
     *
     * Throws InterruptedException before the next call once its thread is interrupted.
     */
    fun record(
        model: Contract.Model, sizeBytes: Long, on: Conditions, landmarker: Landmarker, runs: Int, warmup: Int,
    ): Map<String, Any?> {
        fun predict(face: GoldenFace): Prediction {
            if (Thread.interrupted()) throw InterruptedException("the benchmark was left")
            return landmarker.predict(face.crop)
        }
        val moved = faces.flatMap { face -> distancesPx(predict(face).pointsXy, face.pointsXy) }
        repeat(warmup) { predict(faces[it % faces.size]) }
        val timesMs = List(runs) {
            val started = System.nanoTime()
            predict(faces[it % faces.size])
            (System.nanoTime() - started) / 1e6
        }
        return mapOf(
            "kind" to "benchmark",
            "model" to model.file,
            "file_sha256" to model.fileSha256,
            "precision" to model.precision,
            "size_bytes" to sizeBytes,
            "engine" to on.engine,
            "threads" to on.threads,
            "device" to on.device,
            "parity" to mapOf(
                "data" to "golden faces of deploy/golden, against Python's points",
                "n" to faces.size,
                "mean_px" to rounded(moved.average()),
                "worst_px" to rounded(moved.max()),
                "moved_over_1px" to rounded(moved.count { it > 1 } / moved.size.toDouble()),
            ),
            "latency_ms" to Latency(timesMs, warmup).fields,
        ) + NOT_MEASURED.associateWith { null }
    }

    companion object {
        private val NOT_MEASURED =
            listOf("data", "split", "n", "nme_mean", "nme_median", "fr10", "auc10", "seed", "commit", "versions")

        /** The golden faces of `faces.json`. */
        fun faces(json: String): List<GoldenFace> = Fields.parse(json).list("faces").map { face ->
            GoldenFace(rgb(face.text("crop_rgb")), face.numbers("crop_points_xy"))
        }

        /** Base64 of RGB bytes -> levels. */
        fun rgb(base64: String): FloatArray {
            val bytes = java.util.Base64.getDecoder().decode(base64)
            return FloatArray(bytes.size) { (bytes[it].toInt() and 255).toFloat() }
        }

        /** Of points x0, y0, ... one by one. */
        fun distancesPx(a: DoubleArray, b: DoubleArray): List<Double> =
            (a.indices step 2).map { Math.hypot(a[it] - b[it], a[it + 1] - b[it + 1]) }
    }
}

internal fun rounded(value: Double): Double = if (abs(value) < 1e9) Math.rint(value * 1e4) / 1e4 else value
