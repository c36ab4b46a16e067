package android.content

import android.content.res.AssetManager
import android.net.Uri
import java.io.OutputStream

open class Context {
    val assets: AssetManager get() = TODO()
    val contentResolver: ContentResolver get() = TODO()
}

class ContentResolver {
    fun openOutputStream(uri: Uri): OutputStream? = TODO()
}

class Intent(context: Context, type: Class<*>)
