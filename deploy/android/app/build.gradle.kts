plugins { id("com.android.application") }

val litert = "2.1.5"
val camerax = "1.4.2"

android {
    namespace = "org.sdhrnet.demo"
    compileSdk = 36
    defaultConfig {
        applicationId = "org.sdhrnet.demo"
        minSdk = 26
        targetSdk = 36
        versionCode = 1
        versionName = "0.1.0"
        buildConfigField("String", "LITERT", "\"$litert\"")
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") } // phones, and the emulator on a PC
    }
    buildFeatures { buildConfig = true }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    androidResources { noCompress += "tflite" }
}

dependencies {
    implementation(project(":landmarks"))
    implementation("com.google.ai.edge.litert:litert:$litert")
    implementation("com.google.mediapipe:tasks-vision:0.10.29")
    implementation("androidx.activity:activity-ktx:1.10.1")
    implementation("androidx.core:core-ktx:1.16.0")
    implementation("androidx.camera:camera-camera2:$camerax")
    implementation("androidx.camera:camera-lifecycle:$camerax")
    implementation("androidx.camera:camera-view:$camerax")
}

/** The contract, the golden faces, the models, and MediaPipe's detector become assets. */
abstract class CollectAssets : DefaultTask() {
    @get:InputFiles abstract val flat: ConfigurableFileCollection
    @get:InputFiles abstract val golden: ConfigurableFileCollection
    @get:InputFiles abstract val detector: ConfigurableFileCollection
    @get:OutputDirectory abstract val folder: DirectoryProperty
    @get:Inject abstract val files: FileSystemOperations

    @TaskAction
    fun collect() {
        val missing = detector.filterNot { it.isFile }
        if (missing.isNotEmpty()) throw GradleException("no face detector at ${missing.first()}: see README.md, \"Build\"")
        files.sync {
            from(flat, detector)
            from(golden) { into("golden") }
            into(folder)
        }
    }
}

val deploy = rootDir.parentFile
val collectAssets = tasks.register<CollectAssets>("collectAssets") {
    val models = providers.gradleProperty("models").getOrElse("$deploy/../toolkit/weights")
    flat.from("$deploy/contract.json", fileTree(models) { include("*.tflite") })
    golden.from("$deploy/golden/faces.json")
    detector.from(providers.gradleProperty("detector").getOrElse("$rootDir/face_detection_short_range.tflite"))
}
androidComponents.onVariants { variant ->
    variant.sources.assets?.addGeneratedSourceDirectory(collectAssets, CollectAssets::folder)
}
