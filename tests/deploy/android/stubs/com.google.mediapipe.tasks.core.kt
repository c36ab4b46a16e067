package com.google.mediapipe.tasks.core

enum class Delegate { CPU }

class BaseOptions {
    class Builder {
        fun setModelAssetPath(path: String): Builder = TODO()
        fun setDelegate(delegate: Delegate): Builder = TODO()
        fun build(): BaseOptions = TODO()
    }

    companion object { fun builder(): Builder = TODO() }
}
