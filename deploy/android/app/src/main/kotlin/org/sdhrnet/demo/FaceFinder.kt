package org.sdhrnet.demo

import android.content.Context
import android.graphics.Bitmap
import com.google.mediapipe.framework.image.BitmapImageBuilder
import com.google.mediapipe.tasks.core.BaseOptions
import com.google.mediapipe.tasks.core.Delegate
import com.google.mediapipe.tasks.vision.core.RunningMode
import com.google.mediapipe.tasks.vision.facedetector.FaceDetector
import org.sdhrnet.landmarks.Box
import org.sdhrnet.landmarks.Contract
import org.sdhrnet.landmarks.Detection
import org.sdhrnet.landmarks.Detector
import org.sdhrnet.landmarks.Picture
import org.sdhrnet.landmarks.Xy

/** MediaPipe's short-range face detector on whole frames. */
class FaceFinder(context: Context, rule: Contract.DetectorRule) : Detector, AutoCloseable {
    private val detector = FaceDetector.createFromOptions(
        context,
        FaceDetector.FaceDetectorOptions.builder()
            .setBaseOptions(BaseOptions.builder().setModelAssetPath(rule.file).setDelegate(Delegate.CPU).build())
            .setRunningMode(RunningMode.IMAGE)
            .setMinDetectionConfidence(rule.minScore.toFloat())
            .build(),
    )

    override fun detect(picture: Picture): List<Detection> {
        val bitmap = Bitmap.createBitmap(picture.argb, picture.width, picture.height, Bitmap.Config.ARGB_8888)
        return detector.detect(BitmapImageBuilder(bitmap).build()).detections()
            .map { found ->
                // MediaPipe counts from the outer edge of the first pixel, the contract from its centre.
                val box = found.boundingBox()
                val edges = listOf(box.left, box.top, box.right, box.bottom).map { it - 0.5 }
                val keypoints = found.keypoints().get().map {
                    Xy(it.x() * picture.width - 0.5, it.y() * picture.height - 0.5)
                }
                val score = found.categories().first().score().toDouble()
                Detection(Box(edges[0], edges[1], edges[2], edges[3]), keypoints, score)
            }
            .sortedByDescending { it.box.area }
    }

    override fun close() = detector.close()
}
