// Plain Kotlin: nothing of Android, so that it is tested on any JVM.
import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins { id("org.jetbrains.kotlin.jvm") }

// For Java 17, as the app is, by whatever newer JDK runs Gradle: a toolchain would ask for an installed JDK 17.
kotlin { compilerOptions { jvmTarget.set(JvmTarget.JVM_17) } }

java {
    sourceCompatibility = JavaVersion.VERSION_17
    targetCompatibility = JavaVersion.VERSION_17
}

dependencies { testImplementation(kotlin("test-junit")) }

tasks.test { systemProperty("deploy", rootDir.parent) }
