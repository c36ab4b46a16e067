package org.sdhrnet.landmarks

/** What `open` gives; where it fails, what was opened before it is closed. */
fun <T> orClose(vararg before: AutoCloseable, open: () -> T): T {
    try {
        return open()
    } catch (error: Throwable) {
        before.forEach { it.close() }
        throw error
    }
}
