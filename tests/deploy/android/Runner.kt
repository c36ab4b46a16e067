package org.junit

/** Marks a test; stands in for JUnit's where there is none. */
annotation class Test

/** Runs every test of a class, prints a line for each, and ends with status 1 where one failed. */
fun main(classes: Array<String>) {
    var failed = 0
    for (name in classes) {
        val type = Class.forName(name)
        for (method in type.methods.filter { it.isAnnotationPresent(Test::class.java) }.sortedBy { it.name }) {
            try {
                method.invoke(type.getDeclaredConstructor().newInstance())
                println("ok ${method.name}")
            } catch (error: java.lang.reflect.InvocationTargetException) {
                failed++
                println("FAILED ${method.name}: ${error.cause}")
                error.cause?.printStackTrace()
            }
        }
    }
    if (failed > 0) System.exit(1)
}
