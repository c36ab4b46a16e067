import SwiftUI

@main
struct DemoApp: App {
    var body: some Scene {
        WindowGroup {
            TabView {
                CameraView().tabItem { Label("Camera", systemImage: "camera") }
                BenchView().tabItem { Label("Bench", systemImage: "speedometer") }
            }
        }
    }
}
