import Foundation

/// What SwiftPM makes of a target with resources.
extension Bundle { static var module: Bundle { .main } }
