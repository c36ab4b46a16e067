@_exported import CoreVideo

public enum MLComputeUnits: Sendable { case cpuOnly, cpuAndGPU, cpuAndNeuralEngine, all }

public final class MLModelConfiguration {
    public init() {}
    public var computeUnits: MLComputeUnits { get { fatalError() } set {} }
}

public final class MLMultiArray {
    public var count: Int { fatalError() }
    public subscript(index: Int) -> NSNumber { fatalError() }
}

public final class MLFeatureValue {
    public init(pixelBuffer: CVPixelBuffer) {}
    public var multiArrayValue: MLMultiArray? { fatalError() }
}

public protocol MLFeatureProvider { func featureValue(for name: String) -> MLFeatureValue? }

public final class MLDictionaryFeatureProvider: MLFeatureProvider {
    public init(dictionary: [String: Any]) throws {}
    public func featureValue(for name: String) -> MLFeatureValue? { fatalError() }
}

public final class MLModel {
    public init(contentsOf url: URL, configuration: MLModelConfiguration) throws {}
    public static func compileModel(at url: URL) throws -> URL { fatalError() }
    public func prediction(from input: MLFeatureProvider) throws -> MLFeatureProvider { fatalError() }
}
