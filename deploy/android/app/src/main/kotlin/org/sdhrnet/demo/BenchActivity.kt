package org.sdhrnet.demo

import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.enableEdgeToEdge
import androidx.activity.result.contract.ActivityResultContracts
import kotlin.concurrent.thread
import org.sdhrnet.landmarks.Bench
import org.sdhrnet.landmarks.Conditions
import org.sdhrnet.landmarks.Contract
import org.sdhrnet.landmarks.Json

/** Every model on every place: its time, and how far its points are from the golden ones; saved as records. */
class BenchActivity : ComponentActivity() {
    private val records = mutableListOf<Map<String, Any?>>()
    private lateinit var table: TextView
    private lateinit var run: Button
    private lateinit var save: Button

    private val document =
        registerForActivityResult(ActivityResultContracts.CreateDocument("application/json")) { it?.let(::write) }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
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
            keepClear()
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
            val bench = Bench(assets.goldenFaces())
            for (model in contract.models.filter { assets.has(it.file) }) {
                for ((place, threads) in SETTINGS) measure(bench, contract, model, place, threads)
            }
            runOnUiThread {
                run.isEnabled = true
                save.isEnabled = records.isNotEmpty()
            }
        }
    }

    private fun measure(bench: Bench, contract: Contract, model: Contract.Model, place: Place, threads: Int) {
        val title = "${model.precision}  ${place.title}  $threads"
        val on = Conditions(device(), "litert-${place.title} ${BuildConfig.LITERT}", threads)
        try {
            val record = LiteRtLandmarker(this, contract, model, place, threads).use {
                bench.record(model, Assets(this).sizeBytes(model.file), on, it, RUNS, WARMUP)
            }
            val (times, parity) = listOf("latency_ms", "parity").map { record[it] as Map<*, *> }
            say("$title: ${times["median"]} ms, p90 ${times["p90"]} ms, ${parity["mean_px"]} px", record)
        } catch (error: Exception) { // a place that cannot run the model is a result for the screen, not a record
            say("$title: ${error.message}")
        }
    }

    private fun say(line: String, record: Map<String, Any?>? = null) = runOnUiThread {
        table.append("$line\n")
        if (record != null) records += record
    }

    private fun write(uri: Uri) {
        contentResolver.openOutputStream(uri)?.bufferedWriter()?.use { out ->
            for (record in records) out.write(Json.write(record) + "\n")
        }
    }

    private companion object {
        const val RUNS = 100
        const val WARMUP = 10
        val SETTINGS = listOf(1, 2, 4).map { Place.CPU to it } + (Place.entries - Place.CPU).map { it to 1 }

        fun device(): String {
            val chip = if (Build.VERSION.SDK_INT >= 31) ", ${Build.SOC_MANUFACTURER} ${Build.SOC_MODEL}" else ""
            return "${Build.MANUFACTURER} ${Build.MODEL}$chip, Android ${Build.VERSION.RELEASE}"
        }
    }
}
