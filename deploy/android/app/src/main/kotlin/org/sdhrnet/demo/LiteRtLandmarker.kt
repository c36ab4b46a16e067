package org.sdhrnet.demo

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.BuiltinNpuAcceleratorProvider
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import org.sdhrnet.landmarks.Contract
import org.sdhrnet.landmarks.Landmarker
import org.sdhrnet.landmarks.Prediction
import org.sdhrnet.landmarks.orClose

/** Where the network runs; operations that a GPU or NPU does not take (the decoding's) run on the CPU beside it. */
enum class Place(val title: String, private val inIntegers: Boolean, vararg val accelerators: Accelerator) {
    CPU("cpu", true, Accelerator.CPU),
    GPU("gpu+cpu", false, Accelerator.GPU, Accelerator.CPU),
    GPU_FP32("gpu-fp32+cpu", false, Accelerator.GPU, Accelerator.CPU),
    NPU("npu+cpu", true, Accelerator.NPU, Accelerator.CPU);

    /** The file that suits the place: int8 where it was packed and is computed in integers, else the contract's own. */
    fun model(contract: Contract, assets: Assets): Contract.Model {
        val int8 = contract.models.find { it.precision == "int8" && assets.has(it.file) }
        return if (inIntegers && int8 != null) int8 else contract.model
    }
}

/** A .tflite among the assets on LiteRT; one thread at a time. Throws an exception where the place cannot run it. */
class LiteRtLandmarker(
    context: Context,
    private val contract: Contract,
    model: Contract.Model,
    place: Place,
    threads: Int,
) : Landmarker, AutoCloseable {
    private val environment = if (place == Place.NPU) npu(context) else Environment.create()
    private val compiled = orClose(environment) {
        CompiledModel.create(context.assets, model.file, options(place, threads), environment)
    }
    private val inputs = orClose(compiled, environment) { compiled.createInputBuffers() }
    private val outputs = orClose(*inputs.toTypedArray(), compiled, environment) { compiled.createOutputBuffers() }

    override fun predict(crop: FloatArray): Prediction {
        inputs[0].writeFloat(crop)
        compiled.run(inputs, outputs)
        return Prediction.of(outputs.map { it.readFloat() }, contract)
    }

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        compiled.close()
        environment.close()
    }

    private companion object {
        fun options(place: Place, threads: Int) = CompiledModel.Options(*place.accelerators).apply {
            cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
            if (place == Place.GPU_FP32) {
                gpuOptions = CompiledModel.GpuOptions(precision = CompiledModel.GpuOptions.Precision.FP32)
            }
        }

        fun npu(context: Context): Environment {
            val provider = BuiltinNpuAcceleratorProvider(context)
            check(provider.isDeviceSupported()) { "LiteRT has no NPU for this phone's chip" }
            return Environment.create(provider)
        }
    }
}
