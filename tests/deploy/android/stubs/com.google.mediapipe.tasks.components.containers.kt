package com.google.mediapipe.tasks.components.containers

import android.graphics.RectF
import java.util.Optional

class Category {
    fun score(): Float = TODO()
}

class NormalizedKeypoint {
    fun x(): Float = TODO()

    fun y(): Float = TODO()
}

class Detection {
    fun boundingBox(): RectF = TODO()
    fun categories(): List<Category> = TODO()

    fun keypoints(): Optional<List<NormalizedKeypoint>> = TODO()
}
