import CoreVideo
import Landmarks
import Vision

/// A detector that looks at the camera's own buffer; `frame` is set before every frame.
protocol FrameDetector: Detector {
    var frame: CVPixelBuffer? { get set }
}

/// Apple's face rectangles, for an app that has no room for MediaPipe.
///
/// The contract's calibration was measured for MediaPipe, whose boxes are a little different; the second pass of every
/// new face crops around its own points and makes up for it. How well was not measured.
final class VisionFinder: FrameDetector {
    var frame: CVPixelBuffer?

    func detect(_ picture: Picture) throws -> [Detection] {
        guard let frame else { return [] }
        let request = VNDetectFaceRectanglesRequest()
        try VNImageRequestHandler(cvPixelBuffer: frame, orientation: .up, options: [:]).perform([request])
        let size = XY(Double(picture.width), Double(picture.height))
        let found = (request.results ?? []).map { face -> Detection in
            // Vision counts from the bottom left, and from the outer edge of the first pixel.
            let part = face.boundingBox
            let low = XY(Double(part.minX), Double(1 - part.maxY)) * size - 0.5
            let high = XY(Double(part.maxX), Double(1 - part.minY)) * size - 0.5
            return Detection(box: Box(low: low, high: high), score: Double(face.confidence))
        }
        return found.sorted { $0.box.area > $1.box.area }
    }
}

/// MediaPipe where it is linked, else Vision.
func makeFinder(_ rule: Contract.DetectorRule) throws -> FrameDetector {
    #if canImport(MediaPipeTasksVision)
    return try MediaPipeFinder(rule)
    #else
    return VisionFinder()
    #endif
}
