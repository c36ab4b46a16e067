package org.sdhrnet.demo

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.BuiltinNpuAcceleratorProvider
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import org.sdhrnet.landmarks.Contract
import org.sdhrnet.landmarks.Landmarker
import org.sdhrnet.landmarks.Prediction

/** Where the network runs; operations that a GPU or NPU does not take (the decoding's) run on the CPU beside it. */
enum class Place(val title: String, vararg val accelerators: Accelerator) {
    CPU("cpu", Accelerator.CPU),
    GPU("gpu+cpu", Accelerator.GPU, Accelerator.CPU),
    NPU("npu+cpu", Accelerator.NPU, Accelerator.CPU),
}

/** A .tflite among the assets on LiteRT; one thread at a time. Throws LiteRtException where the place cannot run it. */
class LiteRtLandmarker(
    context: Context,
    private val contract: Contract,
    model: Contract.Model,
    place: Place,
    threads: Int,
) : Landmarker, AutoCloseable {
    private val environment =
        if (place == Place.NPU) Environment.create(BuiltinNpuAcceleratorProvider(context)) else Environment.create()
    private val compiled = CompiledModel.create(context.assets, model.file, options(place, threads), environment)
    private val inputs = compiled.createInputBuffers()
    private val outputs = compiled.createOutputBuffers()

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
        }
    }
}
