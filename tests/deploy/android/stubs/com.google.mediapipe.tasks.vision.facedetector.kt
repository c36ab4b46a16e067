package com.google.mediapipe.tasks.vision.facedetector

import android.content.Context
import com.google.mediapipe.framework.image.MPImage
import com.google.mediapipe.tasks.components.containers.Detection
import com.google.mediapipe.tasks.core.BaseOptions
import com.google.mediapipe.tasks.vision.core.RunningMode

class FaceDetectorResult {
    fun detections(): List<Detection> = TODO()
}

class FaceDetector : AutoCloseable {
    class FaceDetectorOptions {
        class Builder {
            fun setBaseOptions(options: BaseOptions): Builder = TODO()
            fun setRunningMode(mode: RunningMode): Builder = TODO()
            fun setMinDetectionConfidence(score: Float?): Builder = TODO()
            fun build(): FaceDetectorOptions = TODO()
        }

        companion object { fun builder(): Builder = TODO() }
    }

    fun detect(image: MPImage): FaceDetectorResult = TODO()
    override fun close(): Unit = TODO()

    companion object { fun createFromOptions(context: Context, options: FaceDetectorOptions): FaceDetector = TODO() }
}
