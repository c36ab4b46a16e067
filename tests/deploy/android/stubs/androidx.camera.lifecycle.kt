package androidx.camera.lifecycle

import android.content.Context
import androidx.camera.core.CameraSelector
import androidx.camera.core.UseCase
import androidx.lifecycle.LifecycleOwner
import com.google.common.util.concurrent.ListenableFuture

class ProcessCameraProvider {
    fun unbindAll(): Unit = TODO()
    fun hasCamera(selector: CameraSelector): Boolean = TODO()
    fun bindToLifecycle(owner: LifecycleOwner, selector: CameraSelector, vararg useCases: UseCase): Any = TODO()

    companion object { fun getInstance(context: Context): ListenableFuture<ProcessCameraProvider> = TODO() }
}
