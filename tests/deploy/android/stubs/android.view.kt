package android.view

import android.content.Context
import android.graphics.Canvas

open class View(val context: Context) {
    fun interface OnClickListener { fun onClick(view: View) }

    val width: Int get() = TODO()
    val height: Int get() = TODO()
    var isEnabled = true
    fun invalidate(): Unit = TODO()
    fun setPadding(left: Int, top: Int, right: Int, bottom: Int): Unit = TODO()
    fun setOnClickListener(listener: OnClickListener?): Unit = TODO()
    protected open fun onDraw(canvas: Canvas): Unit = TODO()
}

open class ViewGroup(context: Context) : View(context) {
    open class LayoutParams {
        companion object {
            const val MATCH_PARENT = -1
            const val WRAP_CONTENT = -2
        }
    }

    fun addView(child: View): Unit = TODO()
    fun addView(child: View, params: LayoutParams): Unit = TODO()
}

object Gravity { const val BOTTOM = 80 }
