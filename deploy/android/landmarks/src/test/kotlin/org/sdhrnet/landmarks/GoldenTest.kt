package org.sdhrnet.landmarks

import java.io.File
import javax.imageio.ImageIO
import kotlin.math.abs
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import org.junit.Test

/** This module against the files that Python wrote: `deploy/contract.json` and `deploy/golden`. */
class GoldenTest {
    private val deploy = File(System.getProperty("deploy") ?: "../..")
    private val contract = Contract.parse(File(deploy, "contract.json").readText())

    private fun golden(name: String) = Fields.parse(File(deploy, "golden/$name.json").readText())

    private fun box(values: DoubleArray) = Box(values[0], values[1], values[2], values[3])

    private fun xyxy(box: Box) = doubleArrayOf(box.left, box.top, box.right, box.bottom)

    private fun assertNear(expected: DoubleArray, found: DoubleArray, tolerance: Double, what: String) {
        assertEquals(expected.size, found.size, what)
        val worst = expected.indices.maxOfOrNull { abs(expected[it] - found[it]) } ?: 0.0
        assertTrue(worst <= tolerance, "$what: $worst off, allowed $tolerance")
    }

    private fun cropOf(case: Fields, sizePx: Int) =
        Crop.of(box(case.numbers("box_xyxy")), sizePx, contract.boxScale, case.number("roll_deg"))

    private fun levels(a: FloatArray, b: FloatArray) = a.indices.maxOf { abs(a[it] - b[it]) }.toDouble()

    @Test
    fun boxesBecomeCropsAndPointsComeBack() {
        for (case in golden("geometry").list("matrices")) {
            val crop = cropOf(case, case.int("size_px"))
            val matrix = doubleArrayOf(crop.a, -crop.b, crop.offsetX, crop.b, crop.a, crop.offsetY)
            assertNear(case.numbers("matrix"), matrix, 1e-8, "matrix")
            assertNear(case.numbers("image_xy"), crop.toImage(case.numbers("crop_xy")), 1e-6, "point in the image, px")
        }
    }

    @Test
    fun detectorBoxesAreCalibrated() {
        for (case in golden("geometry").list("calibration")) {
            val found = box(case.numbers("detector_xyxy")).calibrated(contract.detector, case.number("roll_deg"))
            assertNear(case.numbers("box_xyxy"), xyxy(found), 1e-8, "box, px")
        }
    }

    @Test
    fun pointsBecomeBoxesThatTurnWithThem() {
        for (case in golden("geometry").list("around")) {
            val eyes = case.numbers("eyes").map { it.toInt() }.toIntArray()
            val found = placeAround(case.numbers("points_xy"), eyes, contract.turning.levelDeg)
            assertNear(case.numbers("box_xyxy"), xyxy(found.box), 1e-6, "box, px")
            assertEquals(case.number("roll_deg"), found.rollDeg, 1e-6)
        }
    }

    @Test
    fun facesOfATurnedPictureAreWhereTheyWere() {
        for (case in golden("geometry").list("turned_back")) {
            val (width, height) = case.numbers("size_wh").map { it.toInt() }
            val found = detection(case, "seen_xyxy", "seen_keypoints_xy").turnedBack(case.int("quarter"), width, height)
            assertNear(case.numbers("box_xyxy"), xyxy(found.box), 1e-9, "box, px")
            val keypoints = found.keypoints.flatMap { listOf(it.x, it.y) }.toDoubleArray()
            assertNear(case.numbers("keypoints_xy"), keypoints, 1e-9, "keypoints, px")
            val picture = Picture(5, 3, IntArray(15) { it })
            val turned = picture.turnedLeft(case.int("quarter"))
            for (at in turned.argb.indices) {
                val place = Xy((at % turned.width).toDouble(), (at / turned.width).toDouble())
                val seen = Detection(Box(0.0, 0.0, 0.0, 0.0), listOf(place), 1.0)
                val back = seen.turnedBack(case.int("quarter"), 5, 3).keypoints[0]
                assertEquals(turned.argb[at], picture.argb[back.y.toInt() * 5 + back.x.toInt()])
            }
        }
    }

    private fun detection(case: Fields, box: String, keypoints: String): Detection {
        val places = case.numbers(keypoints).toList().chunked(2).map { (x, y) -> Xy(x, y) }
        return Detection(box(case.numbers(box)), places, 1.0)
    }

    @Test
    fun keypointsGiveTheFirstCropAndTheBoxDoesWhereTheyAreOdd() {
        val cases = golden("geometry").list("first_crop")
        val byBox = cases.count { case ->
            val face = detection(case, "detector_xyxy", "keypoints_xy")
            val found = face.place(contract)
            assertNear(case.numbers("box_xyxy"), xyxy(found.box), 1e-6, "box, px")
            assertEquals(case.number("roll_deg"), found.rollDeg, 1e-6)
            found.box == face.box.calibrated(contract.detector, found.rollDeg)
        }
        assertEquals(5, byBox)
    }

    @Test
    fun cropsOfThePatternAreCutAlike() {
        val golden = golden("geometry")
        val (width, height) = golden.at("pattern").numbers("size_wh").map { it.toInt() }
        val pattern = Picture(width, height, IntArray(width * height) { pattern(it % width, it / width) })
        val tolerance = golden.at("pattern").number("tolerance_levels")
        for (case in golden.list("crops")) {
            val crop = cropOf(case, case.int("size_px"))
            val expected = Bench.rgb(case.text("crop_rgb"))
            assertTrue(levels(pattern.cut(crop), expected) <= tolerance, "crop of ${case.numbers("box_xyxy").toList()}")
            val beside = Crop(crop.a, crop.b, crop.offsetX + crop.scale / 2, crop.offsetY, crop.sizePx)
            assertTrue(levels(pattern.cut(beside), expected) > tolerance, "half a pixel beside would pass as well")
        }
    }

    private fun pattern(x: Int, y: Int) = (0..2).fold(0) { argb, colour ->
        (argb shl 8) or (abs((5 * x + 3 * y + 40 * colour) % 256 - 128) + 64)
    }

    @Test
    fun facesAreCutAlikeAndTheirPointsComeBack() {
        val golden = golden("faces")
        for (face in golden.list("faces")) {
            val image = ImageIO.read(File(deploy, "golden/${face.text("picture")}"))
            val argb = image.getRGB(0, 0, image.width, image.height, null, 0, image.width)
            val crop = cropOf(face, contract.sizePx)
            val found = Picture(image.width, image.height, argb).cut(crop)
            val expected = Bench.rgb(face.text("crop_rgb"))
            val mean = found.indices.map { abs(found[it] - expected[it]) }.average()
            val allowed = golden.at("tolerance")
            val worst = levels(found, expected)
            assertTrue(worst <= allowed.number("crop_levels"), "${face.text("name")}: $worst levels at worst")
            assertTrue(mean <= allowed.number("crop_levels_mean"), "${face.text("name")}: $mean levels on average")
            assertNear(face.numbers("points_xy"), crop.toImage(face.numbers("crop_points_xy")), 0.01, "points, px")
        }
    }

    @Test
    fun heatmapsAreDecodedAlike() {
        val golden = golden("decode")
        val (width, height) = golden.numbers("size_wh").map { it.toInt() }
        val maps = Heatmaps(width, height, golden.numbers("maps"))
        for (decoder in listOf("dark", "centroid", "quarter", "argmax")) {
            val found = decode(maps, contract.heatmaps, decoder)
            val expected = golden.at("expected").at(decoder)
            assertNear(expected.numbers("points_xy"), found.pointsXy, golden.number("tolerance_px"), "$decoder, px")
            assertNear(expected.numbers("confidence"), found.confidence, 1e-4, "$decoder, confidence")
        }
        assertFailsWith<IllegalArgumentException> { decode(maps, contract.heatmaps, "soft") }
    }

    @Test
    fun outputTensorsAreToldApart() {
        val points = FloatArray(2 * contract.points) { (it + 0.5f) / 200 }
        val confidence = FloatArray(contract.points) { it / 100f }
        for (outputs in listOf(listOf(points, confidence), listOf(confidence, points))) {
            val found = Prediction.of(outputs, contract)
            assertEquals(points[3].toDouble() * contract.sizePx - 0.5, found.pointsXy[3], 1e-9)
            assertEquals(confidence[5].toDouble(), found.confidence[5], 1e-9)
        }
        val side = contract.sizePx / contract.heatmaps.stride
        val tensor = FloatArray(side * side * contract.points)
        tensor[(5 * side + 7) * contract.points + 2] = 1f // map 2, row 5, column 7
        val point = Prediction.of(listOf(tensor), contract).pointsXy.slice(4..5)
        assertEquals(listOf(4 * 7.5 - 0.5, 4 * 5.5 - 0.5), point)
        assertFailsWith<IllegalArgumentException> { Prediction.of(listOf(points), contract) }
        val nothing = FloatArray(contract.points) { Float.NaN }
        assertFailsWith<IllegalArgumentException> { Prediction.of(listOf(points, nothing), contract) }
    }

    @Test
    fun framesAreSmoothedAlike() {
        val smoother = Smoother(contract.smoothing)
        for (frame in golden("smoothing").list("frames")) {
            val found = smoother.smooth(frame.numbers("points_xy"), frame.number("seconds"))
            assertNear(frame.numbers("smooth_xy"), found, 1e-5, "at ${frame.number("seconds")} s, px")
        }
        assertFailsWith<IllegalArgumentException> { smoother.smooth(DoubleArray(6), 0.0) }
    }

    @Test
    fun aFilmIsTrackedAlike() {
        val golden = golden("tracking")
        val (width, height) = golden.numbers("size_wh").map { it.toInt() }
        val mark = golden.int("mark")
        var now = golden.list("frames").first()
        var looked = false
        var said = 0
        val detector = Detector { picture ->
            looked = true
            val (right, bottom) = listOf(picture.width - 1, picture.height - 1)
            val corners = listOf(0 to 0, 0 to bottom, right to bottom, right to 0)
            val from = corners.indexOfFirst { (x, y) -> picture.argb[y * picture.width + x] == mark }
            now.list("seen").filter { it.int("quarter") == from }.map {
                val face = detection(it, "box_xyxy", "keypoints_xy")
                Detection(face.box, face.keypoints, it.number("score"))
            }
        }
        val landmarker = Landmarker {
            val points = now.numbers("crop_points_xy")
            val confidence = now.numbers("confidence")
            val sure = confidence[said++.coerceAtMost(confidence.size - 1)]
            Prediction(points, DoubleArray(points.size / 2) { sure })
        }
        val eyes = golden.numbers("eyes").map { it.toInt() }.toIntArray()
        val tracker = Tracker(contract, detector, landmarker, eyes = eyes)
        val picture = Picture(width, height, IntArray(width * height).also { it[0] = mark })
        for (frame in golden.list("frames")) {
            now = frame
            looked = false
            said = 0
            val seconds = frame.number("seconds")
            val faces = tracker.next(picture, seconds)
            assertEquals(frame.flag("looked"), looked, "looked at $seconds s")
            assertEquals(frame.list("faces").map { it.int("number") }, faces.map { it.number }, "numbers at $seconds s")
            for ((face, expected) in faces.zip(frame.list("faces"))) {
                assertNear(expected.numbers("box_xyxy"), xyxy(face.crop.box), 1e-4, "crop at $seconds s")
                assertEquals(expected.number("roll_deg"), face.crop.rollDeg, 1e-4, "roll at $seconds s")
                assertNear(expected.numbers("points_xy"), face.pointsXy, 1e-4, "points at $seconds s")
            }
        }
    }

    @Test
    fun aBenchmarkIsARecordOfTheToolkit() {
        val faces = Bench.faces(File(deploy, "golden/faces.json").readText())
        val moved = Landmarker { crop ->
            val points = faces.first { it.crop.contentEquals(crop) }.pointsXy
            val beside = DoubleArray(points.size) { points[it] + if (it % 2 == 0) 0.3 else 0.4 }
            Prediction(beside, DoubleArray(points.size / 2))
        }
        val on = Conditions("a phone, Android 15", "litert-cpu 2", 1)
        val record = Bench(faces).record(contract.model, 1234, on, moved, runs = 5, warmup = 2)
        val read = Fields(Json.parse(Json.write(record)) as Map<*, *>)
        assertEquals("benchmark", read.text("kind"))
        assertEquals(contract.model.fileSha256, read.text("file_sha256"))
        assertEquals(0.5, read.at("parity").number("mean_px"), 1e-9)
        assertEquals(listOf(5, 2), listOf("runs", "warmup").map { read.at("latency_ms").int(it) })
        assertTrue(read.at("latency_ms").number("median") <= read.at("latency_ms").number("p90"))
        assertTrue(record.containsKey("nme_mean") && record["nme_mean"] == null, "what is not measured is null")
    }

    @Test
    fun aBenchmarkEndsWithTheScreenThatBeganIt() {
        val faces = Bench.faces(File(deploy, "golden/faces.json").readText())
        var calls = 0
        val landmarker = Landmarker {
            if (++calls == 20) Thread.currentThread().interrupt()
            Prediction(faces[0].pointsXy, DoubleArray(contract.points))
        }
        val on = Conditions("a phone, Android 15", "litert-cpu 2", 1)
        assertFailsWith<InterruptedException> { Bench(faces).record(contract.model, 1, on, landmarker, 1000, 10) }
        assertEquals(20, calls)
    }

    @Test
    fun quantilesAreNumPys() {
        val sorted = listOf(1.0, 2.0, 4.0, 8.0)
        assertEquals(3.0, Latency.quantile(sorted, 0.5), 1e-12)
        assertEquals(6.8, Latency.quantile(sorted, 0.9), 1e-12)
        assertEquals(7.0, Latency.quantile(listOf(7.0), 0.9), 1e-12)
    }

    @Test
    fun edgesAreDrawnAsTheToolkitDrawsThem() {
        val style = contract.style
        assertEquals(Pair(1.0, 3.0), style.lineWidths(20.0))
        assertEquals(Pair(1.0, 1.7), style.dotRadii(20.0))
        assertEquals(Pair(6.0, 12.0), style.lineWidths(1000.0))
        assertEquals(11.0 + 11.0 / 3, style.dotRadii(1000.0).second, 1e-9)
    }

    @Test
    fun whatWasOpenedIsClosedWhereTheRestCannotBe() {
        val closed = mutableListOf<String>()
        val (model, environment) = listOf("model", "environment").map { AutoCloseable { closed += it } }
        assertEquals("buffers", orClose(model, environment) { "buffers" })
        assertEquals(listOf(), closed)
        val error = assertFailsWith<UnsatisfiedLinkError> {
            orClose(model, environment) { throw UnsatisfiedLinkError("no GPU") }
        }
        assertEquals("no GPU", error.message)
        assertEquals(listOf("model", "environment"), closed)
    }

    @Test
    fun whatCannotBeIsRefusedWithAReason() {
        val text = File(deploy, "contract.json").readText()
        fun reason(old: String, new: String) =
            assertFailsWith<IllegalArgumentException> { Contract.parse(text.replace(old, new)) }.message!!
        assertTrue("update" in reason("\"format\": 2", "\"format\": 99"))
        assertTrue("python -m tools contract" in reason("\"NHWC\"", "\"NCHW\""))
        assertTrue("box_scale" in reason("\"box_scale\"", "\"box\""))
        assertFailsWith<IllegalArgumentException> { Crop.of(Box(3.0, 3.0, 3.0, 3.0), 64, 1.25, 0.0) }
        assertFailsWith<IllegalArgumentException> { Picture(3, 2, IntArray(5)) }
        for (broken in listOf("", "{", "[1,]", "{\"a\" 1}", "tru", "[1] 2", "\"a")) {
            assertFailsWith<IllegalArgumentException>(broken) { Json.parse(broken) }
        }
    }

    @Test
    fun jsonComesBackAsItWent() {
        val value = mapOf("a" to listOf(1.5, -2e-7, null, true), "say \"\\\n" to mapOf("é" to "x\u0001"))
        assertEquals<Any?>(value, Json.parse(Json.write(value)))
        assertEquals<Any?>(listOf("é/\n", 3.0), Json.parse("[\"\\u00e9\\/\\n\", 3]"))
    }
}
