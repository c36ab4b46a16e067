package org.sdhrnet.demo

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.view.View
import kotlin.math.min
import org.sdhrnet.landmarks.Box
import org.sdhrnet.landmarks.Contract
import org.sdhrnet.landmarks.TrackedFace

/** Landmarks over a preview that is shown whole (FIT_CENTER), drawn as the toolkit draws them. */
class OverlayView(context: Context, private val contract: Contract) : View(context) {
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply { style = Paint.Style.STROKE }
    private val dot = Paint(Paint.ANTI_ALIAS_FLAG)
    private var seen: Seen? = null
    private var mirrored = false

    fun show(seen: Seen, mirrored: Boolean) {
        this.seen = seen
        this.mirrored = mirrored
        invalidate()
    }

    /** Draws nothing until the next frame. */
    fun clear() {
        seen = null
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val frame = seen ?: return
        val scale = min(width.toFloat() / frame.width, height.toFloat() / frame.height)
        canvas.translate((width - scale * frame.width) / 2, (height - scale * frame.height) / 2)
        for (face in frame.faces) draw(canvas, face, frame.width, scale)
    }

    private fun draw(canvas: Canvas, face: TrackedFace, frameWidth: Int, scale: Float) {
        val size = Box.around(face.pointsXy).longer * scale
        val (stroke, strokeEdge) = contract.style.lineWidths(size)
        val at = FloatArray(face.pointsXy.size) {
            val pixel = face.pointsXy[it].toFloat() + 0.5f // from the pixel's centre to its edge, as a canvas counts
            scale * if (it % 2 == 0 && mirrored) frameWidth - pixel else pixel
        }
        for ((width, colour) in listOf(strokeEdge to contract.style.edge, stroke to contract.style.line)) {
            line.strokeWidth = width.toFloat()
            line.color = colour(colour)
            for (each in contract.lines) drawLine(canvas, each, at)
        }
        val (radius, radiusEdge) = contract.style.dotRadii(size)
        for (m in face.confidence.indices) {
            dot.color = colour(contract.style.edge)
            canvas.drawCircle(at[2 * m], at[2 * m + 1], radiusEdge.toFloat(), dot)
            dot.color = colour(contract.style.dotColour(face.confidence[m]))
            canvas.drawCircle(at[2 * m], at[2 * m + 1], radius.toFloat(), dot)
        }
    }

    private fun drawLine(canvas: Canvas, shape: Contract.Line, at: FloatArray) {
        val indices = if (shape.closed) shape.indices + shape.indices.first() else shape.indices
        for ((from, to) in indices.toList().zipWithNext()) {
            canvas.drawLine(at[2 * from], at[2 * from + 1], at[2 * to], at[2 * to + 1], line)
        }
    }

    private fun colour(rgb: IntArray) = Color.rgb(rgb[0], rgb[1], rgb[2])
}
