import Foundation

/// What `contract.json` says. No number of it is typed anywhere in this package.
public struct Contract: Decodable {
    public let format: Int
    public let model: MainModel
    public let models: [Model]
    public let input: Input
    public let crop: CropRule
    public let heatmaps: HeatmapRule
    public let detector: DetectorRule
    public let turning: TurningRule
    public let tracking: TrackingRule
    public let smoothing: OneEuro
    public let drawing: Drawing

    /// A converted file.
    public struct Model: Decodable {
        public let file: String
        public let fileSha256: String
        public let precision: String
    }

    /// The file that the demo takes, with what all files of the contract share.
    public struct MainModel: Decodable {
        public let file: String
        public let fileSha256: String
        public let sizePx: Int
        public let points: Int
    }

    /// What the models take: one crop.
    public struct Input: Decodable {
        public let layout: String
        public let colours: String
    }

    public struct CropRule: Decodable {
        public let boxScale: Double
    }

    /// How heatmaps become points, where a model gives heatmaps.
    public struct HeatmapRule: Decodable {
        public let decoder: HeatmapDecoder
        public let kernel: [Double]
        public let logFloor: Double
        public let radius: Int
        public let massFloor: Double
        public let stride: Int
    }

    public enum HeatmapDecoder: String, Decodable {
        case dark, centroid, quarter, argmax
    }

    /// The detector, and from its box and keypoints to the box of training.
    public struct DetectorRule: Decodable {
        public let file: String
        public let minScore: Double
        public let calibration: Calibration
        public let firstCrop: FirstCrop
    }

    public struct Calibration: Decodable {
        public let shiftXy: SIMD2<Double>
        public let scaleXy: SIMD2<Double>
    }

    /// Of the keypoints' x and y, and of 1: what they add to the box's middle x, y, width and height.
    public struct FirstCrop: Decodable {
        public let weights: [SIMD4<Double>]
    }

    /// How crops turn with faces.
    public struct TurningRule: Decodable {
        public let levelDeg: Double
        public let clear: Double
        public let quarters: [Int]
        public let eyes: [Int]
    }

    /// When faces are looked for, and when one is lost.
    public struct TrackingRule: Decodable {
        public let faces: Int
        public let passes: Int
        public let settled: Double
        public let lookAgainS: Double
        public let rememberS: Double
        public let minConfidence: Double
        public let minInside: Double
        public let leeway: Double
        public let aheadS: Double
        public let farthest: Double
        public let largest: Double
        public let sameFace: Double
        public let sameTrack: Double
    }

    /// The One-Euro filter's settings.
    public struct OneEuro: Decodable {
        public let minCutoffHz: Double
        public let beta: Double
        public let derivativeCutoffHz: Double
    }

    public struct Drawing: Decodable {
        public let lines: [Line]
        public let style: Style
    }

    /// A polyline of landmark indices; closed ones return to their first point.
    public struct Line: Decodable {
        public let indices: [Int]
        public let closed: Bool
    }

    /// Colours as RGB, 0...255; widths over the longer side of the face; see `drawing` in contract.json.
    public struct Style: Decodable {
        public let sure: [Double]
        public let unsure: [Double]
        public let line: [Double]
        public let edge: [Double]
        let sureFrom: Double
        let dot: Double
        let stroke: Double
        let lineEdgePx: Double
        let dotEdgePx: Double

        /// The colour of a dot of some confidence.
        public func dotColour(_ confidence: Double) -> [Double] {
            let share = min(max(confidence / sureFrom, 0), 1)
            return zip(unsure, sure).map { $0 + ($1 - $0) * share }
        }

        /// How wide lines are on a face whose longer side is so long, and the edges under them.
        public func lineWidths(_ facePx: Double) -> (line: Double, edge: Double) {
            let width = max(1, stroke * facePx)
            return (width, width + max(lineEdgePx, width))
        }

        /// The radius of dots on such a face, and that of the edges under them.
        public func dotRadii(_ facePx: Double) -> (dot: Double, edge: Double) {
            let radius = max(1, dot * facePx)
            return (radius, radius + max(dotEdgePx, radius / 3))
        }
    }

    /// The newest format that this code reads.
    public static let newestFormat = 2

    /// Reads `contract.json` for a program that feeds its models RGB as a `layout`: "image", or one of a tensor's; throws
    /// where it is incomplete, newer than this code, or of models that take another input.
    public static func read(_ url: URL, feeding layout: String) throws -> Contract {
        let contract = try decode(Contract.self, from: url)
        guard contract.format <= newestFormat else {
            throw Problem("contract.json has format \(contract.format), known up to \(newestFormat): update the app")
        }
        guard contract.input.layout == layout, contract.input.colours == "RGB" else {
            throw Problem(
                "this app feeds RGB as \(layout), contract.json is of models that take \(contract.input.colours) as "
                    + "\(contract.input.layout): make it of a file for this app, python -m tools contract --model ..."
            )
        }
        return contract
    }

    /// Any JSON file of the toolkit, whose names are in snake case.
    public static func decode<T: Decodable>(_ type: T.Type, from url: URL) throws -> T {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(contentsOf: url))
    }
}

/// What went wrong, and what to do, in one line.
public struct Problem: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
