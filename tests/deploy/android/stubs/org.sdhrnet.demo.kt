package org.sdhrnet.demo

object BuildConfig { const val LITERT = "" }

object R {
    object string {
        const val switch_camera = 1
        const val switch_smoothing = 2
        const val bench = 3
        const val run = 4
        const val save = 5
        const val no_permission = 6
        const val no_camera = 7
        const val starting = 8
    }
}
