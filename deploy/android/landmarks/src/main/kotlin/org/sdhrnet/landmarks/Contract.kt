package org.sdhrnet.landmarks

import kotlin.math.max

/** What `contract.json` says. No number of it is typed anywhere in this app. */
class Contract private constructor(private val terms: Fields) {
    val model = Model(terms.at("model"))
    val models: List<Model> = terms.list("models").map { Model(it) }
    val sizePx: Int = terms.at("model").int("size_px")
    val points: Int = terms.at("model").int("points")
    val scheme: String = terms.at("model").text("scheme")
    val boxScale: Double = terms.at("crop").number("box_scale")
    val heatmaps = HeatmapRule(terms.at("heatmaps"))
    val detector = DetectorRule(terms.at("detector"))
    val turning = TurningRule(terms.at("turning"))
    val tracking = TrackingRule(terms.at("tracking"))
    val smoothing = OneEuro(terms.at("smoothing"))
    val lines: List<Line> = terms.at("drawing").list("lines").map { Line(it) }
    val style = Style(terms.at("drawing").at("style"))

    /** A converted file. */
    class Model(terms: Fields) {
        val file: String = terms.text("file")
        val fileSha256: String = terms.text("file_sha256")
        val precision: String = terms.text("precision")
        val output: String = terms.text("output")
    }

    /** How heatmaps become points, where a model gives heatmaps. */
    class HeatmapRule(terms: Fields) {
        val decoder: String = terms.text("decoder")
        val kernel: DoubleArray = terms.numbers("kernel")
        val logFloor: Double = terms.number("log_floor")
        val radius: Int = terms.int("radius")
        val massFloor: Double = terms.number("mass_floor")
        val stride: Int = terms.int("stride")
    }

    /** MediaPipe's detector, and from its box and keypoints to the box of training. */
    class DetectorRule(terms: Fields) {
        val file: String = terms.text("file")
        val minScore: Double = terms.number("min_score")
        val shiftXy: DoubleArray = terms.at("calibration").numbers("shift_xy")
        val scaleXy: DoubleArray = terms.at("calibration").numbers("scale_xy")
        val firstCrop: List<DoubleArray> = terms.at("first_crop").rows("weights")
    }

    /** How crops turn with faces. */
    class TurningRule(terms: Fields) {
        val levelDeg: Double = terms.number("level_deg")
        val clear: Double = terms.number("clear")
        val quarters: List<Int> = terms.numbers("quarters").map { it.toInt() }
        val eyes: IntArray = terms.numbers("eyes").map { it.toInt() }.toIntArray()
    }

    /** When faces are looked for, and when one is lost. */
    class TrackingRule(terms: Fields) {
        val faces: Int = terms.int("faces")
        val passes: Int = terms.int("passes")
        val settled: Double = terms.number("settled")
        val lookAgainS: Double = terms.number("look_again_s")
        val rememberS: Double = terms.number("remember_s")
        val minConfidence: Double = terms.number("min_confidence")
        val minInside: Double = terms.number("min_inside")
        val farthest: Double = terms.number("farthest")
        val largest: Double = terms.number("largest")
        val leeway: Double = terms.number("leeway")
        val aheadS: Double = terms.number("ahead_s")
        val sameFace: Double = terms.number("same_face")
        val sameTrack: Double = terms.number("same_track")
    }

    /** The One-Euro filter's settings. */
    class OneEuro(terms: Fields) {
        val minCutoffHz: Double = terms.number("min_cutoff_hz")
        val beta: Double = terms.number("beta")
        val derivativeCutoffHz: Double = terms.number("derivative_cutoff_hz")
    }

    /** A polyline of landmark indices; closed ones return to their first point. */
    class Line(terms: Fields) {
        val indices: IntArray = terms.numbers("indices").map { it.toInt() }.toIntArray()
        val closed: Boolean = terms.flag("closed")
    }

    /** Colours as RGB, widths over the longer side of the face; see `drawing` in contract.json. */
    class Style(terms: Fields) {
        val sure: IntArray = terms.colour("sure")
        val unsure: IntArray = terms.colour("unsure")
        val line: IntArray = terms.colour("line")
        val edge: IntArray = terms.colour("edge")
        private val sureFrom: Double = terms.number("sure_from")
        private val dot: Double = terms.number("dot")
        private val stroke: Double = terms.number("stroke")
        private val lineEdgePx: Double = terms.number("line_edge_px")
        private val dotEdgePx: Double = terms.number("dot_edge_px")

        /** The colour of a dot of some confidence. */
        fun dotColour(confidence: Double): IntArray =
            (confidence / sureFrom).coerceIn(0.0, 1.0).let { share ->
                IntArray(3) { (unsure[it] + (sure[it] - unsure[it]) * share).toInt() }
            }

        /** How wide lines are on a face whose longer side is so long, and the edges under them. */
        fun lineWidths(facePx: Double): Pair<Double, Double> =
            max(1.0, stroke * facePx).let { Pair(it, it + max(lineEdgePx, it)) }

        /** The radius of dots on such a face, and that of the edges under them. */
        fun dotRadii(facePx: Double): Pair<Double, Double> =
            max(1.0, dot * facePx).let { Pair(it, it + max(dotEdgePx, it / 3)) }
    }

    companion object {
        /** The newest format that this code reads. */
        const val FORMAT = 2

        /** Reads `contract.json`; throws IllegalArgumentException where it is newer, incomplete or of another input. */
        fun parse(text: String): Contract {
            val terms = Fields.parse(text)
            val format = terms.int("format")
            require(format <= FORMAT) { "contract.json has format $format, this app reads up to $FORMAT: update it" }
            val input = terms.at("input")
            require(listOf("layout", "dtype", "colours").map { input.text(it) } == listOf("NHWC", "float32", "RGB")) {
                "this app feeds NHWC float32 RGB; make the contract from a .tflite file: python -m tools contract --model ..."
            }
            return Contract(terms)
        }
    }
}

/** A JSON object whose members are asked for by name and kind; what is missing is named. */
class Fields(private val members: Map<*, *>) {
    fun at(name: String) = Fields(get(name))
    fun list(name: String): List<Fields> = get<List<*>>(name).map { Fields(it as Map<*, *>) }
    fun number(name: String): Double = get(name)
    fun int(name: String): Int = number(name).toInt()
    fun text(name: String): String = get(name)
    fun flag(name: String): Boolean = get(name)
    fun numbers(name: String): DoubleArray = flat(get<List<*>>(name)).toDoubleArray()
    fun rows(name: String): List<DoubleArray> = get<List<*>>(name).map { flat(it as List<*>).toDoubleArray() }
    fun colour(name: String): IntArray = numbers(name).map { it.toInt() }.toIntArray()

    private inline fun <reified T> get(name: String): T =
        members[name] as? T ?: throw IllegalArgumentException("expected a ${T::class.simpleName} named \"$name\"")

    private fun flat(values: List<*>): List<Double> =
        values.flatMap { if (it is List<*>) flat(it) else listOf(it as Double) }

    companion object {
        fun parse(text: String): Fields {
            val value = Json.parse(text)
            require(value is Map<*, *>) { "expected a JSON object" }
            return Fields(value)
        }
    }
}
