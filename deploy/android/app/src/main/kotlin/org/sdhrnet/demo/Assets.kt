package org.sdhrnet.demo

import android.content.Context
import org.sdhrnet.landmarks.Bench
import org.sdhrnet.landmarks.Contract
import org.sdhrnet.landmarks.GoldenFace

/** What the build put into the app: the contract, the golden faces and the models. */
class Assets(private val context: Context) {
    fun contract(): Contract = Contract.parse(text("contract.json"))

    fun goldenFaces(): List<GoldenFace> = Bench.faces(text("golden/faces.json"))

    /** Whether the file of a model was packed. */
    fun has(file: String): Boolean = context.assets.list("").orEmpty().contains(file)

    fun sizeBytes(file: String): Long = context.assets.openFd(file).use { it.length }

    private fun text(name: String): String = context.assets.open(name).use { it.readBytes().decodeToString() }
}
