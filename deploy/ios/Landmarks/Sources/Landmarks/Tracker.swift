import Foundation

/// A box of the detector with its score.
public struct Detection {
    public let box: Box
    public let score: Double

    public init(box: Box, score: Double) {
        self.box = box
        self.score = score
    }
}

/// Finds faces in a whole picture, the largest first.
public protocol Detector: AnyObject {
    func detect(_ picture: Picture) throws -> [Detection]
}

/// A model on an engine: a crop's RGB bytes in; its landmarks, in crop pixels, out.
public protocol Landmarker: AnyObject {
    func predict(_ crop: [UInt8]) throws -> Prediction
}

/// One face of a frame, in its pixels; `number` stays the same from frame to frame.
public struct TrackedFace {
    public let number: Int
    public let points: [XY]
    public let confidence: [Double]
    public let cropBox: Box
}

/// Faces over frames: found once, then followed by their own landmarks; see `tracking` in contract.json.
public final class Tracker {
    private let contract: Contract
    private let detector: Detector
    private let landmarker: Landmarker
    private let watch: Stopwatch
    private let smoothed: Bool
    private var tracks = [Track]()
    private var lost = [Track]()
    private var looked = -Double.infinity
    private var numbers = 0

    public init(
        _ contract: Contract, _ detector: Detector, _ landmarker: Landmarker, watch: Stopwatch, smoothed: Bool = true
    ) {
        self.contract = contract
        self.detector = detector
        self.landmarker = landmarker
        self.watch = watch
        self.smoothed = smoothed
    }

    private final class Track {
        let number: Int
        let smoother: Smoother?
        var seen: Seen
        var seconds: Double
        /// Of the box, in pixels a second.
        var speed = XY(0, 0)

        init(number: Int, smoother: Smoother?, seen: Seen, seconds: Double) {
            self.number = number
            self.smoother = smoother
            self.seen = seen
            self.seconds = seconds
        }
    }

    /// What one prediction gave: the landmarks in the picture, the box of the crop, the box of the points.
    private struct Seen {
        let found: Prediction
        let cropBox: Box
        var box: Box { Box(around: found.points) }
    }

    private var rule: Contract.TrackingRule { contract.tracking }

    /// The faces of the next frame, by number.
    public func next(_ picture: Picture, at seconds: Double) throws -> [TrackedFace] {
        let kept = try distinct(tracks.filter { try follow($0, picture, seconds) })
        lost += tracks.filter { track in !kept.contains { $0 === track } }
        lost = lost.filter { seconds - $0.seconds <= rule.rememberS }
        tracks = kept
        if shouldLook(seconds) {
            looked = seconds
            try look(picture, seconds)
        }
        return try tracks.sorted { $0.number < $1.number }.map(face)
    }

    private func follow(_ track: Track, _ picture: Picture, _ seconds: Double) throws -> Bool {
        let elapsed = seconds - track.seconds
        let ahead = track.seen.box.moved(by: track.speed * min(elapsed, rule.aheadS))
        let seen = try predict(picture, ahead)
        guard isFace(seen, picture) else { return false }
        track.speed = shift(track.seen.box, seen.box) / elapsed
        track.seen = seen
        track.seconds = seconds
        return true
    }

    /// How far the centre of a box has moved, less the part that may be trembling.
    private func shift(_ before: Box, _ box: Box) -> XY {
        let moved = box.centre - before.centre
        let length = (moved * moved).sum().squareRoot()
        return length > 0 ? moved * max(0, 1 - rule.leeway * box.longer / length) : XY(0, 0)
    }

    private func isFace(_ seen: Seen, _ picture: Picture) -> Bool {
        seen.found.meanConfidence >= rule.minConfidence
            && seen.box.inside(width: picture.width, height: picture.height) >= rule.minInside
            && seen.box.similar(to: seen.cropBox, farthest: rule.farthest)
    }

    private func shouldLook(_ seconds: Double) -> Bool {
        tracks.count < rule.faces && (tracks.isEmpty || !lost.isEmpty || seconds - looked >= rule.lookAgainS)
    }

    /// Begins a track for every face that is not followed yet.
    private func look(_ picture: Picture, _ seconds: Double) throws {
        for detection in try watch.time("detect", { try detector.detect(picture) }) {
            let box = detection.box.calibrated(contract.detector.calibration)
            if tracks.count >= rule.faces || track(at: box, in: tracks) != nil { continue }
            let seen = try settle(picture, box)
            if !isFace(seen, picture) || track(at: seen.box, in: tracks) != nil { continue }
            let smoother = smoothed ? Smoother(contract.smoothing) : nil
            tracks.append(Track(number: number(for: seen.box), smoother: smoother, seen: seen, seconds: seconds))
        }
    }

    /// The first predictions of a face: each after the first crops around the points of the one before.
    private func settle(_ picture: Picture, _ box: Box) throws -> Seen {
        var seen = try predict(picture, box)
        for _ in 1..<max(rule.passes, 1) {
            guard seen.box.similar(to: seen.cropBox, farthest: rule.farthest) else { return seen }
            seen = try predict(picture, seen.box)
        }
        return seen
    }

    private func predict(_ picture: Picture, _ box: Box) throws -> Seen {
        let crop = try Crop(of: box, sizePx: contract.model.sizePx, boxScale: contract.crop.boxScale)
        let pixels = watch.time("crop") { picture.cut(crop) }
        let found = try watch.time("network") { try landmarker.predict(pixels) }
        let points = found.points.map(crop.toImage)
        return Seen(found: Prediction(points: points, confidence: found.confidence), cropBox: box)
    }

    private func track(at box: Box, in among: [Track]) -> Track? {
        among.first { $0.seen.box.shared(with: box) > rule.sameFace }
    }

    private func number(for box: Box) -> Int {
        if let again = track(at: box, in: lost) {
            lost.removeAll { $0 === again }
            return again.number
        }
        numbers += 1
        return numbers
    }

    /// Those that follow a face of their own: of two on one face, the surer one.
    private func distinct(_ found: [Track]) -> [Track] {
        var kept = [Track]()
        for track in found.sorted(by: { $0.seen.found.meanConfidence > $1.seen.found.meanConfidence }) {
            if kept.allSatisfy({ $0.seen.box.shared(with: track.seen.box) <= rule.sameTrack }) {
                kept.append(track)
            }
        }
        return kept
    }

    private func face(_ track: Track) throws -> TrackedFace {
        let (raw, crop) = (track.seen.found, track.seen.cropBox)
        let smooth = try watch.time("smooth") { try track.smoother?.smooth(raw.points, at: track.seconds) }
        return TrackedFace(
            number: track.number, points: smooth ?? raw.points, confidence: raw.confidence, cropBox: crop
        )
    }
}
