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
    private var bench: Thread? = null
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

    /** A run that went on would take the processor from the next one. */
    override fun onDestroy() {
        bench?.interrupt()
        super.onDestroy()
    }

    private fun start() {
        run.isEnabled = false
        save.isEnabled = false
        records.clear()
        table.text = ""
        bench = thread(name = "bench") {
            try {
                measureAll()
            } catch (error: InterruptedException) { // nobody looks any more
                return@thread
            } catch (error: Throwable) {
                say(error.message ?: "$error")
            }
            runOnUiThread {
                run.isEnabled = true
                save.isEnabled = records.isNotEmpty()
            }
        }
    }

    private fun measureAll() {
        val assets = Assets(this)
        val contract = assets.contract()
        val bench = Bench(assets.goldenFaces())
        for (model in contract.models.filter { assets.has(it.file) }) {
            for ((place, threads) in SETTINGS) measure(bench, contract, model, place, threads)
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
        } catch (left: InterruptedException) {
            throw left
        } catch (error: Throwable) { // a place without its library, or that cannot run the model, is no record
            say("$title: ${error.message ?: error}")
        }
    }

    private fun say(line: String, record: Map<String, Any?>? = null) = runOnUiThread {
        table.append("$line\n")
        if (record != null) records += record
    }

    private fun write(uri: Uri) {
        try {
            val file = checkNotNull(contentResolver.openOutputStream(uri)) { "$uri cannot be written to" }
            file.bufferedWriter().use { out -> for (record in records) out.write(Json.write(record) + "\n") }
        } catch (error: Exception) { // a full disk, a folder that is gone
            say("not saved: ${error.message ?: error}")
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
