// swift-tools-version:5.9
import PackageDescription

// Foundation only, so that it also builds off Apple: `swift test` runs the golden test.
let package = Package(
    name: "Landmarks",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Landmarks", targets: ["Landmarks"])],
    targets: [
        .target(name: "Landmarks"),
        .testTarget(name: "LandmarksTests", dependencies: ["Landmarks"]),
    ]
)
