import Foundation

/// A box, and by how many degrees its crop is turned clockwise around its middle.
public struct TurnedBox {
    public let box: Box
    public let rollDeg: Double
}

/// A face as the detector sees it: its box, its keypoints, right and left eye first as the person has them, its score.
public struct Detection {
    public let box: Box
    public let keypoints: [XY]
    public let score: Double

    public init(box: Box, keypoints: [XY], score: Double) {
        self.box = box
        self.keypoints = keypoints
        self.score = score
    }

    /// Whether its box has an area, and all of it is finite.
    var isWhole: Bool {
        box.hasArea && keypoints.allSatisfy { $0.x.isFinite && $0.y.isFinite }
    }

    /// The crop of the first prediction, by the keypoints or, where they are odd, by the box.
    func crop(_ contract: Contract) -> TurnedBox {
        let rollDeg = rollOf(keypoints[0], keypoints[1], levelDeg: contract.turning.levelDeg)
        let plain = box.calibrated(contract.detector.calibration, rollDeg: rollDeg)
        let found = boxByKeypoints(contract.detector.firstCrop.weights, rollDeg: rollDeg) ?? plain
        let fits = found.hasArea && found.similar(to: plain, farthest: contract.tracking.farthest)
        return TurnedBox(box: fits ? found : plain, rollDeg: rollDeg)
    }

    /// Nil where there are not the keypoints that the weights are for.
    private func boxByKeypoints(_ weights: [SIMD4<Double>], rollDeg: Double) -> Box? {
        guard weights.count == 2 * keypoints.count + 1 else { return nil }
        let count = Double(keypoints.count)
        let middle: XY = keypoints.reduce(XY(0, 0)) { $0 + $1 } / count
        let upright: [XY] = keypoints.map { ($0 - middle).turned(-rollDeg) }
        let squares: [Double] = upright.map { ($0 * $0).sum() }
        let spread = (squares.reduce(0, +) / count).squareRoot()
        let described: [Double] = upright.flatMap { [$0.x / spread, $0.y / spread] } + [1]
        var place = SIMD4<Double>(repeating: 0)
        for (row, value) in zip(weights, described) {
            place += row * (value * spread)
        }
        let centre = middle + XY(place.x, place.y).turned(rollDeg)
        let half = XY(place.z, place.w) / 2
        return Box(low: centre - half, high: centre + half)
    }

    /// A face of a picture after so many quarter turns to the left, in the picture of that size as it is.
    func turnedBack(_ quarter: Int, width: Int, height: Int) -> Detection {
        let far = XY(Double(width - 1), Double(height - 1))
        func back(_ at: XY) -> XY {
            switch quarter {
            case 1: return XY(far.x - at.y, at.x)
            case 2: return far - at
            case 3: return XY(at.y, far.y - at.x)
            default: return at
            }
        }
        let turned = Box(around: [back(box.low), back(box.high)])
        return Detection(box: turned, keypoints: keypoints.map(back), score: score)
    }
}

/// Finds faces in a whole picture, the largest first.
public protocol Detector: AnyObject {
    func detect(_ picture: Picture) throws -> [Detection]
}

/// By how many degrees a crop is turned, clockwise, for eyes at two places: 0 for a level face, and nowhere a jump.
public func rollOf(_ right: XY, _ left: XY, levelDeg: Double) -> Double {
    let seen = atan2(left.y - right.y, left.x - right.x) * 180 / .pi
    let roll = (seen + 180).truncatingRemainder(dividingBy: 360) - 180
    let turned = min(abs(roll), 2 * max(abs(roll) - levelDeg, 0))
    return roll < 0 ? -turned : turned
}

/// The crop of a face's points.
public func cropAround(_ points: [XY], eyes: [Int], levelDeg: Double) -> TurnedBox {
    let rollDeg = rollOf(points[eyes[0]], points[eyes[1]], levelDeg: levelDeg)
    if rollDeg == 0 {
        return TurnedBox(box: Box(around: points), rollDeg: 0)
    }
    let upright = Box(around: points.map { $0.turned(-rollDeg) })
    let shift = upright.centre.turned(rollDeg) - upright.centre
    return TurnedBox(box: upright.moved(by: shift), rollDeg: rollDeg)
}

/// What the detector sees in a picture or, where that is nothing, after some quarter turns: a list of views a face, the
/// highest score first, the largest face first; what is not whole is no face; see `turning` in contract.json.
func facesAnyWayUp(
    _ picture: Picture, _ detector: Detector, quarters: [Int], _ contract: Contract
) throws -> [[Detection]] {
    func seen(from quarters: [Int]) throws -> [Detection] {
        try quarters.flatMap { quarter in
            try detector.detect(picture.turnedLeft(quarter)).filter { $0.isWhole }.map {
                $0.turnedBack(quarter, width: picture.width, height: picture.height)
            }
        }
    }
    func same(_ face: Detection, _ other: Detection) -> Bool {
        face.box.shared(with: other.box) > contract.tracking.sameFace
    }
    let upright = try seen(from: [0])
    let tried = upright.isEmpty ? quarters : []
    var found = upright + (try seen(from: tried))
    if found.contains(where: { $0.score < contract.turning.clear }) {
        found += try seen(from: contract.turning.quarters.filter { !tried.contains($0) })
    }
    var faces = [[Detection]]()
    for face in found.sorted(by: { $0.score > $1.score }) {
        if let known = faces.firstIndex(where: { same(face, $0[0]) }) {
            faces[known].append(face)
        } else if upright.isEmpty || upright.contains(where: { same(face, $0) }) {
            faces.append([face])
        }
    }
    return faces.sorted { $0[0].box.area > $1[0].box.area }
}
