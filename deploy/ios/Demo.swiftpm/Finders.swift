import CoreVideo
import Landmarks
import Vision

/// Apple's face rectangles, for an app that has no room for MediaPipe.
///
/// The contract's calibration was measured for MediaPipe, whose boxes are a little different; where the first crop of a new
/// face was not in place, a second one around its own points makes up for it. How well was not measured.
final class VisionFinder: Detector {
    func detect(_ picture: Picture) throws -> [Detection] {
        let request = VNDetectFaceRectanglesRequest()
        try VNImageRequestHandler(cvPixelBuffer: picture.pixelBuffer(), orientation: .up, options: [:]).perform([request])
        let size = XY(Double(picture.width), Double(picture.height))
        let found = (request.results ?? []).map { face -> Detection in
            // Vision counts from the bottom left, and from the outer edge of the first pixel.
            let part = face.boundingBox
            let low = XY(Double(part.minX), Double(1 - part.maxY)) * size - 0.5
            let high = XY(Double(part.maxX), Double(1 - part.minY)) * size - 0.5
            // It gives no eyes, but how far the head leans, in radians against the clock.
            let box = Box(low: low, high: high)
            let lean = -(face.roll?.doubleValue ?? 0) * 180 / .pi
            let half = XY(box.extent.x / 4, 0).turned(lean)
            return Detection(box: box, keypoints: [box.centre - half, box.centre + half], score: Double(face.confidence))
        }
        return found.sorted { $0.box.area > $1.box.area }
    }
}

extension Picture {
    /// A copy of it as Vision, MediaPipe and Core Video take pictures.
    func pixelBuffer() throws -> CVPixelBuffer {
        var made: CVPixelBuffer?
        CVPixelBufferCreate(nil, width, height, kCVPixelFormatType_32BGRA, nil, &made)
        guard let buffer = made else { throw Problem("no memory for a picture") }
        CVPixelBufferLockBaseAddress(buffer, [])
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        guard let base = CVPixelBufferGetBaseAddress(buffer) else { throw Problem("no memory for a picture") }
        for (y, row) in rows.enumerated() {
            row.withUnsafeBytes { bytes in
                (base + y * CVPixelBufferGetBytesPerRow(buffer)).copyMemory(from: bytes.baseAddress!, byteCount: row.count)
            }
        }
        return buffer
    }
}

/// MediaPipe where it is linked, else Vision.
func makeFinder(_ rule: Contract.DetectorRule) throws -> Detector {
    #if canImport(MediaPipeTasksVision)
    return try MediaPipeFinder(rule)
    #else
    return VisionFinder()
    #endif
}
