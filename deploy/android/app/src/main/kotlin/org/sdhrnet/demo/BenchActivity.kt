package org.sdhrnet.demo

import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.contract.ActivityResultContracts
import kotlin.concurrent.thread
import org.sdhrnet.landmarks.Bench
import org.sdhrnet.landmarks.Conditions
import org.sdhrnet.landmarks.Contract
import org.sdhrnet.landmarks.Json

/** Every model on every place: its time, and how far its points are from the golden ones; saved as the toolkit's records. */
class BenchActivity : ComponentActivity() {
    private val records = mutableListOf<Map<String, Any?>>()
    private lateinit var table: TextView
    private lateinit var run: Button
    private lateinit var save: Button

    private val document = registerForActivityResult(ActivityResultContracts.CreateDocument("application/json")) { uri ->
        uri?.let { write(it) }
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        table = TextView(this)
        run = Button(this).apply { setText(R.string.run); setOnClickListener { start() } }
        save = Button(this).apply {
            setText(R.string.save)
            isEnabled = false
            setOnClickListener { document.launch("results.jsonl") }
        }
        setContentView(LinearLayout(this).apply {
            orientation = LinearLayout.VERTICAL
            addView(run)
            addView(save)
            addView(ScrollView(context).apply { addView(table) })
        })
    }

    private fun start() {
        run.isEnabled = false
        save.isEnabled = false
        records.clear()
        table.text = ""
        thread(name = "bench") {
            val assets = Assets(this)
            val contract = assets.contract()
            val bench = Bench(contract, assets.goldenFaces())
            for (model in contract.models.filter { assets.has(it.file) }) {
                for ((place, threads) in SETTINGS) measure(bench, contract, model, assets.sizeBytes(model.file), place, threads)
            }
            runOnUiThread { run.isEnabled = true; save.isEnabled = true }
        }
    }

    private fun measure(bench: Bench, contract: Contract, model: Contract.Model, sizeBytes: Long, place: Place, threads: Int) {
        val on = Conditions(device(), "litert ${BuildConfig.LITERT}", place.title, threads)
        val record = try {
            LiteRtLandmarker(this, contract, model, place, threads).use { bench.record(model, sizeBytes, on, it, RUNS, WARMUP) }
        } catch (error: Exception) { // a place that cannot run the model is a result too
            bench.failure(model, sizeBytes, on, error.message ?: error.toString())
        }
        val latency = (record["latency_ms"] as? Map<*, *>)?.let { "${it["median"]} ms (p90 ${it["p90"]})" } ?: record["reason"]
        runOnUiThread {
            records += record
            table.append("${model.precision}  ${place.title}  $threads: $latency  ${record["points_moved_px"]} px\n")
        }
    }

    private fun write(uri: Uri) {
        contentResolver.openOutputStream(uri)?.bufferedWriter()?.use { out ->
            for (record in records) out.write(Json.write(record) + "\n")
        }
    }

    private companion object {
        const val RUNS = 100
        const val WARMUP = 10
        val SETTINGS = listOf(Place.CPU to 1, Place.CPU to 2, Place.CPU to 4, Place.GPU to 1, Place.NPU to 1)

        fun device(): String {
            val chip = if (Build.VERSION.SDK_INT >= 31) ", ${Build.SOC_MANUFACTURER} ${Build.SOC_MODEL}" else ""
            return "${Build.MANUFACTURER} ${Build.MODEL}$chip, Android ${Build.VERSION.RELEASE}"
        }
    }
}
