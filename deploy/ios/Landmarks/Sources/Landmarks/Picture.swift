import Foundation

/// Pixels of a camera frame: blue, green, red and one unused byte each.
public struct Picture {
    public let width: Int
    public let height: Int
    private let bgra: [UInt8]
    private let bytesPerRow: Int

    /// Throws where there are fewer bytes than pixels.
    public init(width: Int, height: Int, bgra: [UInt8], bytesPerRow: Int) throws {
        let needed = bytesPerRow * (height - 1) + 4 * width
        guard width > 0, height > 0, bytesPerRow >= 4 * width, bgra.count >= needed else {
            throw Problem("expected \(width) x \(height) pixels of 4 bytes, got \(bgra.count) bytes")
        }
        self.width = width
        self.height = height
        self.bgra = bgra
        self.bytesPerRow = bytesPerRow
    }

    /// The crop's pixels as RGB, row after row, as training cut them: see `crop` in contract.json.
    public func cut(_ crop: Crop) -> [UInt8] {
        let block = crop.scale < 1 ? Int(1 / crop.scale) : 1
        if block > 1 {
            return shrunk(under: crop, block: block)
        }
        return sampled(crop, width: width, height: height) { x, y, colour in level(x, y, colour) }
    }

    /// It after so many quarter turns to the left.
    public func turnedLeft(_ quarter: Int) -> Picture {
        if quarter == 0 {
            return self
        }
        let (wide, high) = quarter == 2 ? (width, height) : (height, width)
        var turned = [UInt8](repeating: 0, count: 4 * wide * high)
        for y in 0..<high {
            for x in 0..<wide {
                let from: Int
                switch quarter {
                case 1: from = x * bytesPerRow + 4 * (width - 1 - y)
                case 2: from = (height - 1 - y) * bytesPerRow + 4 * (width - 1 - x)
                default: from = (height - 1 - x) * bytesPerRow + 4 * y
                }
                let to = 4 * (y * wide + x)
                for byte in 0..<4 {
                    turned[to + byte] = bgra[from + byte]
                }
            }
        }
        return Picture(turned, width: wide, height: high)
    }

    /// Rows that lie one after the other.
    private init(_ bgra: [UInt8], width: Int, height: Int) {
        self.bgra = bgra
        self.width = width
        self.height = height
        bytesPerRow = 4 * width
    }

    /// Blue, green, red and an unused byte of the pixels, row after row.
    public var rows: [ArraySlice<UInt8>] {
        (0..<height).map { bgra[($0 * bytesPerRow)..<($0 * bytesPerRow + 4 * width)] }
    }

    private func level(_ x: Int, _ y: Int, _ colour: Int) -> Double {
        Double(bgra[y * bytesPerRow + 4 * x + 2 - colour])
    }

    private func shrunk(under crop: Crop, block: Int) -> [UInt8] {
        let columns = (width + block - 1) / block
        let rows = (height + block - 1) / block
        // Only the blocks under the crop, and one around them for the sampling.
        let far = Double(crop.sizePx) - 0.5
        let corners = [XY(-0.5, -0.5), XY(far, -0.5), XY(-0.5, far), XY(far, far)]
        let under = Box(around: corners.map(crop.toImage))
        let (from, to) = (under.low / Double(block), under.high / Double(block))
        let left = clamped(Int(from.x.rounded(.down)) - 1, 0, columns - 1)
        let top = clamped(Int(from.y.rounded(.down)) - 1, 0, rows - 1)
        let right = clamped(Int(to.x.rounded(.up)) + 2, left + 1, columns)
        let bottom = clamped(Int(to.y.rounded(.up)) + 2, top + 1, rows)
        let across = right - left
        var means = [Double]()
        means.reserveCapacity(3 * across * (bottom - top))
        for row in top..<bottom {
            for column in left..<right {
                means += mean(column * block, row * block, block)
            }
        }
        let small = crop.ofBlocks(block, at: XY(Double(left * block), Double(top * block)))
        return sampled(small, width: across, height: bottom - top) { x, y, colour in
            means[3 * (y * across + x) + colour]
        }
    }

    /// The mean red, green and blue of a block whose pixels beyond the edge repeat it, as whole levels.
    private func mean(_ left: Int, _ top: Int, _ block: Int) -> [Double] {
        (0..<3).map { colour in
            var sum = 0.0
            for y in top..<(top + block) {
                for x in left..<(left + block) {
                    sum += level(min(x, width - 1), min(y, height - 1), colour)
                }
            }
            return (sum / Double(block * block)).rounded()
        }
    }
}

/// Bilinear samples, rounded to whole levels; outside, the edge is repeated.
private func sampled(_ crop: Crop, width: Int, height: Int, level: (Int, Int, Int) -> Double) -> [UInt8] {
    var out = [UInt8]()
    out.reserveCapacity(3 * crop.sizePx * crop.sizePx)
    for v in 0..<crop.sizePx {
        for u in 0..<crop.sizePx {
            let place = crop.toImage(XY(Double(u), Double(v)))
            let x = clamped(place.x, 0, Double(width - 1))
            let y = clamped(place.y, 0, Double(height - 1))
            let top = Int(y)
            let bottom = min(top + 1, height - 1)
            let b = y - Double(top)
            let left = Int(x)
            let right = min(left + 1, width - 1)
            let a = x - Double(left)
            for colour in 0..<3 {
                let above = level(left, top, colour) * (1 - a) + level(right, top, colour) * a
                let below = level(left, bottom, colour) * (1 - a) + level(right, bottom, colour) * a
                out.append(UInt8((above * (1 - b) + below * b).rounded()))
            }
        }
    }
    return out
}

func clamped<T: Comparable>(_ value: T, _ low: T, _ high: T) -> T {
    min(max(value, low), high)
}
