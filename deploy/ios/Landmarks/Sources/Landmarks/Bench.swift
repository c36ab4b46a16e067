import Foundation

/// Milliseconds by stage, of the latest frames.
public final class Stopwatch {
    private var timesMs = [String: [Double]]()
    private let frames: Int

    public init(frames: Int = 60) {
        self.frames = frames
    }

    /// Runs a stage and keeps its time.
    public func time<T>(_ stage: String, _ work: () throws -> T) rethrows -> T {
        let started = nowMs()
        defer { timesMs[stage] = Array(((timesMs[stage] ?? []) + [nowMs() - started]).suffix(frames)) }
        return try work()
    }

    /// Median of each stage.
    public var mediansMs: [String: Double] {
        timesMs.mapValues { quantile($0.sorted(), 0.5) }
    }
}

/// A clock that no one sets.
func nowMs() -> Double {
    ProcessInfo.processInfo.systemUptime * 1000
}

/// Linear between the two nearest of sorted values, as NumPy has it.
public func quantile(_ sorted: [Double], _ share: Double) -> Double {
    let at = share * Double(sorted.count - 1)
    let low = Int(at)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (at - Double(low)) * (sorted[high] - sorted[low])
}

/// The golden faces of `faces.json`: crops as the contract's model should see them, and the points it should give.
public struct GoldenFaces: Decodable {
    public struct Face: Decodable {
        public let cropRgb: Data
        public let cropPointsXy: [Point]
    }

    public let faces: [Face]
}

/// What a benchmark's record says about where it ran.
public struct Conditions {
    public let device: String
    public let engine: String
    public let accelerator: String

    public init(device: String, engine: String, accelerator: String) {
        self.device = device
        self.engine = engine
        self.accelerator = accelerator
    }
}

/// One measurement in the form of the toolkit's own records; what is not measured on a phone is null.
public struct Record: Encodable {
    public let model: Contract.Model
    public let on: Conditions
    public let faces: Int
    public let movedPx: [Double]
    public let timesMs: [Double]
    public let warmup: Int

    public var latency: (median: Double, p90: Double) {
        (quantile(timesMs.sorted(), 0.5), quantile(timesMs.sorted(), 0.9))
    }

    enum Key: String, CodingKey {
        case kind, model, precision, engine, accelerator, threads, device, data, split, n, seed, commit, versions
        case fileSha256 = "file_sha256", sizeBytes = "size_bytes", latencyMs = "latency_ms"
        case pointsMovedPx = "points_moved_px", pointsMovedWorstPx = "points_moved_worst_px"
        case nmeMean = "nme_mean", nmeMedian = "nme_median", fr10, auc10
    }

    private struct Latency: Encodable {
        let median: Double
        let p90: Double
        let runs: Int
        let warmup: Int
    }

    public func encode(to encoder: Encoder) throws {
        var out = encoder.container(keyedBy: Key.self)
        let texts: [(Key, String)] = [
            (.kind, "benchmark"), (.model, model.file), (.fileSha256, model.fileSha256), (.precision, model.precision),
            (.engine, on.engine), (.accelerator, on.accelerator), (.device, on.device),
            (.data, "golden faces of the contract"), (.split, "golden"),
        ]
        for (key, text) in texts {
            try out.encode(text, forKey: key)
        }
        try out.encode(faces, forKey: .n)
        try out.encode(movedPx.reduce(0, +) / Double(max(movedPx.count, 1)), forKey: .pointsMovedPx)
        try out.encode(movedPx.max() ?? 0, forKey: .pointsMovedWorstPx)
        let (median, p90) = latency
        try out.encode(Latency(median: median, p90: p90, runs: timesMs.count, warmup: warmup), forKey: .latencyMs)
        // Core ML chooses its threads, and a package is compiled on the phone: neither has a number here.
        for key in [Key.threads, .sizeBytes, .nmeMean, .nmeMedian, .fr10, .auc10, .seed, .commit, .versions] {
            try out.encodeNil(forKey: key)
        }
    }
}

/// Times a model on golden crops and says how far its points are from the expected ones.
public func bench(
    _ model: Contract.Model, on conditions: Conditions, _ golden: GoldenFaces, _ landmarker: Landmarker, runs: Int, warmup: Int
) throws -> Record {
    let crops = golden.faces.map { [UInt8]($0.cropRgb) }
    var movedPx = [Double]()
    for (face, crop) in zip(golden.faces, crops) {
        for (found, expected) in zip(try landmarker.predict(crop).points, face.cropPointsXy) {
            let apart = found - expected
            movedPx.append((apart * apart).sum().squareRoot())
        }
    }
    for turn in 0..<warmup {
        _ = try landmarker.predict(crops[turn % crops.count])
    }
    var timesMs = [Double]()
    for turn in 0..<runs {
        let started = nowMs()
        _ = try landmarker.predict(crops[turn % crops.count])
        timesMs.append(nowMs() - started)
    }
    return Record(model: model, on: conditions, faces: crops.count, movedPx: movedPx, timesMs: timesMs, warmup: warmup)
}
