import CoreML
import Foundation
import Landmarks

/// Core ML's compiled form of the app's models. Compiling takes seconds, so it is done once for each file and system, and
/// kept among the caches, which the system may empty.
enum Compiled {
    /// The compiled model of an .mlpackage; throws where the file is none, or there is no room.
    static func url(_ file: String, in contract: Contract) throws -> URL {
        guard file.hasSuffix(".mlpackage") else {
            throw Problem("\(file) is no .mlpackage: make the contract of one, see README.md, \"Build\"")
        }
        let hash = contract.models.first { $0.file == file }?.fileSha256 ?? contract.model.fileSha256
        let system = ProcessInfo.processInfo.operatingSystemVersion
        let name = "\(hash)-\(system.majorVersion).\(system.minorVersion).\(system.patchVersion).mlmodelc"
        let files = FileManager.default
        let caches = try files.url(for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
        let kept = caches.appendingPathComponent(name)
        if !files.fileExists(atPath: kept.path) {
            let made = try MLModel.compileModel(at: Bundled.url(file))
            do {
                try files.moveItem(at: made, to: kept)
            } catch {
                guard files.fileExists(atPath: kept.path) else { throw error } // another thread was faster
            }
        }
        return kept
    }
}
