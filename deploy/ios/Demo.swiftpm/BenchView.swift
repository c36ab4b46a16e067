import CoreML
import Foundation
import Landmarks
import SwiftUI

/// Every model on every choice of compute units: its time, and how far its points are from the golden ones.
struct BenchView: View {
    @State private var lines = [String]()
    @State private var saved: URL?
    @State private var running = false
    @State private var measuring: Task<Void, Never>?

    var body: some View {
        VStack {
            HStack {
                Button("Run") { run() }.disabled(running)
                if let saved {
                    ShareLink("Save JSON", item: saved)
                }
            }
            .buttonStyle(.bordered)
            List(lines, id: \.self) { Text($0).font(.caption.monospacedDigit()) }
        }
        .onDisappear { measuring?.cancel() } // beside the camera it would measure that too
    }

    private func run() {
        running = true
        saved = nil
        lines = []
        measuring = Task.detached {
            let url = try? runBenchmarks { text in
                Task { @MainActor in lines.append(text) }
            }
            await MainActor.run {
                saved = url
                running = false
            }
        }
    }
}

/// Measures everything, says each result, and gives a file of records, one JSON object a line.
private func runBenchmarks(say: (String) -> Void) throws -> URL {
    let choices: [(String, MLComputeUnits)] = [
        ("cpu", .cpuOnly), ("gpu+cpu", .cpuAndGPU), ("ane+cpu", .cpuAndNeuralEngine), ("all", .all),
    ]
    do {
        let contract = try Bundled.contract()
        let golden = try Bundled.goldenFaces()
        let system = ProcessInfo.processInfo.operatingSystemVersionString
        var json = ""
        for model in contract.models where Bundled.has(model.file) {
            for (name, units) in choices {
                let on = Conditions(device: "\(hardware()), iOS \(system)", engine: "coreml-\(name) \(system)")
                do {
                    let landmarker = try CoreMLLandmarker(file: model.file, units: units, contract: contract)
                    let record = try bench(model, on: on, golden, landmarker, runs: 100, warmup: 10)
                    let line = try JSONEncoder().encode(record)
                    json += String(decoding: line, as: UTF8.self) + "\n"
                    let (median, p90) = record.latency
                    let times = String(format: "%.2f ms, p90 %.2f ms, %.3f px", median, p90, record.meanMovedPx)
                    say("\(model.precision)  \(name): \(times)")
                } catch let left as CancellationError {
                    throw left
                } catch { // a choice that cannot run the model is a result for the screen, not a record
                    say("\(model.precision)  \(name): \(error)")
                }
            }
        }
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("results.jsonl")
        try json.write(to: url, atomically: true, encoding: .utf8)
        return url
    } catch let left as CancellationError {
        say("stopped, since another screen was opened")
        throw left
    } catch {
        say("\(error)")
        throw error
    }
}

/// The device's own name, such as iPhone16,1.
private func hardware() -> String {
    var info = utsname()
    uname(&info)
    return withUnsafeBytes(of: &info.machine) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
