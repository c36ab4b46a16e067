@_exported import CoreVideo

public struct CMTime { public var seconds: Double { fatalError() } }
public final class CMSampleBuffer {}
public func CMSampleBufferGetImageBuffer(_ buffer: CMSampleBuffer) -> CVPixelBuffer? { fatalError() }
public func CMSampleBufferGetPresentationTimeStamp(_ buffer: CMSampleBuffer) -> CMTime { fatalError() }

public enum AVMediaType { case video }

public class AVCaptureInput {}
public class AVCaptureOutput {
    public func connection(with type: AVMediaType) -> AVCaptureConnection? { fatalError() }
}

public enum AVCaptureVideoOrientation { case portrait }
public class AVCaptureConnection {
    public var videoOrientation: AVCaptureVideoOrientation { get { fatalError() } set {} }
    public var automaticallyAdjustsVideoMirroring: Bool { get { fatalError() } set {} }
    public var isVideoMirrored: Bool { get { fatalError() } set {} }
}

public class AVCaptureDevice {
    public enum Position { case front, back }
    public enum DeviceType { case builtInWideAngleCamera }
    public static func requestAccess(for type: AVMediaType, completionHandler: @escaping @Sendable (Bool) -> Void) {}
    public static func `default`(_ kind: DeviceType, for type: AVMediaType?, position: Position) -> AVCaptureDevice? { fatalError() }
}

public class AVCaptureDeviceInput: AVCaptureInput {
    public init(device: AVCaptureDevice) throws {}
}

public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {
    func captureOutput(_ output: AVCaptureOutput, didOutput buffer: CMSampleBuffer, from connection: AVCaptureConnection)
}

public class AVCaptureVideoDataOutput: AVCaptureOutput {
    public override init() {}
    public var videoSettings: [String: Any]! { get { fatalError() } set {} }
    public var alwaysDiscardsLateVideoFrames: Bool { get { fatalError() } set {} }
    public func setSampleBufferDelegate(_ to: AVCaptureVideoDataOutputSampleBufferDelegate?, queue: DispatchQueue?) {}
}

public class AVCaptureSession {
    public enum Preset { case vga640x480 }
    public init() {}
    public var inputs: [AVCaptureInput] { fatalError() }
    public var outputs: [AVCaptureOutput] { fatalError() }
    public var sessionPreset: Preset { get { fatalError() } set {} }
    public func beginConfiguration() {}
    public func commitConfiguration() {}
    public func canAddInput(_ input: AVCaptureInput) -> Bool { fatalError() }
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { fatalError() }
    public func addInput(_ input: AVCaptureInput) {}
    public func addOutput(_ output: AVCaptureOutput) {}
    public func removeInput(_ input: AVCaptureInput) {}
    public func removeOutput(_ output: AVCaptureOutput) {}
    public func startRunning() {}
    public func stopRunning() {}
}

open class CALayer { public init() {} }
public final class AVCaptureVideoPreviewLayer: CALayer {
    public var session: AVCaptureSession? { get { fatalError() } set {} }
}
