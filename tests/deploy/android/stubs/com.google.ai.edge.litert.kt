package com.google.ai.edge.litert

import android.content.Context
import android.content.res.AssetManager

enum class Accelerator { CPU, GPU, NPU }

interface NpuAcceleratorProvider { fun isDeviceSupported(): Boolean }

class BuiltinNpuAcceleratorProvider(context: Context) : NpuAcceleratorProvider {
    override fun isDeviceSupported(): Boolean = TODO()
}

class Environment : AutoCloseable {
    override fun close(): Unit = TODO()

    companion object {
        fun create(): Environment = TODO()
        fun create(npuAcceleratorProvider: NpuAcceleratorProvider): Environment = TODO()
    }
}

class TensorBuffer : AutoCloseable {
    fun writeFloat(data: FloatArray): Unit = TODO()
    fun readFloat(): FloatArray = TODO()
    override fun close(): Unit = TODO()
}

class CompiledModel : AutoCloseable {
    data class CpuOptions(val numThreads: Int? = null)

    data class GpuOptions(val precision: Precision? = null) {
        enum class Precision(val value: Int) { DEFAULT(0), FP16(1), FP32(2) }
    }

    class Options(private val accelerators: Set<Accelerator>) {
        constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))

        var cpuOptions: CpuOptions? = null
        var gpuOptions: GpuOptions? = null
    }

    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO()
    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = TODO()
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0): Unit = TODO()
    override fun close(): Unit = TODO()

    companion object {
        fun create(assets: AssetManager, name: String, options: Options, env: Environment?): CompiledModel = TODO()
    }
}
