package androidx.core.view

import android.view.View
import androidx.core.graphics.Insets

fun interface OnApplyWindowInsetsListener {
    fun onApplyWindowInsets(v: View, insets: WindowInsetsCompat): WindowInsetsCompat
}

object ViewCompat {
    fun setOnApplyWindowInsetsListener(view: View, listener: OnApplyWindowInsetsListener?): Unit = TODO()
}

class WindowInsetsCompat {
    fun getInsets(typeMask: Int): Insets = TODO()

    object Type {
        fun systemBars(): Int = TODO()
        fun displayCutout(): Int = TODO()
    }

    companion object { val CONSUMED: WindowInsetsCompat get() = TODO() }
}
