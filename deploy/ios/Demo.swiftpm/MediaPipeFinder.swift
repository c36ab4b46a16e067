#if canImport(MediaPipeTasksVision)
import CoreVideo
import Landmarks
import MediaPipeTasksVision

/// MediaPipe's short-range face detector, whose boxes the contract's calibration is for.
final class MediaPipeFinder: Landmarks.Detector {
    private let detector: FaceDetector

    init(_ rule: Contract.DetectorRule) throws {
        let options = FaceDetectorOptions()
        options.baseOptions.modelAssetPath = try Bundled.url(rule.file).path
        options.runningMode = .image
        options.minDetectionConfidence = Float(rule.minScore)
        detector = try FaceDetector(options: options)
    }

    func detect(_ picture: Picture) throws -> [Landmarks.Detection] {
        let result = try detector.detect(image: MPImage(pixelBuffer: picture.pixelBuffer()))
        let size = XY(Double(picture.width), Double(picture.height))
        let found = result.detections.map { face -> Landmarks.Detection in
            // MediaPipe counts from the outer edge of the first pixel, the contract from its centre.
            let box = face.boundingBox
            let low = XY(Double(box.minX), Double(box.minY)) - 0.5
            let high = XY(Double(box.maxX), Double(box.maxY)) - 0.5
            let keypoints = (face.keypoints ?? []).map { point in
                XY(Double(point.location.x), Double(point.location.y)) * size - 0.5
            }
            let score = Double(face.categories.first?.score ?? 0)
            return Landmarks.Detection(box: Box(low: low, high: high), keypoints: keypoints, score: score)
        }
        return found.sorted { $0.box.area > $1.box.area }
    }
}
#endif
