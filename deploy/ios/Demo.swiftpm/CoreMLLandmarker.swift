import CoreML
import CoreVideo
import Landmarks

/// An .mlpackage of the contract on Core ML. `units` is what Core ML may use, not what it does use.
final class CoreMLLandmarker: Landmarker {
    private let model: MLModel
    private let contract: Contract

    init(file: String, units: MLComputeUnits, contract: Contract) throws {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units
        model = try MLModel(contentsOf: Compiled.url(file, in: contract), configuration: configuration)
        self.contract = contract
    }

    func predict(_ crop: [UInt8]) throws -> Prediction {
        let image = try MLFeatureValue(pixelBuffer: pixelBuffer(crop))
        let output = try model.prediction(from: MLDictionaryFeatureProvider(dictionary: ["image": image]))
        return try Prediction(
            outputPoints: values(output, "points"), outputConfidence: values(output, "confidence"), contract: contract
        )
    }

    private func values(_ output: MLFeatureProvider, _ name: String) throws -> [Double] {
        guard let array = output.featureValue(for: name)?.multiArrayValue else {
            throw Problem("the model has no output named \(name): is it the contract's?")
        }
        return (0..<array.count).map { array[$0].doubleValue }
    }

    private func pixelBuffer(_ crop: [UInt8]) throws -> CVPixelBuffer {
        let side = contract.model.sizePx
        var made: CVPixelBuffer?
        CVPixelBufferCreate(nil, side, side, kCVPixelFormatType_32BGRA, nil, &made)
        guard let buffer = made, crop.count == 3 * side * side else {
            throw Problem("expected a crop of \(side) x \(side) RGB pixels, got \(crop.count) bytes")
        }
        CVPixelBufferLockBaseAddress(buffer, [])
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        guard let base = CVPixelBufferGetBaseAddress(buffer) else { throw Problem("no memory for a crop") }
        let bytes = base.assumingMemoryBound(to: UInt8.self)
        let bytesPerRow = CVPixelBufferGetBytesPerRow(buffer)
        for pixel in 0..<(side * side) {
            let at = pixel / side * bytesPerRow + 4 * (pixel % side)
            bytes[at] = crop[3 * pixel + 2]
            bytes[at + 1] = crop[3 * pixel + 1]
            bytes[at + 2] = crop[3 * pixel]
            bytes[at + 3] = 255
        }
        return buffer
    }
}
