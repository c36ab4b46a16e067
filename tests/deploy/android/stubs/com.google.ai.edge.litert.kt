package com.google.ai.edge.litert

import android.content.Context
import android.content.res.AssetManager

enum class Accelerator { CPU, GPU, NPU }

class BuiltinNpuAcceleratorProvider(context: Context)

class Environment : AutoCloseable {
    override fun close(): Unit = TODO()

    companion object {
        fun create(): Environment = TODO()
        fun create(provider: BuiltinNpuAcceleratorProvider): Environment = TODO()
    }
}

class TensorBuffer : AutoCloseable {
    fun writeFloat(data: FloatArray): Unit = TODO()
    fun readFloat(): FloatArray = TODO()
    override fun close(): Unit = TODO()
}

class CompiledModel : AutoCloseable {
    class CpuOptions(val numThreads: Int? = null)

    class Options(vararg val accelerators: Accelerator) {
        var cpuOptions: CpuOptions? = null
    }

    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO()
    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO()
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0): Unit = TODO()
    override fun close(): Unit = TODO()

    companion object {
        fun create(assets: AssetManager, name: String, options: Options, env: Environment?): CompiledModel = TODO()
    }
}
