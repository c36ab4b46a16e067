import Foundation
import XCTest

@testable import Landmarks

/// This package against the files that Python wrote: `deploy/contract.json` and `deploy/golden`.
final class GoldenTests: XCTestCase {
    private let deploy = (0..<5).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }

    private func readContract() throws -> Contract {
        try Contract.read(deploy.appendingPathComponent("contract.json"), feeding: "NHWC")
    }

    private func readGolden<T: Decodable>(_ name: String, as type: T.Type) throws -> T {
        try Contract.decode(type, from: deploy.appendingPathComponent("golden/\(name).json"))
    }

    private func box(_ xyxy: [Double]) -> Box {
        Box(low: XY(xyxy[0], xyxy[1]), high: XY(xyxy[2], xyxy[3]))
    }

    private func assertNear(_ found: [XY], _ expected: [XY], _ tolerance: Double, _ what: String) {
        XCTAssertEqual(found.count, expected.count, what)
        for (a, b) in zip(found, expected) {
            XCTAssertLessThanOrEqual(max(abs(a.x - b.x), abs(a.y - b.y)), tolerance, what)
        }
    }

    private struct Geometry: Decodable {
        struct Matrix: Decodable {
            let boxXyxy: [Double]
            let rollDeg: Double
            let sizePx: Int
            let matrix: [[Double]]
            let cropXy: XY
            let imageXy: XY
        }

        struct Calibrated: Decodable {
            let detectorXyxy: [Double]
            let rollDeg: Double
            let boxXyxy: [Double]
        }

        struct FirstCrop: Decodable {
            let detectorXyxy: [Double]
            let keypointsXy: [XY]
            let boxXyxy: [Double]
            let rollDeg: Double
        }

        struct Around: Decodable {
            let pointsXy: [XY]
            let eyes: [Int]
            let boxXyxy: [Double]
            let rollDeg: Double
        }

        struct TurnedBack: Decodable {
            let quarter: Int
            let sizeWh: [Int]
            let seenXyxy: [Double]
            let seenKeypointsXy: [XY]
            let boxXyxy: [Double]
            let keypointsXy: [XY]
        }

        struct Pattern: Decodable {
            let sizeWh: [Int]
            let toleranceLevels: Int
        }

        struct Cut: Decodable {
            let boxXyxy: [Double]
            let rollDeg: Double
            let sizePx: Int
            let cropRgb: Data
        }

        let matrices: [Matrix]
        let calibration: [Calibrated]
        let firstCrop: [FirstCrop]
        let around: [Around]
        let turnedBack: [TurnedBack]
        let pattern: Pattern
        let crops: [Cut]
    }

    func testBoxesBecomeCropsAndPointsComeBack() throws {
        let contract = try readContract()
        for each in try readGolden("geometry", as: Geometry.self).matrices {
            let crop = try cropOf(each.boxXyxy, each.rollDeg, each.sizePx, contract)
            assertNear([crop.linear], [XY(each.matrix[0][0], each.matrix[1][0])], 1e-8, "linear")
            assertNear([crop.offset], [XY(each.matrix[0][2], each.matrix[1][2])], 1e-8, "offset")
            assertNear([crop.toImage(each.cropXy)], [each.imageXy], 1e-6, "point in the image, px")
        }
        XCTAssertThrowsError(try Crop(of: box([3, 3, 3, 3]), sizePx: 64, boxScale: 1, rollDeg: 0))
    }

    private func cropOf(_ xyxy: [Double], _ rollDeg: Double, _ sizePx: Int, _ contract: Contract) throws -> Crop {
        try Crop(of: box(xyxy), sizePx: sizePx, boxScale: contract.crop.boxScale, rollDeg: rollDeg)
    }

    func testPointsBecomeBoxesThatTurnWithThem() throws {
        let levelDeg = try readContract().turning.levelDeg
        for each in try readGolden("geometry", as: Geometry.self).around {
            let found = cropAround(each.pointsXy, eyes: each.eyes, levelDeg: levelDeg)
            let expected = box(each.boxXyxy)
            assertNear([found.box.low, found.box.high], [expected.low, expected.high], 1e-6, "box, px")
            XCTAssertEqual(found.rollDeg, each.rollDeg, accuracy: 1e-6)
        }
    }

    func testFacesOfATurnedPictureAreWhereTheyWere() throws {
        let picture = try Picture(width: 5, height: 3, bgra: (0..<60).map { UInt8($0) }, bytesPerRow: 20)
        for each in try readGolden("geometry", as: Geometry.self).turnedBack {
            let seen = Detection(box: box(each.seenXyxy), keypoints: each.seenKeypointsXy, score: 1)
            let found = seen.turnedBack(each.quarter, width: each.sizeWh[0], height: each.sizeWh[1])
            let expected = box(each.boxXyxy)
            assertNear([found.box.low, found.box.high], [expected.low, expected.high], 1e-9, "box, px")
            assertNear(found.keypoints, each.keypointsXy, 1e-9, "keypoints, px")
            let turned = picture.turnedLeft(each.quarter)
            for (y, row) in turned.rows.enumerated() {
                for x in 0..<turned.width {
                    let at = XY(Double(x), Double(y))
                    let point = Detection(box: Box(low: at, high: at), keypoints: [at], score: 1)
                    let back = point.turnedBack(each.quarter, width: 5, height: 3).keypoints[0]
                    XCTAssertEqual(Int(row[row.startIndex + 4 * x]), 4 * (5 * Int(back.y) + Int(back.x)))
                }
            }
        }
    }

    func testDetectorBoxesAreCalibrated() throws {
        let calibration = try readContract().detector.calibration
        for each in try readGolden("geometry", as: Geometry.self).calibration {
            let found = box(each.detectorXyxy).calibrated(calibration, rollDeg: each.rollDeg)
            let expected = box(each.boxXyxy)
            assertNear([found.low, found.high], [expected.low, expected.high], 1e-8, "box, px")
        }
    }

    func testKeypointsGiveTheFirstCropAndTheBoxDoesWhereTheyAreOdd() throws {
        let contract = try readContract()
        var byBox = 0
        for each in try readGolden("geometry", as: Geometry.self).firstCrop {
            let face = Detection(box: box(each.detectorXyxy), keypoints: each.keypointsXy, score: 1)
            let found = face.crop(contract)
            let expected = box(each.boxXyxy)
            assertNear([found.box.low, found.box.high], [expected.low, expected.high], 1e-6, "box, px")
            XCTAssertEqual(found.rollDeg, each.rollDeg, accuracy: 1e-6)
            let plain = face.box.calibrated(contract.detector.calibration, rollDeg: found.rollDeg)
            byBox += found.box.low == plain.low && found.box.high == plain.high ? 1 : 0
        }
        XCTAssertEqual(byBox, 5)
    }

    func testCropsOfThePatternAreCutAlike() throws {
        let contract = try readContract()
        let golden = try readGolden("geometry", as: Geometry.self)
        let (width, height) = (golden.pattern.sizeWh[0], golden.pattern.sizeWh[1])
        var bgra = [UInt8]()
        for y in 0..<height {
            for x in 0..<width {
                for colour in [2, 1, 0] {
                    let wave = (5 * x + 3 * y + 40 * colour) % 256
                    bgra.append(UInt8(abs(wave - 128) + 64))
                }
                bgra.append(255)
            }
        }
        let pattern = try Picture(width: width, height: height, bgra: bgra, bytesPerRow: 4 * width)
        for each in golden.crops {
            let crop = try cropOf(each.boxXyxy, each.rollDeg, each.sizePx, contract)
            let apart = zip(pattern.cut(crop), each.cropRgb).map { abs(Int($0) - Int($1)) }
            XCTAssertEqual(apart.count, 3 * each.sizePx * each.sizePx)
            XCTAssertLessThanOrEqual(apart.max() ?? 255, golden.pattern.toleranceLevels, "\(each.boxXyxy)")
        }
    }

    private struct Decoding: Decodable {
        struct Expected: Decodable {
            let pointsXy: [XY]
            let confidence: [Double]
        }

        let sizeWh: [Int]
        let tolerancePx: Double
        let maps: [[Double]]
        let expected: [String: Expected]
    }

    func testHeatmapsAreDecodedAlike() throws {
        let rule = try readContract().heatmaps
        let golden = try readGolden("decode", as: Decoding.self)
        let maps = golden.maps.map { Heatmap(width: golden.sizeWh[0], height: golden.sizeWh[1], values: $0) }
        for decoder in [Contract.HeatmapDecoder.dark, .centroid, .quarter, .argmax] {
            let found = decode(maps, rule: rule, decoder: decoder)
            let expected = try XCTUnwrap(golden.expected[decoder.rawValue])
            assertNear(found.points, expected.pointsXy, golden.tolerancePx, decoder.rawValue)
            for (a, b) in zip(found.confidence, expected.confidence) {
                XCTAssertEqual(a, b, accuracy: 1e-4)
            }
        }
    }

    private struct Smoothing: Decodable {
        struct Frame: Decodable {
            let seconds: Double
            let pointsXy: [XY]
            let smoothXy: [XY]
        }

        let frames: [Frame]
    }

    func testFramesAreSmoothedAlike() throws {
        let smoother = Smoother(try readContract().smoothing)
        for frame in try readGolden("smoothing", as: Smoothing.self).frames {
            let found = try smoother.smooth(frame.pointsXy, at: frame.seconds)
            assertNear(found, frame.smoothXy, 1e-5, "at \(frame.seconds) s")
        }
        XCTAssertThrowsError(try smoother.smooth([], at: 0))
    }

    private struct Film: Decodable {
        struct Frame: Decodable {
            struct Face: Decodable {
                let number: Int
                let boxXyxy: [Double]
                let rollDeg: Double
                let pointsXy: [XY]
            }

            struct Seen: Decodable {
                let quarter: Int
                let boxXyxy: [Double]
                let keypointsXy: [XY]
                let score: Double
            }

            let seconds: Double
            let seen: [Seen]
            let cropPointsXy: [XY]
            let confidence: [Double]
            let looked: Bool
            let faces: [Face]
        }

        let sizeWh: [Int]
        let eyes: [Int]
        let mark: UInt8
        let frames: [Frame]
    }

    /// Stands for the detector and for the network.
    private final class Script: Detector, Landmarker {
        let mark: UInt8
        var frame: Film.Frame
        var looked = false
        var said = 0

        init(_ film: Film) {
            mark = film.mark
            frame = film.frames[0]
        }

        func play(_ next: Film.Frame) {
            (frame, looked, said) = (next, false, 0)
        }

        func detect(_ picture: Picture) -> [Detection] {
            looked = true
            let (top, bottom) = (picture.rows[0], picture.rows[picture.height - 1])
            let last = 4 * (picture.width - 1)
            let corners = [
                top[top.startIndex], bottom[bottom.startIndex], bottom[bottom.startIndex + last],
                top[top.startIndex + last],
            ]
            return frame.seen.filter { corners[$0.quarter] == mark }.map {
                let box = Box(low: XY($0.boxXyxy[0], $0.boxXyxy[1]), high: XY($0.boxXyxy[2], $0.boxXyxy[3]))
                return Detection(box: box, keypoints: $0.keypointsXy, score: $0.score)
            }
        }

        func predict(_ crop: [UInt8]) -> Prediction {
            let sure = frame.confidence[min(said, frame.confidence.count - 1)]
            said += 1
            return Prediction(points: frame.cropPointsXy, confidence: frame.cropPointsXy.map { _ in sure })
        }
    }

    func testAFilmIsTrackedAlike() throws {
        let film = try readGolden("tracking", as: Film.self)
        let (width, height) = (film.sizeWh[0], film.sizeWh[1])
        let bgra = [film.mark] + [UInt8](repeating: 0, count: 4 * width * height - 1)
        let picture = try Picture(width: width, height: height, bgra: bgra, bytesPerRow: 4 * width)
        let script = Script(film)
        let tracker = Tracker(try readContract(), script, script, watch: Stopwatch(), eyes: film.eyes)
        for frame in film.frames {
            script.play(frame)
            let faces = try tracker.next(picture, at: frame.seconds)
            XCTAssertEqual(script.looked, frame.looked, "looked at \(frame.seconds) s")
            XCTAssertEqual(faces.map { $0.number }, frame.faces.map { $0.number }, "numbers at \(frame.seconds) s")
            for (face, expected) in zip(faces, frame.faces) {
                let crop = box(expected.boxXyxy)
                let found = face.crop.box
                assertNear([found.low, found.high], [crop.low, crop.high], 1e-4, "crop at \(frame.seconds) s")
                XCTAssertEqual(face.crop.rollDeg, expected.rollDeg, accuracy: 1e-4)
                assertNear(face.points, expected.pointsXy, 1e-4, "points at \(frame.seconds) s")
            }
        }
    }

    /// Gives the golden points, three and four tenths of a pixel off.
    private final class Off: Landmarker {
        let golden: GoldenFaces

        init(_ golden: GoldenFaces) {
            self.golden = golden
        }

        func predict(_ crop: [UInt8]) throws -> Prediction {
            let face = try XCTUnwrap(golden.faces.first { [UInt8]($0.cropRgb) == crop })
            let points = face.cropPointsXy.map { $0 + XY(0.3, 0.4) }
            return Prediction(points: points, confidence: points.map { _ in 1 })
        }
    }

    func testABenchmarkIsARecordOfTheToolkit() throws {
        let golden = try readGolden("faces", as: GoldenFaces.self)
        let model = try XCTUnwrap(readContract().models.first)
        let on = Conditions(device: "a phone", engine: "coreml-all 17")
        let record = try bench(model, on: on, golden, Off(golden), runs: 5, warmup: 2)
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(record))
        let fields = try XCTUnwrap(object as? [String: Any])
        XCTAssertEqual(fields["file_sha256"] as? String, model.fileSha256)
        let parity = try XCTUnwrap(fields["parity"] as? [String: Any])
        XCTAssertEqual(try XCTUnwrap(parity["mean_px"] as? Double), 0.5, accuracy: 1e-9)
        XCTAssertTrue(fields["nme_mean"] is NSNull)
        XCTAssertLessThanOrEqual(record.latency.median, record.latency.p90)
    }

    /// Cancels the task that asks it for the twentieth time.
    private final class Leaving: Landmarker, @unchecked Sendable {
        let points: [XY]
        var calls = 0

        init(_ points: [XY]) {
            self.points = points
        }

        func predict(_ crop: [UInt8]) -> Prediction {
            calls += 1
            if calls == 20 {
                withUnsafeCurrentTask { $0?.cancel() }
            }
            return Prediction(points: points, confidence: points.map { _ in 1 })
        }
    }

    func testABenchmarkEndsWithTheScreenThatBeganIt() async throws {
        let golden = try readGolden("faces", as: GoldenFaces.self)
        let model = try XCTUnwrap(readContract().models.first)
        let leaving = Leaving(golden.faces[0].cropPointsXy)
        let left = await Task {
            let on = Conditions(device: "a phone", engine: "coreml-all 17")
            return (try? bench(model, on: on, golden, leaving, runs: 1000, warmup: 10)) == nil
        }.value
        XCTAssertTrue(left)
        XCTAssertEqual(leaving.calls, 20)
    }

    func testAContractOfAnotherInputOrANewerOneIsRefusedWithAReason() throws {
        let file = deploy.appendingPathComponent("contract.json")
        func reason(_ file: URL, feeding layout: String) -> String {
            do {
                _ = try Contract.read(file, feeding: layout)
                return ""
            } catch {
                return "\(error)"
            }
        }
        XCTAssertEqual(reason(file, feeding: "NHWC"), "")
        XCTAssertTrue(reason(file, feeding: "image").contains("python -m tools contract"))
        let text = try String(contentsOf: file, encoding: .utf8)
        let changed = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).json")
        defer { try? FileManager.default.removeItem(at: changed) }
        for (old, new, said) in [("\"format\": 2", "\"format\": 99", "update"), ("\"RGB\"", "\"BGR\"", "tools contract")] {
            try text.replacingOccurrences(of: old, with: new).write(to: changed, atomically: true, encoding: .utf8)
            XCTAssertTrue(reason(changed, feeding: "NHWC").contains(said), new)
        }
    }

    func testEdgesAreDrawnAsTheToolkitDrawsThem() throws {
        let style = try readContract().drawing.style
        XCTAssertTrue(style.lineWidths(20) == (1, 3))
        XCTAssertTrue(style.dotRadii(20) == (1, 1.7))
        XCTAssertTrue(style.lineWidths(1000) == (6, 12))
        XCTAssertEqual(style.dotRadii(1000).edge, 11 + 11.0 / 3, accuracy: 1e-9)
    }

    func testQuantilesAreNumPys() {
        XCTAssertEqual(quantile([1, 2, 4, 8], 0.5), 3, accuracy: 1e-12)
        XCTAssertEqual(quantile([1, 2, 4, 8], 0.9), 6.8, accuracy: 1e-12)
    }
}
