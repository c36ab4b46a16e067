// Plain Kotlin: nothing of Android, so that it is tested on any JVM.
plugins { id("org.jetbrains.kotlin.jvm") }

kotlin { jvmToolchain(17) }

dependencies { testImplementation(kotlin("test-junit")) }

tasks.test { systemProperty("deploy", rootDir.parent) }
