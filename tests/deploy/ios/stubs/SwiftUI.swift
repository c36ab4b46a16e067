@_exported import AVFoundation
@_exported import Combine

public protocol View {
    associatedtype Body: View
    @ViewBuilder @MainActor var body: Body { get }
}

extension Never: View { public var body: Never { return fatalError() } }

/// A view without views of its own.
public protocol Leaf: View where Body == Never {}
extension Leaf { public var body: Never { return fatalError() } }

/// Stands for every view and every modified one.
public struct Some: Leaf {
    public init() {}
}

@resultBuilder
public enum ViewBuilder {
    public static func buildBlock(_ parts: any View...) -> Some { Some() }
    public static func buildOptional(_ part: Some?) -> Some { Some() }
    public static func buildEither(first: Some) -> Some { first }
    public static func buildEither(second: Some) -> Some { second }
}

public enum ContentMode { case fit }
public struct Font {
    public static let caption = Font()
    public func monospacedDigit() -> Font { self }
}
public struct BorderedButtonStyle {}
public protocol ButtonStyling {}
extension BorderedButtonStyle: ButtonStyling {}
extension ButtonStyling where Self == BorderedButtonStyle { public static var bordered: BorderedButtonStyle { .init() } }

extension View {
    public func disabled(_ disabled: Bool) -> Some { Some() }
    public func font(_ font: Font?) -> Some { Some() }
    public func buttonStyle<S: ButtonStyling>(_ style: S) -> Some { Some() }
    public func aspectRatio(_ ratio: CGSize, contentMode: ContentMode) -> Some { Some() }
    public func onAppear(perform action: (() -> Void)? = nil) -> Some { Some() }
    public func onDisappear(perform action: (() -> Void)? = nil) -> Some { Some() }
    public func tabItem(@ViewBuilder _ label: () -> Some) -> Some { Some() }
}

public struct VStack: Leaf {
    public init(@ViewBuilder content: () -> Some) {}
}
public struct HStack: Leaf {
    public init(@ViewBuilder content: () -> Some) {}
}
public struct ZStack: Leaf {
    public init(@ViewBuilder content: () -> Some) {}
}
public struct TabView: Leaf {
    public init(@ViewBuilder content: () -> Some) {}
}
public struct Text: Leaf {
    public init<S: StringProtocol>(_ content: S) {}
}
public struct Label: Leaf {
    public init(_ title: String, systemImage: String) {}
}
public struct Button: Leaf {
    public init(_ title: String, action: @escaping @MainActor () -> Void) {}
}
public struct ShareLink: Leaf {
    public init(_ title: String, item: URL) {}
}
public struct List: Leaf {
    public init<Data: RandomAccessCollection, ID: Hashable>(
        _ data: Data, id: KeyPath<Data.Element, ID>, content: @escaping (Data.Element) -> any View
    ) {}
}

public struct Color { public init(red: Double, green: Double, blue: Double) {} }
public struct Path {
    public init(_ draw: (inout Path) -> Void) {}
    public init(ellipseIn rect: CGRect) {}
    public mutating func addLines(_ points: [CGPoint]) {}
    public mutating func closeSubpath() {}
}
public struct GraphicsContext {
    public struct Shading { public static func color(_ color: Color) -> Shading { fatalError() } }
    public func stroke(_ path: Path, with shading: Shading, lineWidth: CGFloat = 1) {}
    public func fill(_ path: Path, with shading: Shading) {}
}
public struct Canvas: Leaf {
    public init(renderer: @escaping (inout GraphicsContext, CGSize) -> Void) {}
}

@propertyWrapper
public struct State<Value> {
    public init(wrappedValue: Value) {}
    public var wrappedValue: Value { get { fatalError() } nonmutating set {} }
}
extension State where Value: ExpressibleByNilLiteral { public init() {} }

@propertyWrapper
public struct StateObject<Object: ObservableObject> {
    public init(wrappedValue: @autoclosure @escaping () -> Object) {}
    public var wrappedValue: Object { fatalError() }
}

open class UIView {
    public init() {}
    open class var layerClass: AnyClass { fatalError() }
    public var layer: CALayer { fatalError() }
}
public struct UIViewRepresentableContext {}
public protocol UIViewRepresentable: View {
    associatedtype Shown: UIView
    typealias Context = UIViewRepresentableContext
    func makeUIView(context: Context) -> Shown
    func updateUIView(_ view: Shown, context: Context)
}
extension UIViewRepresentable { public var body: Never { fatalError() } }

public protocol Scene {}
public struct WindowGroup: Scene { public init(@ViewBuilder content: () -> Some) {} }
public protocol App {
    associatedtype Content: Scene
    var body: Content { get }
    init()
}
extension App { public static func main() {} }
