import Foundation

/// A model on an engine: a crop's RGB bytes in; its landmarks, in crop pixels, out.
public protocol Landmarker: AnyObject {
    func predict(_ crop: [UInt8]) throws -> Prediction
}

/// One face of a frame, in its pixels, and its crop; `number` stays the same from frame to frame.
public struct TrackedFace {
    public let number: Int
    public let points: [XY]
    public let confidence: [Double]
    public let crop: TurnedBox
}

/// Faces over frames: found once, then followed by their own landmarks; see `tracking` in contract.json.
public final class Tracker {
    private let contract: Contract
    private let detector: Detector
    private let landmarker: Landmarker
    private let watch: Stopwatch
    private let smoothed: Bool
    private let eyes: [Int]
    private var tracks = [Track]()
    private var lost = [Track]()
    private var last = -Double.infinity
    private var looked = -Double.infinity
    private var numbers = 0
    private var quartersTried = 0

    /// `eyes`: the points that tell how a face is turned, by default the contract's.
    public init(
        _ contract: Contract, _ detector: Detector, _ landmarker: Landmarker, watch: Stopwatch, smoothed: Bool = true,
        eyes: [Int]? = nil
    ) {
        self.contract = contract
        self.detector = detector
        self.landmarker = landmarker
        self.watch = watch
        self.smoothed = smoothed
        self.eyes = eyes ?? contract.turning.eyes
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

        /// Where its box is so many seconds later, at that speed.
        func ahead(_ seconds: Double) -> Box {
            seen.box.moved(by: speed * seconds)
        }
    }

    /// What one prediction gave: the landmarks in the picture, its crop, and the crop of its points.
    private struct Seen {
        let found: Prediction
        let crop: TurnedBox
        let around: TurnedBox
        var box: Box { around.box }
    }

    private var rule: Contract.TrackingRule { contract.tracking }

    /// The faces of the next frame, by number; throws where it is not later than the last.
    public func next(_ picture: Picture, at seconds: Double) throws -> [TrackedFace] {
        guard seconds > last else { throw Problem("a frame at \(seconds) s cannot follow one at \(last) s") }
        last = seconds
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
        let ahead = track.ahead(min(elapsed, rule.aheadS))
        let seen = try predict(picture, TurnedBox(box: ahead, rollDeg: track.seen.around.rollDeg))
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
            && seen.box.longer < rule.largest * Double(max(picture.width, picture.height))
            && seen.box.similar(to: seen.crop.box, farthest: rule.farthest)
    }

    private func shouldLook(_ seconds: Double) -> Bool {
        tracks.count < rule.faces && (tracks.isEmpty || !lost.isEmpty || seconds - looked >= rule.lookAgainS)
    }

    /// Begins a track for every face that is not followed yet.
    private func look(_ picture: Picture, _ seconds: Double) throws {
        let quarters = nextQuarter()
        let faces = try watch.time("detect") { try facesAnyWayUp(picture, detector, quarters: quarters, contract) }
        for views in faces {
            let box = views[0].box.calibrated(contract.detector.calibration, rollDeg: 0)
            if tracks.count >= rule.faces || track(at: box, in: tracks) != nil { continue }
            let seen = try surest(picture, views)
            if !isFace(seen, picture) || track(at: seen.box, in: tracks) != nil { continue }
            let smoother = smoothed ? Smoother(contract.smoothing) : nil
            let number = number(for: seen.box, at: seconds)
            tracks.append(Track(number: number, smoother: smoother, seen: seen, seconds: seconds))
        }
    }

    /// Where no face is followed, one of the picture's other sides, another one each time.
    private func nextQuarter() -> [Int] {
        guard tracks.isEmpty else { return [] }
        defer { quartersTried += 1 }
        return [contract.turning.quarters[quartersTried % contract.turning.quarters.count]]
    }

    /// The landmarks of a face seen from some sides, by the view where they are surest.
    private func surest(_ picture: Picture, _ views: [Detection]) throws -> Seen {
        var best = try settle(picture, views[0].crop(contract))
        for view in views.dropFirst() {
            let seen = try settle(picture, view.crop(contract))
            if seen.found.meanConfidence > best.found.meanConfidence {
                best = seen
            }
        }
        return best
    }

    /// The first predictions of a face: each after the first crops around the points of the one before.
    private func settle(_ picture: Picture, _ crop: TurnedBox) throws -> Seen {
        var seen = try predict(picture, crop)
        for _ in 1..<max(rule.passes, 1) {
            if seen.box.settled(at: seen.crop.box, part: rule.settled) { return seen }
            guard seen.box.similar(to: seen.crop.box, farthest: rule.farthest) else { return seen }
            seen = try predict(picture, seen.around)
        }
        return seen
    }

    private func predict(_ picture: Picture, _ turned: TurnedBox) throws -> Seen {
        let crop = try Crop(
            of: turned.box, sizePx: contract.model.sizePx, boxScale: contract.crop.boxScale, rollDeg: turned.rollDeg
        )
        let pixels = watch.time("crop") { picture.cut(crop) }
        let found = try watch.time("network") { try landmarker.predict(pixels) }
        let points = found.points.map(crop.toImage)
        let around = cropAround(points, eyes: eyes, levelDeg: contract.turning.levelDeg)
        return Seen(found: Prediction(points: points, confidence: found.confidence), crop: turned, around: around)
    }

    private func track(at box: Box, in among: [Track]) -> Track? {
        among.first { $0.seen.box.shared(with: box) > rule.sameFace }
    }

    private func number(for box: Box, at seconds: Double) -> Int {
        if let again = lost.first(where: { mayBe($0, at: box, seconds) }) {
            lost.removeAll { $0 === again }
            return again.number
        }
        numbers += 1
        return numbers
    }

    /// Whether a lost face can be there: where it was, or where it was going.
    private func mayBe(_ lost: Track, at box: Box, _ seconds: Double) -> Bool {
        [lost.seen.box, lost.ahead(seconds - lost.seconds)].contains { $0.shared(with: box) > rule.sameFace }
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
        let (raw, crop) = (track.seen.found, track.seen.crop)
        let smooth = try watch.time("smooth") { try track.smoother?.smooth(raw.points, at: track.seconds) }
        return TrackedFace(
            number: track.number, points: smooth ?? raw.points, confidence: raw.confidence, crop: crop
        )
    }
}
