@_exported import CoreVideo

public enum CGImagePropertyOrientation { case up }
public struct VNImageOption: Hashable {}

public class VNRequest {}

public final class VNFaceObservation {
    public var boundingBox: CGRect { fatalError() }
    public var roll: NSNumber? { fatalError() }
    public var confidence: Float { fatalError() }
}

public final class VNDetectFaceRectanglesRequest: VNRequest {
    public override init() {}
    public var results: [VNFaceObservation]? { fatalError() }
}

public final class VNImageRequestHandler {
    public init(cvPixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation, options: [VNImageOption: Any]) {}
    public func perform(_ requests: [VNRequest]) throws {}
}
