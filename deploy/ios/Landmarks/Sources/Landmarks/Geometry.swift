import Foundation

/// A point in pixels: 0-based, whole numbers at pixel centres.
public typealias XY = SIMD2<Double>

extension SIMD2 where Scalar == Double {
    /// It, turned clockwise on the screen around the origin.
    public func turned(_ degrees: Double) -> XY {
        let angle = degrees * .pi / 180
        return XY(cos(angle) * x - sin(angle) * y, sin(angle) * x + cos(angle) * y)
    }
}

/// A box from its least to its greatest corner, in pixels.
public struct Box {
    public let low: XY
    public let high: XY

    public init(low: XY, high: XY) {
        self.low = low
        self.high = high
    }

    /// The tight box of some points.
    public init(around points: [XY]) {
        let xs = points.map { $0.x }
        let ys = points.map { $0.y }
        low = XY(xs.min() ?? 0, ys.min() ?? 0)
        high = XY(xs.max() ?? 0, ys.max() ?? 0)
    }

    public var extent: XY { high - low }
    public var centre: XY { (low + high) / 2 }
    public var longer: Double { max(extent.x, extent.y) }
    public var area: Double { extent.x * extent.y }

    public func moved(by shift: XY) -> Box {
        Box(low: low + shift, high: high + shift)
    }

    /// Whether it is finite, its left side left of its right one, and its top above its bottom.
    var hasArea: Bool {
        [low.x, low.y, high.x, high.y].allSatisfy { $0.isFinite } && low.x < high.x && low.y < high.y
    }

    /// The area that two boxes share over the smaller one's; 0 where that one has none.
    public func shared(with other: Box) -> Double {
        let across = max(0, min(high.x, other.high.x) - max(low.x, other.low.x))
        let down = max(0, min(high.y, other.high.y) - max(low.y, other.low.y))
        let smaller = min(area, other.area)
        return smaller > 0 ? across * down / smaller : 0
    }

    /// The part of it that lies in a picture.
    public func inside(width: Int, height: Int) -> Double {
        shared(with: Box(low: XY(-0.5, -0.5), high: XY(Double(width) - 0.5, Double(height) - 0.5)))
    }

    /// Whether it still shows the face of the box before.
    public func similar(to before: Box, farthest: Double) -> Bool {
        let shift = centre - before.centre
        let near = max(abs(shift.x), abs(shift.y)) < before.longer / 2
        return near && longer > before.longer / farthest && longer < before.longer * farthest
    }

    /// Whether it lies where the box before did: its centre and half its longer side, by a part of that one's longer side.
    public func settled(at before: Box, part: Double) -> Bool {
        let shift = centre - before.centre
        return max(abs(shift.x), abs(shift.y), abs(longer - before.longer) / 2) <= part * before.longer
    }

    /// The box of training, before it is turned by a roll, for the face in this box of the detector.
    public func calibrated(_ rule: Contract.Calibration, rollDeg: Double) -> Box {
        let middle = centre + (extent * rule.shiftXy).turned(rollDeg)
        let half = extent * rule.scaleXy / 2
        return Box(low: middle - half, high: middle + half)
    }
}

/// The square crop around a box: image pixel p is crop pixel [[a, -b], [b, a]] p + offset.
public struct Crop {
    /// (a, b).
    public let linear: XY
    public let offset: XY
    public let sizePx: Int

    public init(linear: XY, offset: XY, sizePx: Int) {
        self.linear = linear
        self.offset = offset
        self.sizePx = sizePx
    }

    /// The crop of `boxScale` times the longer side of a box, turned clockwise; throws for a box without area.
    public init(of box: Box, sizePx: Int, boxScale: Double, rollDeg: Double) throws {
        let sides = [box.extent.x, box.extent.y]
        guard sides.allSatisfy({ $0.isFinite && $0 >= 0 }), box.longer > 0 else {
            throw Problem("a face box needs an area, got \(box)")
        }
        linear = XY(Double(sizePx) / (boxScale * box.longer), 0).turned(-rollDeg)
        let middle = Double(sizePx - 1) / 2
        let centre = box.centre
        offset = XY(
            middle - linear.x * centre.x + linear.y * centre.y, middle - linear.y * centre.x - linear.x * centre.y
        )
        self.sizePx = sizePx
    }

    /// Crop pixels for an image pixel.
    public var scale: Double { (linear * linear).sum().squareRoot() }

    public func toImage(_ point: XY) -> XY {
        let from = point - offset
        let turned = XY(linear.x * from.x + linear.y * from.y, linear.x * from.y - linear.y * from.x)
        return turned / (linear * linear).sum()
    }

    /// The same for the picture shrunk to blocks of so many pixels, whose first block begins at an image pixel.
    func ofBlocks(_ block: Int, at corner: XY) -> Crop {
        // Block s has its centre at image pixel corner + s * block + (block - 1) / 2.
        let origin = corner + Double(block - 1) / 2
        let shift = XY(linear.x * origin.x - linear.y * origin.y, linear.y * origin.x + linear.x * origin.y)
        return Crop(linear: linear * Double(block), offset: offset + shift, sizePx: sizePx)
    }
}
