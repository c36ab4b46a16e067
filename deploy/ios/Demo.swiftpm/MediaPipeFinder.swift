#if canImport(MediaPipeTasksVision)
import CoreVideo
import Landmarks
import MediaPipeTasksVision

/// MediaPipe's short-range face detector, whose boxes the contract's calibration is for.
final class MediaPipeFinder: FrameDetector {
    var frame: CVPixelBuffer?
    private let detector: FaceDetector

    init(_ rule: Contract.DetectorRule) throws {
        let options = FaceDetectorOptions()
        options.baseOptions.modelAssetPath = try Bundled.url(rule.file).path
        options.runningMode = .image
        options.minDetectionConfidence = Float(rule.minScore)
        detector = try FaceDetector(options: options)
    }

    func detect(_ picture: Picture) throws -> [Landmarks.Detection] {
        guard let frame else { return [] }
        let result = try detector.detect(image: MPImage(pixelBuffer: frame))
        let found = result.detections.map { face -> Landmarks.Detection in
            // MediaPipe counts from the outer edge of the first pixel, the contract from its centre.
            let box = face.boundingBox
            let low = XY(Double(box.minX), Double(box.minY)) - 0.5
            let high = XY(Double(box.maxX), Double(box.maxY)) - 0.5
            return Landmarks.Detection(box: Box(low: low, high: high), score: Double(face.categories.first?.score ?? 0))
        }
        return found.sorted { $0.box.area > $1.box.area }
    }
}
#endif
