package android.content.res

import java.io.InputStream

class AssetManager {
    fun list(path: String): Array<String>? = TODO()
    fun open(name: String): InputStream = TODO()
    fun openFd(name: String): AssetFileDescriptor = TODO()
}

class AssetFileDescriptor : AutoCloseable {
    val length: Long get() = TODO()
    override fun close() = TODO()
}
