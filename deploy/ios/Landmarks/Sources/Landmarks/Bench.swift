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
        public let cropPointsXy: [XY]
    }

    public let faces: [Face]
}

/// Where a benchmark ran, as a record says it.
public struct Conditions {
    public let device: String
    public let engine: String

    public init(device: String, engine: String) {
        self.device = device
        self.engine = engine
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

    public var meanMovedPx: Double {
        movedPx.reduce(0, +) / Double(max(movedPx.count, 1))
    }

    enum Key: String, CodingKey {
        case kind, model, precision, engine, device, data, split, n, parity, seed, commit, versions, fr10, auc10
        case fileSha256 = "file_sha256", sizeBytes = "size_bytes", latencyMs = "latency_ms"
        case nmeMean = "nme_mean", nmeMedian = "nme_median"
    }

    private struct Latency: Encodable {
        let median: Double
        let p90: Double
        let runs: Int
        let warmup: Int
    }

    private struct Parity: Encodable {
        let data = "golden faces of deploy/golden, against Python's points"
        let n: Int
        let meanPx: Double
        let worstPx: Double
        let movedOver1px: Double

        enum CodingKeys: String, CodingKey {
            case data, n, meanPx = "mean_px", worstPx = "worst_px", movedOver1px = "moved_over_1px"
        }
    }

    /// Without `threads`, since Core ML chooses them.
    public func encode(to encoder: Encoder) throws {
        var out = encoder.container(keyedBy: Key.self)
        try out.encode("benchmark", forKey: .kind)
        try out.encode(model.file, forKey: .model)
        try out.encode(model.fileSha256, forKey: .fileSha256)
        try out.encode(model.precision, forKey: .precision)
        try out.encode(on.engine, forKey: .engine)
        try out.encode(on.device, forKey: .device)
        let far = Double(movedPx.filter { $0 > 1 }.count) / Double(max(movedPx.count, 1))
        let parity = Parity(n: faces, meanPx: meanMovedPx, worstPx: movedPx.max() ?? 0, movedOver1px: far)
        try out.encode(parity, forKey: .parity)
        let (median, p90) = latency
        try out.encode(Latency(median: median, p90: p90, runs: timesMs.count, warmup: warmup), forKey: .latencyMs)
        let notMeasured: [Key] = [
            .sizeBytes, .data, .split, .n, .nmeMean, .nmeMedian, .fr10, .auc10, .seed, .commit, .versions,
        ]
        for key in notMeasured {
            try out.encodeNil(forKey: key)
        }
    }
}

/// Times a model on golden crops and says how far its points are from the expected ones; throws CancellationError before
/// the next call once its task is cancelled.
public func bench(
    _ model: Contract.Model, on conditions: Conditions, _ golden: GoldenFaces, _ landmarker: Landmarker,
    runs: Int, warmup: Int
) throws -> Record {
    let crops = golden.faces.map { [UInt8]($0.cropRgb) }
    func predict(_ crop: [UInt8]) throws -> Prediction {
        try Task.checkCancellation()
        return try landmarker.predict(crop)
    }
    var movedPx = [Double]()
    for (face, crop) in zip(golden.faces, crops) {
        for (found, expected) in zip(try predict(crop).points, face.cropPointsXy) {
            let apart = found - expected
            movedPx.append((apart * apart).sum().squareRoot())
        }
    }
    for turn in 0..<warmup {
        _ = try predict(crops[turn % crops.count])
    }
    var timesMs = [Double]()
    for turn in 0..<runs {
        let started = nowMs()
        _ = try predict(crops[turn % crops.count])
        timesMs.append(nowMs() - started)
    }
    return Record(model: model, on: conditions, faces: crops.count, movedPx: movedPx, timesMs: timesMs, warmup: warmup)
}
