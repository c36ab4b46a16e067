package org.sdhrnet.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Matrix
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import org.sdhrnet.landmarks.Contract
import org.sdhrnet.landmarks.Picture
import org.sdhrnet.landmarks.Stopwatch
import org.sdhrnet.landmarks.TrackedFace
import org.sdhrnet.landmarks.Tracker
import org.sdhrnet.landmarks.orClose

/** The faces of one upright frame of `width` x `height` pixels, and what each stage took. */
class Seen(val faces: List<TrackedFace>, val width: Int, val height: Int, val mediansMs: Map<String, Double>)

/** Camera frames in, faces or what went wrong out; lives on the camera's analysis thread. */
class Pipeline(
    context: Context,
    contract: Contract,
    place: Place,
    smoothed: Boolean,
    private val show: (Result<Seen>) -> Unit,
) : ImageAnalysis.Analyzer, AutoCloseable {
    private val watch = Stopwatch()
    private val model = place.model(contract, Assets(context))
    private val landmarker = LiteRtLandmarker(context, contract, model, place, threads = 1)
    private val finder = orClose(landmarker) { FaceFinder(context, contract.detector) }
    private val tracker = Tracker(contract, finder, landmarker, watch, smoothed)
    private var lastS = Double.NEGATIVE_INFINITY
    private var closed = false

    override fun analyze(image: ImageProxy) {
        image.use {
            val seconds = it.imageInfo.timestamp / 1e9
            if (closed || seconds <= lastS) return // a frame may still wait when the camera is switched
            lastS = seconds
            show(runCatching { seen(it, seconds) }) // a frame that failed is said, and the next one tried
        }
    }

    override fun close() {
        closed = true
        finder.close()
        landmarker.close()
    }

    private fun seen(image: ImageProxy, seconds: Double): Seen {
        val picture = watch.time("turn") { upright(image) }
        val faces = watch.time("frame") { tracker.next(picture, seconds) }
        return Seen(faces, picture.width, picture.height, watch.mediansMs())
    }

    private fun upright(image: ImageProxy): Picture {
        val frame = image.toBitmap()
        val turn = Matrix().apply { postRotate(image.imageInfo.rotationDegrees.toFloat()) }
        val turned = Bitmap.createBitmap(frame, 0, 0, frame.width, frame.height, turn, false)
        val argb = IntArray(turned.width * turned.height)
        turned.getPixels(argb, 0, turned.width, 0, 0, turned.width, turned.height)
        return Picture(turned.width, turned.height, argb)
    }
}
