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

/** The faces of one upright frame of `width` x `height` pixels, and what each stage took. */
class Seen(val faces: List<TrackedFace>, val width: Int, val height: Int, val mediansMs: Map<String, Double>)

/** Camera frames in, faces out; lives on the camera's analysis thread. */
class Pipeline(
    context: Context,
    contract: Contract,
    place: Place,
    smoothed: Boolean,
    private val show: (Seen) -> Unit,
) : ImageAnalysis.Analyzer, AutoCloseable {
    private val watch = Stopwatch()
    private val landmarker = LiteRtLandmarker(context, contract, contract.model, place, threads = 1)
    private val finder = FaceFinder(context, contract.detector)
    private val tracker = Tracker(contract, finder, landmarker, watch, smoothed)
    private var lastS = Double.NEGATIVE_INFINITY

    override fun analyze(image: ImageProxy) {
        image.use {
            val seconds = it.imageInfo.timestamp / 1e9
            if (seconds <= lastS) return
            lastS = seconds
            val picture = watch.time("turn") { upright(it) }
            val faces = watch.time("frame") { tracker.next(picture, seconds) }
            show(Seen(faces, picture.width, picture.height, watch.mediansMs()))
        }
    }

    override fun close() {
        finder.close()
        landmarker.close()
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
