package androidx.activity

import android.content.Context
import android.content.Intent
import android.os.Bundle
import android.view.View
import androidx.activity.result.ActivityResultCallback
import androidx.activity.result.ActivityResultLauncher
import androidx.activity.result.contract.ActivityResultContract
import androidx.lifecycle.LifecycleOwner

fun ComponentActivity.enableEdgeToEdge(): Unit = TODO()

open class ComponentActivity : Context(), LifecycleOwner {
    protected open fun onCreate(savedInstanceState: Bundle?): Unit = TODO()
    protected open fun onStart(): Unit = TODO()
    protected open fun onStop(): Unit = TODO()
    protected open fun onDestroy(): Unit = TODO()
    fun setContentView(view: View): Unit = TODO()
    fun startActivity(intent: Intent): Unit = TODO()
    fun runOnUiThread(action: Runnable): Unit = TODO()
    fun <I, O> registerForActivityResult(
        contract: ActivityResultContract<I, O>,
        callback: ActivityResultCallback<O>,
    ): ActivityResultLauncher<I> = TODO()
}
