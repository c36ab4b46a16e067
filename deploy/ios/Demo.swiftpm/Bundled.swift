import Foundation
import Landmarks

/// What the build put into the app: the contract, the golden faces and the models.
enum Bundled {
    static func url(_ name: String) throws -> URL {
        let folder = Bundle.module.url(forResource: "Bundled", withExtension: nil)
        guard let url = folder?.appendingPathComponent(name), FileManager.default.fileExists(atPath: url.path) else {
            throw Problem("\(name) is not in the app's folder Bundled: see README.md, \"Build\"")
        }
        return url
    }

    static func has(_ name: String) -> Bool {
        (try? url(name)) != nil
    }

    static func contract() throws -> Contract {
        try Contract.read(url("contract.json"), feeding: "image")
    }

    static func goldenFaces() throws -> GoldenFaces {
        try Contract.decode(GoldenFaces.self, from: url("golden/faces.json"))
    }
}
