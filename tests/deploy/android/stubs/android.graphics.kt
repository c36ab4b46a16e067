package android.graphics

class Bitmap {
    enum class Config { ARGB_8888 }

    val width: Int get() = TODO()
    val height: Int get() = TODO()
    fun getPixels(pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int): Unit = TODO()

    companion object {
        fun createBitmap(colors: IntArray, width: Int, height: Int, config: Config): Bitmap = TODO()
        fun createBitmap(from: Bitmap, x: Int, y: Int, w: Int, h: Int, m: Matrix?, filter: Boolean): Bitmap = TODO()
    }
}

class Matrix {
    fun postRotate(degrees: Float): Boolean = TODO()
}

class RectF {
    val left = 0f
    val top = 0f
    val right = 0f
    val bottom = 0f
}

class Canvas {
    fun translate(dx: Float, dy: Float): Unit = TODO()
    fun drawLine(startX: Float, startY: Float, stopX: Float, stopY: Float, paint: Paint): Unit = TODO()
    fun drawCircle(cx: Float, cy: Float, radius: Float, paint: Paint): Unit = TODO()
}

class Paint(flags: Int) {
    enum class Style { STROKE }

    var style: Style? = null
    var strokeWidth = 0f
    var color = 0

    companion object { const val ANTI_ALIAS_FLAG = 1 }
}

object Color {
    fun rgb(red: Int, green: Int, blue: Int): Int = TODO()
}
