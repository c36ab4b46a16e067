package org.sdhrnet.landmarks

/**
 * Just enough JSON for the contract, the golden files and the records: no dependency, the same on a phone and on a JVM.
 *
 * Objects are maps, arrays lists, numbers doubles.
 */
object Json {
    /** The value in a text; throws IllegalArgumentException with the place of what is wrong. */
    fun parse(text: String): Any? {
        val reader = Reader(text)
        val value = reader.value()
        reader.end()
        return value
    }

    /** A value as one line of JSON; throws IllegalArgumentException for what JSON cannot say. */
    fun write(value: Any?): String = when (value) {
        null -> "null"
        is String -> quoted(value)
        is Boolean, is Int, is Long -> value.toString()
        is Double -> {
            require(value.isFinite()) { "JSON has no $value" }
            if (value == Math.rint(value) && Math.abs(value) < 1e15) "${value.toLong()}.0" else value.toString()
        }
        is Map<*, *> -> value.entries.joinToString(", ", "{", "}") { "${quoted(it.key as String)}: ${write(it.value)}" }
        is List<*> -> value.joinToString(", ", "[", "]") { write(it) }
        else -> throw IllegalArgumentException("JSON has no ${value::class}")
    }

    private fun quoted(text: String): String = buildString {
        append('"')
        for (c in text) when {
            c == '"' || c == '\\' -> append('\\').append(c)
            c < ' ' -> append("\\u%04x".format(c.code))
            else -> append(c)
        }
        append('"')
    }

    private class Reader(private val text: String) {
        private var at = 0

        fun value(): Any? = when (peek()) {
            '{' -> members('{', '}') { string().also { expect(':') } to value() }.toMap()
            '[' -> members('[', ']') { value() }
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }

        fun end() {
            skip()
            if (at < text.length) fail("nothing more")
        }

        private fun <T> members(open: Char, close: Char, member: () -> T): List<T> {
            val found = mutableListOf<T>()
            expect(open)
            if (peek() == close) return found.also { at++ }
            while (true) {
                found += member()
                if (peek() == close) return found.also { at++ }
                expect(',')
            }
        }

        private fun string(): String {
            expect('"')
            val out = StringBuilder()
            while (true) {
                when (val c = next()) {
                    '"' -> return out.toString()
                    '\\' -> out.append(escaped(next()))
                    else -> out.append(c)
                }
            }
        }

        private fun escaped(c: Char): Char = when (c) {
            'n' -> '\n'
            't' -> '\t'
            'r' -> '\r'
            'b' -> '\b'
            'f' -> '\u000c'
            'u' -> (1..4).fold(0) { code, _ -> 16 * code + Character.digit(next(), 16) }.toChar()
            else -> c
        }

        private fun number(): Double {
            val start = at
            while (at < text.length && (text[at].isLetterOrDigit() || text[at] in "+-.")) at++
            return text.substring(start, at).toDoubleOrNull() ?: fail("a value")
        }

        private fun <T> word(word: String, value: T): T {
            if (!text.startsWith(word, at)) fail("a value")
            at += word.length
            return value
        }

        private fun expect(c: Char) {
            if (peek() != c) fail("'$c'")
            at++
        }

        private fun peek(): Char {
            skip()
            return if (at < text.length) text[at] else fail("more")
        }

        private fun next(): Char = if (at < text.length) text[at++] else fail("more")

        private fun skip() {
            while (at < text.length && text[at].isWhitespace()) at++
        }

        private fun fail(expected: String): Nothing =
            throw IllegalArgumentException("JSON: expected $expected at character $at of ${text.length}")
    }
}
