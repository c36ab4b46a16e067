package com.google.mediapipe.tasks.vision.core

enum class RunningMode { IMAGE }
