import Foundation

/// The landmarks of one crop or picture, in its pixels, and a confidence in [0, 1] each.
public struct Prediction {
    public let points: [XY]
    public let confidence: [Double]

    public init(points: [XY], confidence: [Double]) {
        self.points = points
        self.confidence = confidence
    }

    /// From a model's output tensors: points in [0, 1] of the crop, x before y. Throws where sizes or values are wrong.
    public init(outputPoints: [Double], outputConfidence: [Double], contract: Contract) throws {
        let count = contract.model.points
        guard outputPoints.count == 2 * count, outputConfidence.count == count else {
            let found = "\(outputPoints.count) and \(outputConfidence.count)"
            throw Problem("expected \(2 * count) and \(count) values, got \(found): is it the contract's model?")
        }
        guard (outputPoints + outputConfidence).allSatisfy({ $0.isFinite }) else {
            throw Problem("the model gave values that are not finite")
        }
        let size = Double(contract.model.sizePx)
        points = (0..<count).map { XY(outputPoints[2 * $0], outputPoints[2 * $0 + 1]) * size - 0.5 }
        confidence = outputConfidence
    }

    public var meanConfidence: Double {
        confidence.reduce(0, +) / Double(max(confidence.count, 1))
    }
}

/// One map of width x height values, row after row.
public struct Heatmap {
    public let width: Int
    public let height: Int
    public let values: [Double]

    public init(width: Int, height: Int, values: [Double]) {
        self.width = width
        self.height = height
        self.values = values
    }

    /// The pixel (x, y); outside the map its nearest one.
    func nearest(_ x: Int, _ y: Int) -> Double {
        values[clamped(y, 0, height - 1) * width + clamped(x, 0, width - 1)]
    }

    /// Smoothed along one axis, with zeros outside.
    func smoothed(_ kernel: [Double], dx: Int, dy: Int) -> Heatmap {
        let radius = kernel.count / 2
        let out = values.indices.map { at -> Double in
            var sum = 0.0
            for k in -radius...radius {
                let x = at % width + k * dx
                let y = at / width + k * dy
                if x >= 0, x < width, y >= 0, y < height {
                    sum += kernel[k + radius] * values[y * width + x]
                }
            }
            return sum
        }
        return Heatmap(width: width, height: height, values: out)
    }
}

/// The point in crop pixels and the confidence of each map; see `heatmaps` in contract.json.
public func decode(_ maps: [Heatmap], rule: Contract.HeatmapRule, decoder: Contract.HeatmapDecoder) -> Prediction {
    var points = [XY]()
    var confidence = [Double]()
    for raw in maps {
        confidence.append(clamped(raw.values.max() ?? 0, 0, 1))
        let smooth = { raw.smoothed(rule.kernel, dx: 1, dy: 0).smoothed(rule.kernel, dx: 0, dy: 1) }
        let map = decoder == .dark ? smooth() : raw
        let peak = map.values.firstIndex(of: map.values.max() ?? 0) ?? 0 // the first of equal ones
        let x = peak % map.width
        let y = peak / map.width
        var step = XY(0, 0)
        switch decoder {
        case .dark: step = newtonStep(map, x, y, logFloor: rule.logFloor)
        case .centroid: step = centroidStep(map, x, y, radius: rule.radius, massFloor: rule.massFloor)
        case .quarter: step = quarterShift(map, x, y)
        case .argmax: break
        }
        let pixel = XY(Double(x), Double(y)) + step
        points.append((pixel + 0.5) * Double(rule.stride) - 0.5)
    }
    return Prediction(points: points, confidence: confidence)
}

private func quarterShift(_ map: Heatmap, _ x: Int, _ y: Int) -> XY {
    func sign(_ value: Double) -> Double { value > 0 ? 1 : (value < 0 ? -1 : 0) }
    let across = sign(map.nearest(x + 1, y) - map.nearest(x - 1, y))
    let down = sign(map.nearest(x, y + 1) - map.nearest(x, y - 1))
    return XY(across, down) / 4
}

/// To the centre of the squared values around the peak, within half a pixel; values below 0 count as 0.
private func centroidStep(_ map: Heatmap, _ x: Int, _ y: Int, radius: Int, massFloor: Double) -> XY {
    var sum = XY(0, 0)
    var mass = 0.0
    for down in -radius...radius {
        for across in -radius...radius {
            let value = max(map.nearest(x + across, y + down), 0)
            sum += XY(Double(across), Double(down)) * (value * value)
            mass += value * value
        }
    }
    let step = sum / max(mass, massFloor)
    return XY(clamped(step.x, -0.5, 0.5), clamped(step.y, -0.5, 0.5))
}

/// -H^-1 g of the log map at its peak, within half a pixel; nothing where it is not peaked.
private func newtonStep(_ map: Heatmap, _ x: Int, _ y: Int, logFloor: Double) -> XY {
    func value(_ dx: Int, _ dy: Int) -> Double { log(max(map.nearest(x + dx, y + dy), logFloor)) }
    let gx = (value(1, 0) - value(-1, 0)) / 2
    let gy = (value(0, 1) - value(0, -1)) / 2
    let hxx = value(1, 0) + value(-1, 0) - 2 * value(0, 0)
    let hyy = value(0, 1) + value(0, -1) - 2 * value(0, 0)
    let hxy = (value(1, 1) + value(-1, -1) - value(1, -1) - value(-1, 1)) / 4
    let determinant = hxx * hyy - hxy * hxy
    guard hxx < 0, hyy < 0, determinant > 1e-6 else { return XY(0, 0) }
    let stepX = -(hyy * gx - hxy * gy) / determinant
    let stepY = -(hxx * gy - hxy * gx) / determinant
    return XY(clamped(stepX, -0.5, 0.5), clamped(stepY, -0.5, 0.5))
}
