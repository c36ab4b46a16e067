package org.sdhrnet.demo

import android.view.View
import androidx.core.view.ViewCompat
import androidx.core.view.WindowInsetsCompat

/** Keeps what a view shows clear of system bars and camera cutouts, under which Android 15 and later draw every app. */
fun View.keepClear() {
    ViewCompat.setOnApplyWindowInsetsListener(this) { view, insets ->
        val edges = insets.getInsets(WindowInsetsCompat.Type.systemBars() or WindowInsetsCompat.Type.displayCutout())
        view.setPadding(edges.left, edges.top, edges.right, edges.bottom)
        WindowInsetsCompat.CONSUMED
    }
}
