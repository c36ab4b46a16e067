package android.widget

import android.content.Context
import android.view.View
import android.view.ViewGroup

open class FrameLayout(context: Context) : ViewGroup(context) {
    class LayoutParams(width: Int, height: Int, gravity: Int) : ViewGroup.LayoutParams()
}

class LinearLayout(context: Context) : ViewGroup(context) {
    var orientation = 0

    companion object { const val VERTICAL = 1 }
}

class ScrollView(context: Context) : FrameLayout(context)

open class TextView(context: Context) : View(context) {
    var text: CharSequence = ""
    fun setText(resid: Int): Unit = TODO()
    fun append(text: CharSequence): Unit = TODO()
}

class Button(context: Context) : TextView(context)
