package org.sdhrnet.demo

import android.Manifest
import android.content.Intent
import android.content.pm.PackageManager
import android.os.Bundle
import android.view.Gravity
import android.view.ViewGroup.LayoutParams
import android.widget.Button
import android.widget.FrameLayout
import android.widget.LinearLayout
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.enableEdgeToEdge
import androidx.activity.result.contract.ActivityResultContracts
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.Preview
import androidx.camera.core.resolutionselector.AspectRatioStrategy
import androidx.camera.core.resolutionselector.ResolutionSelector
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.camera.view.PreviewView
import androidx.core.content.ContextCompat
import java.util.concurrent.Executors
import org.sdhrnet.landmarks.Contract

/** The camera with landmarks on every face, and what each stage takes. */
class MainActivity : ComponentActivity() {
    private val analysis = Executors.newSingleThreadExecutor()
    private val contract: Contract by lazy { Assets(this).contract() }
    private lateinit var preview: PreviewView
    private lateinit var overlay: OverlayView
    private lateinit var status: TextView
    private var cameras: ProcessCameraProvider? = null
    private var pipeline: Pipeline? = null
    private var openings = 0
    private var front = true
    private var place = Place.CPU
    private var smoothed = true

    private val permission = registerForActivityResult(ActivityResultContracts.RequestPermission()) { granted ->
        if (granted) open() else say(R.string.no_permission)
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        preview = PreviewView(this).apply { scaleType = PreviewView.ScaleType.FIT_CENTER }
        overlay = OverlayView(this, contract)
        status = TextView(this).apply { setText(R.string.starting) }
        val atTheBottom = FrameLayout.LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.WRAP_CONTENT, Gravity.BOTTOM)
        setContentView(FrameLayout(this).apply {
            addView(preview)
            addView(overlay)
            addView(status)
            addView(bar(), atTheBottom)
            keepClear()
        })
    }

    override fun onStart() {
        super.onStart()
        if (allowed()) open() else permission.launch(Manifest.permission.CAMERA)
    }

    override fun onStop() {
        cameras?.unbindAll()
        onAnalysis { release() }
        super.onStop()
    }

    override fun onDestroy() {
        analysis.shutdown()
        super.onDestroy()
    }

    private fun bar() = LinearLayout(this).apply {
        addView(button(R.string.switch_camera) { front = !front; open() })
        addView(Button(context).apply {
            text = place.title
            setOnClickListener {
                place = Place.entries[(place.ordinal + 1) % Place.entries.size]
                text = place.title
                open()
            }
        })
        addView(button(R.string.switch_smoothing) { smoothed = !smoothed; open() })
        addView(button(R.string.bench) { startActivity(Intent(context, BenchActivity::class.java)) })
    }

    private fun button(title: Int, tapped: () -> Unit) = Button(this).apply {
        setText(title)
        setOnClickListener { tapped() }
    }

    private fun allowed() =
        ContextCompat.checkSelfPermission(this, Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    private fun open() {
        if (!allowed()) return say(R.string.no_permission)
        val future = ProcessCameraProvider.getInstance(this)
        future.addListener(
            { runCatching { bind(future.get()) }.onFailure(::say) }, // no camera service, or another app's camera
            ContextCompat.getMainExecutor(this),
        )
    }

    /** Runs something on the analysis thread; nothing once the activity is gone, which a camera may not have heard of. */
    private fun onAnalysis(work: () -> Unit) {
        if (!analysis.isShutdown) analysis.execute(work)
    }

    private fun bind(provider: ProcessCameraProvider) {
        cameras = provider
        provider.unbindAll()
        overlay.clear()
        val opening = ++openings
        val selector = if (front) CameraSelector.DEFAULT_FRONT_CAMERA else CameraSelector.DEFAULT_BACK_CAMERA
        if (!provider.hasCamera(selector)) return say(R.string.no_camera)
        val shape = ResolutionSelector.Builder() // one shape for both, or the drawing lies beside the preview
            .setAspectRatioStrategy(AspectRatioStrategy.RATIO_4_3_FALLBACK_AUTO_STRATEGY)
            .build()
        val shown = Preview.Builder().setResolutionSelector(shape).build()
        shown.setSurfaceProvider(preview.surfaceProvider)
        val frames = ImageAnalysis.Builder()
            .setResolutionSelector(shape)
            .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
            .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
            .build()
        val (place, smoothed, mirrored) = Triple(place, smoothed, front)
        onAnalysis {
            release()
            runCatching { // what LiteRT and MediaPipe throw has no common kind
                val made = Pipeline(this, contract, place, smoothed) { result ->
                    runOnUiThread { // the last frame of a camera that was switched off meanwhile is not shown
                        if (opening == openings) result.fold({ show(it, mirrored) }, ::say)
                    }
                }
                pipeline = made
                frames.setAnalyzer(analysis, made)
            }.onFailure(::say)
        }
        provider.bindToLifecycle(this, selector, shown, frames)
    }

    private fun release() {
        pipeline?.close()
        pipeline = null
    }

    private fun say(error: Throwable) = runOnUiThread {
        overlay.clear()
        status.text = "${place.title}: ${error.message ?: error}"
    }

    private fun say(title: Int) {
        overlay.clear()
        status.setText(title)
    }

    private fun show(seen: Seen, mirrored: Boolean) {
        overlay.show(seen, mirrored)
        val stages = seen.mediansMs.entries.joinToString("  ") { (stage, ms) -> "%s %.1f".format(stage, ms) }
        status.text = "${seen.faces.size} · ${seen.width} x ${seen.height} · ms: $stages"
    }
}
