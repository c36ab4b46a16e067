plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

val litert = "2.1.5"
val camerax = "1.4.2"

android {
    namespace = "org.sdhrnet.demo"
    compileSdk = 35
    defaultConfig {
        applicationId = "org.sdhrnet.demo"
        minSdk = 26
        targetSdk = 35
        versionCode = 1
        versionName = "0.1.0"
        buildConfigField("String", "LITERT", "\"$litert\"")
        ndk { abiFilters += "arm64-v8a" }
    }
    buildFeatures { buildConfig = true }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    kotlinOptions { jvmTarget = "17" }
    androidResources { noCompress += "tflite" }
    sourceSets["main"].assets.srcDir(layout.buildDirectory.dir("assets"))
}

dependencies {
    implementation(project(":landmarks"))
    implementation("com.google.ai.edge.litert:litert:$litert")
    implementation("com.google.mediapipe:tasks-vision:0.10.29")
    implementation("androidx.activity:activity-ktx:1.9.3")
    implementation("androidx.camera:camera-camera2:$camerax")
    implementation("androidx.camera:camera-lifecycle:$camerax")
    implementation("androidx.camera:camera-view:$camerax")
}

// The contract, the golden faces, the models, and MediaPipe's detector become assets.
val deploy = rootDir.parentFile
val models = File(providers.gradleProperty("models").getOrElse("$deploy/../toolkit/weights"))
val detector = File(providers.gradleProperty("detector").getOrElse("$rootDir/face_detection_short_range.tflite"))
val collectAssets = tasks.register<Sync>("collectAssets") {
    from(deploy) { include("contract.json", "golden/faces.json") }
    from(models) { include("*.tflite") }
    from(detector)
    into(layout.buildDirectory.dir("assets"))
    doFirst {
        if (!detector.isFile) throw GradleException("no face detector at $detector: see README.md, \"Build\"")
    }
}
tasks.named("preBuild") { dependsOn(collectAssets) }
