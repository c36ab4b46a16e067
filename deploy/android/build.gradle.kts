// AGP 9 compiles Kotlin itself; the plain module asks for the plugin of the same kind.
plugins {
    id("com.android.application") version "9.0.0" apply false
    id("org.jetbrains.kotlin.jvm") version "2.2.21" apply false
}
