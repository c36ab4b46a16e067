package android.os

class Bundle

object Build {
    val MANUFACTURER: String get() = TODO()
    val MODEL: String get() = TODO()
    val SOC_MANUFACTURER: String get() = TODO()
    val SOC_MODEL: String get() = TODO()

    object VERSION {
        val SDK_INT: Int get() = TODO()
        val RELEASE: String get() = TODO()
    }
}
