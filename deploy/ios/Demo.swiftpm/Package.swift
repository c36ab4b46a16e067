// swift-tools-version:5.9
import AppleProductTypes
import PackageDescription

// Opens in Xcode 15 or later as an app. Bundled: see ../README.md, "Build".
let package = Package(
    name: "Demo",
    platforms: [.iOS(.v16)],
    products: [
        .iOSApplication(
            name: "SD-HRNet",
            targets: ["Demo"],
            bundleIdentifier: "org.sdhrnet.demo",
            displayVersion: "0.1.0",
            bundleVersion: "1",
            supportedDeviceFamilies: [.phone, .pad],
            supportedInterfaceOrientations: [.portrait],
            capabilities: [.camera(purposeString: "Draws landmarks on faces. No picture leaves the phone or is kept.")]
        ),
    ],
    dependencies: [.package(path: "../Landmarks")],
    targets: [
        .executableTarget(name: "Demo", dependencies: ["Landmarks"], path: ".", resources: [.copy("Bundled")]),
    ]
)
