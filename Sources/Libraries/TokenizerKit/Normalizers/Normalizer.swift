import GraftTensors

/// Changes text before it is split.
public protocol Normalizer: PipelineComponent {
  func normalize(_ text: inout AlignedText)

  /// How many times longer, in bytes, it can make a text, apart from a constant.
  var growth: Double { get }

  /// The properties of the scalars that it changes or puts in another order; text without them stays as it is. `nil` where
  /// it is not a matter of properties.
  var affected: ScalarFlags? { get }

  /// What makes of a part of a text the same as this of that part within the text, where the text is cut before
  /// spaces that stand alone between other characters; `nil` where there is no such thing. No matter what a
  /// normalizer makes of these other characters, they are none that join the space or become one.
  ///
  /// - Parameters:
  ///   - isFirst: Whether the part is at the beginning of the text.
  ///   - isLast: Whether the part is at the end of the text.
  func parts(isFirst: Bool, isLast: Bool) -> [any Normalizer]?
}

extension Normalizer {
  public var growth: Double { 1 }

  public var affected: ScalarFlags? { nil }

  public func parts(isFirst: Bool, isLast: Bool) -> [any Normalizer]? { nil }

  /// Those of a `Sequence`, however deep they stand; of another this one alone.
  public var flattened: [any Normalizer] {
    (self as? SequenceNormalizer)?.normalizers.flatMap(\.flattened) ?? [self]
  }
}

/// A normalizer that leaves a space alone and does not look across it.
public protocol LocalNormalizer: Normalizer {}

extension LocalNormalizer {
  public func parts(isFirst: Bool, isLast: Bool) -> [any Normalizer]? { [self] }
}

/// The normalizers that there are.
public enum Normalizers {
  static let all: [any Normalizer.Type] = [
    BertNormalizer.self, ByteLevelNormalizer.self, LowercaseNormalizer.self, NFCNormalizer.self,
    NFDNormalizer.self, NFKCNormalizer.self, NFKDNormalizer.self, NmtNormalizer.self,
    PrecompiledNormalizer.self,
    PrependNormalizer.self, ReplaceNormalizer.self, SequenceNormalizer.self, StripAccentsNormalizer.self,
    StripNormalizer.self,
  ]

  /// Reads the `normalizer` of a `tokenizer.json`; `nil` where it is `null`.
  ///
  /// - Throws: `GraftError` for one that is not known, or makes texts too long.
  public static func read(_ json: JSON) throws -> (any Normalizer)? {
    guard json != .null else { return nil }
    let reader = try ComponentReader.root(json, "normalizer")
    let normalizer = try make(reader)
    try reader.check(growth: normalizer.growth)
    return normalizer
  }

  static func make(_ reader: ComponentReader) throws -> any Normalizer {
    guard let type = all.first(where: { $0.kind == reader.kind }) else {
      throw reader.unsupported(all.map { $0.kind })
    }
    return try type.init(reader)
  }
}

/// Several normalizers, one after the other.
public struct SequenceNormalizer: Normalizer {
  public static let kind = "Sequence"
  public let normalizers: [any Normalizer]

  public init(_ normalizers: [any Normalizer]) { self.normalizers = normalizers }

  public init(_ reader: ComponentReader) throws {
    normalizers = try reader.children("normalizers").map(Normalizers.make)
  }

  public var json: JSON { ["type": .string(Self.kind), "normalizers": .array(normalizers.map(\.json))] }

  public var growth: Double { normalizers.reduce(1) { $0 * $1.growth } }

  public func parts(isFirst: Bool, isLast: Bool) -> [any Normalizer]? {
    let parts = normalizers.compactMap { $0.parts(isFirst: isFirst, isLast: isLast) }
    return parts.count == normalizers.count ? Array(parts.joined()) : nil
  }

  public func normalize(_ text: inout AlignedText) {
    for normalizer in normalizers { normalizer.normalize(&text) }
  }
}
