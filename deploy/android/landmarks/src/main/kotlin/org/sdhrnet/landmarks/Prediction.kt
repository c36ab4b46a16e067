package org.sdhrnet.landmarks

/** The landmarks of one crop or picture: points x0, y0, ... in its pixels, and a confidence in [0, 1] each. */
class Prediction(val pointsXy: DoubleArray, val confidence: DoubleArray) {
    val meanConfidence get() = confidence.average()

    companion object {
        /**
         * A crop's landmarks from the model's output tensors, which are told apart by their sizes.
         *
         * Throws IllegalArgumentException where one is missing or not finite.
         */
        fun of(outputs: List<FloatArray>, contract: Contract): Prediction {
            require(outputs.all { values -> values.all { it.isFinite() } }) { "the model's values are not finite" }
            val side = contract.sizePx / contract.heatmaps.stride
            val points = contract.points
            outputs.find { it.size == side * side * points }?.let {
                return decode(Heatmaps.ofTensor(it, side, side, points), contract.heatmaps)
            }
            val confidence = outputs.find { it.size == points }
            val inCrop = outputs.find { it.size == 2 * points }
            require(confidence != null && inCrop != null) {
                "expected ${2 * points} and $points values, got ${outputs.map { it.size }}: is it the contract's model?"
            }
            return Prediction(
                DoubleArray(2 * points) { inCrop[it].toDouble() * contract.sizePx - 0.5 },
                DoubleArray(points) { confidence[it].toDouble() },
            )
        }
    }
}
