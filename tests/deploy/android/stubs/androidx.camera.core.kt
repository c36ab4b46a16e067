package androidx.camera.core

import android.graphics.Bitmap
import androidx.camera.core.resolutionselector.ResolutionSelector
import java.util.concurrent.Executor

abstract class UseCase

class CameraSelector {
    companion object {
        val DEFAULT_FRONT_CAMERA: CameraSelector get() = TODO()
        val DEFAULT_BACK_CAMERA: CameraSelector get() = TODO()
    }
}

class Preview : UseCase() {
    interface SurfaceProvider

    fun setSurfaceProvider(provider: SurfaceProvider?): Unit = TODO()

    class Builder {
        fun setResolutionSelector(selector: ResolutionSelector): Builder = TODO()
        fun build(): Preview = TODO()
    }
}

class ImageAnalysis : UseCase() {
    interface Analyzer { fun analyze(image: ImageProxy) }

    fun setAnalyzer(executor: Executor, analyzer: Analyzer): Unit = TODO()

    class Builder {
        fun setResolutionSelector(selector: ResolutionSelector): Builder = TODO()
        fun setBackpressureStrategy(strategy: Int): Builder = TODO()
        fun setOutputImageFormat(format: Int): Builder = TODO()
        fun build(): ImageAnalysis = TODO()
    }

    companion object {
        const val STRATEGY_KEEP_ONLY_LATEST = 0
        const val OUTPUT_IMAGE_FORMAT_RGBA_8888 = 2
    }
}

interface ImageInfo {
    val timestamp: Long
    val rotationDegrees: Int
}

interface ImageProxy : AutoCloseable {
    val imageInfo: ImageInfo
    fun toBitmap(): Bitmap
}
