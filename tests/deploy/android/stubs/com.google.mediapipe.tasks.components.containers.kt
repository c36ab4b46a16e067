package com.google.mediapipe.tasks.components.containers

import android.graphics.RectF

class Category {
    fun score(): Float = TODO()
}

class Detection {
    fun boundingBox(): RectF = TODO()
    fun categories(): List<Category> = TODO()
}
