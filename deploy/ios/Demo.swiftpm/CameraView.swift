import AVFoundation
import Landmarks
import SwiftUI

/// The camera with landmarks on every face, and what each stage takes.
struct CameraView: View {
    @StateObject private var camera = Camera()

    var body: some View {
        VStack {
            ZStack {
                CameraLayer(session: camera.session)
                if let seen = camera.seen, let contract = camera.contract {
                    Canvas { context, size in
                        draw(seen, contract.drawing, in: size, &context)
                    }
                }
            }
            .aspectRatio(CGSize(width: 3, height: 4), contentMode: .fit)
            Text(camera.message ?? status).font(.caption.monospacedDigit())
            HStack {
                Button("Camera") { camera.switchCamera() }
                Button("Smoothing") { camera.switchSmoothing() }
            }
            .buttonStyle(.bordered)
        }
        .onAppear { camera.start() }
        .onDisappear { camera.stop() }
    }

    private var status: String {
        guard let seen = camera.seen else { return "Starting …" }
        let stages = seen.mediansMs.sorted { $0.key < $1.key }.map { "\($0.key) \(String(format: "%.1f", $0.value))" }
        return "\(seen.faces.count) · \(seen.width) x \(seen.height) · ms: " + stages.joined(separator: "  ")
    }

    private func draw(_ seen: Seen, _ drawing: Contract.Drawing, in size: CGSize, _ context: inout GraphicsContext) {
        let scale = Double(size.width) / Double(seen.width)
        for face in seen.faces {
            let side = Box(around: face.points).longer * scale
            let at = face.points.map { point -> CGPoint in
                let edge = point + 0.5 // from the pixel's centre to its outer edge, as a canvas counts
                let x = seen.mirrored ? Double(seen.width) - edge.x : edge.x
                return CGPoint(x: x * scale, y: edge.y * scale)
            }
            let stroke = drawing.style.lineWidths(side)
            for (width, colour) in [(stroke.edge, drawing.style.edge), (stroke.line, drawing.style.line)] {
                for line in drawing.lines {
                    context.stroke(path(line, at), with: .color(Color(rgb: colour)), lineWidth: width)
                }
            }
            let radius = drawing.style.dotRadii(side)
            for (point, confidence) in zip(at, face.confidence) {
                context.fill(dot(point, radius.edge), with: .color(Color(rgb: drawing.style.edge)))
                let colour = Color(rgb: drawing.style.dotColour(confidence))
                context.fill(dot(point, radius.dot), with: .color(colour))
            }
        }
    }

    private func path(_ line: Contract.Line, _ at: [CGPoint]) -> Path {
        Path { path in
            path.addLines(line.indices.map { at[$0] })
            if line.closed {
                path.closeSubpath()
            }
        }
    }

    private func dot(_ centre: CGPoint, _ radius: Double) -> Path {
        Path(ellipseIn: CGRect(x: centre.x - radius, y: centre.y - radius, width: 2 * radius, height: 2 * radius))
    }
}

extension Color {
    init(rgb: [Double]) {
        self.init(red: rgb[0] / 255, green: rgb[1] / 255, blue: rgb[2] / 255)
    }
}

/// The camera's own picture.
struct CameraLayer: UIViewRepresentable {
    let session: AVCaptureSession

    final class Layered: UIView {
        override class var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }
    }

    func makeUIView(context: Context) -> Layered {
        let view = Layered()
        (view.layer as? AVCaptureVideoPreviewLayer)?.session = session
        return view
    }

    func updateUIView(_ view: Layered, context: Context) {}
}
