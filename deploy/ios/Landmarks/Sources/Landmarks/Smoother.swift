import Foundation

/// One face's points over time: the One-Euro filter (Casiez et al. 2012), with speeds in face sizes a second.
public final class Smoother {
    private let settings: Contract.OneEuro
    private var points: [XY]?
    private var speed = [XY]()
    private var seconds = 0.0

    public init(_ settings: Contract.OneEuro) {
        self.settings = settings
    }

    /// The points of the next frame, smoothed; throws where it is not later than the last.
    public func smooth(_ next: [XY], at time: Double) throws -> [XY] {
        guard let before = points else {
            speed = next.map { _ in XY(0, 0) }
            points = next
            seconds = time
            return next
        }
        let interval = time - seconds
        guard interval > 0, next.count == before.count else {
            throw Problem("expected \(before.count) points of a later frame, got \(next.count), \(interval) s later")
        }
        let size = max(Box(around: next).longer, 1)
        let keep = weight(interval, settings.derivativeCutoffHz)
        var smooth = [XY]()
        for m in next.indices {
            let moved = next[m] - before[m]
            speed[m] += keep * (moved / (size * interval) - speed[m])
            let x = weight(interval, settings.minCutoffHz + settings.beta * abs(speed[m].x))
            let y = weight(interval, settings.minCutoffHz + settings.beta * abs(speed[m].y))
            smooth.append(before[m] + XY(x, y) * moved)
        }
        points = smooth
        seconds = time
        return smooth
    }

    /// The new value's share in a first-order low-pass filter.
    private func weight(_ interval: Double, _ cutoffHz: Double) -> Double {
        1 / (1 + 1 / (2 * Double.pi * cutoffHz * interval))
    }
}
