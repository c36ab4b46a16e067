import AVFoundation
import Combine
import CoreML
import Landmarks

/// The faces of one upright frame, and what each stage took.
struct Seen {
    let faces: [TrackedFace]
    let width: Int
    let height: Int
    let mirrored: Bool
    let mediansMs: [String: Double]
}

/// Camera frames in, faces out.
final class Camera: NSObject, ObservableObject, AVCaptureVideoDataOutputSampleBufferDelegate {
    let session = AVCaptureSession()
    @Published private(set) var seen: Seen?
    @Published private(set) var message: String?
    @Published private(set) var contract: Contract?

    private let queue = DispatchQueue(label: "frames")
    private let watch = Stopwatch()
    private var tracker: Tracker?
    private var front = true
    private var smoothed = true
    private let units = MLComputeUnits.all

    /// Asks for the camera, then starts it.
    func start() {
        AVCaptureDevice.requestAccess(for: .video) { granted in
            guard granted else {
                return self.say("This demo draws landmarks on what the camera sees. Allow the camera in the settings.")
            }
            self.queue.async { self.open() }
        }
    }

    func stop() {
        queue.async { self.session.stopRunning() }
    }

    func switchCamera() {
        queue.async { self.front.toggle(); self.open() }
    }

    func switchSmoothing() {
        queue.async { self.smoothed.toggle(); self.open() }
    }

    private func open() {
        DispatchQueue.main.async { self.seen = nil }
        do {
            let contract = try Bundled.contract()
            let finder = try makeFinder(contract.detector)
            let landmarker = try CoreMLLandmarker(file: contract.model.file, units: units, contract: contract)
            tracker = Tracker(contract, finder, landmarker, watch: watch, smoothed: smoothed)
            try connect()
            DispatchQueue.main.async { self.contract = contract }
            session.startRunning()
        } catch {
            say("\(error)")
        }
    }

    private func connect() throws {
        session.beginConfiguration()
        defer { session.commitConfiguration() }
        session.inputs.forEach(session.removeInput)
        session.outputs.forEach(session.removeOutput)
        session.sessionPreset = .vga640x480
        let position: AVCaptureDevice.Position = front ? .front : .back
        guard let device = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: position) else {
            throw Problem("this device has no such camera")
        }
        let input = try AVCaptureDeviceInput(device: device)
        let output = AVCaptureVideoDataOutput()
        output.videoSettings = [kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_32BGRA]
        output.alwaysDiscardsLateVideoFrames = true
        output.setSampleBufferDelegate(self, queue: queue)
        guard session.canAddInput(input), session.canAddOutput(output) else {
            throw Problem("the camera is in use by another app")
        }
        session.addInput(input)
        session.addOutput(output)
        // Frames arrive upright and as the world is; where the preview is a mirror, the drawing is mirrored.
        output.connection(with: .video)?.videoOrientation = .portrait
        output.connection(with: .video)?.automaticallyAdjustsVideoMirroring = false
        output.connection(with: .video)?.isVideoMirrored = false
    }

    func captureOutput(
        _ output: AVCaptureOutput, didOutput buffer: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
        guard let pixels = CMSampleBufferGetImageBuffer(buffer), let tracker else { return }
        do {
            let picture = try watch.time("copy") { try Picture(pixels) }
            let seconds = CMSampleBufferGetPresentationTimeStamp(buffer).seconds
            let faces = try watch.time("frame") { try tracker.next(picture, at: seconds) }
            let seen = Seen(
                faces: faces, width: picture.width, height: picture.height, mirrored: front, mediansMs: watch.mediansMs
            )
            DispatchQueue.main.async { self.seen = seen; self.message = nil }
        } catch {
            say("\(error)")
        }
    }

    private func say(_ text: String) {
        DispatchQueue.main.async { self.seen = nil; self.message = text }
    }
}

extension Picture {
    /// A copy of a 32BGRA buffer.
    init(_ pixels: CVPixelBuffer) throws {
        CVPixelBufferLockBaseAddress(pixels, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(pixels, .readOnly) }
        let (width, height) = (CVPixelBufferGetWidth(pixels), CVPixelBufferGetHeight(pixels))
        let bytesPerRow = CVPixelBufferGetBytesPerRow(pixels)
        guard let base = CVPixelBufferGetBaseAddress(pixels) else { throw Problem("a camera frame without pixels") }
        let bytes = UnsafeRawBufferPointer(start: base, count: bytesPerRow * height)
        try self.init(width: width, height: height, bgra: [UInt8](bytes), bytesPerRow: bytesPerRow)
    }
}
