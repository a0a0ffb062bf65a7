import GraftTensors

/// Changes text before it is split.
public protocol Normalizer: PipelineComponent {
  func normalize(_ text: inout AlignedText)

  /// How many times longer, in bytes, it can make a text, apart from a constant.
  var growth: Double { get }
}

extension Normalizer {
  public var growth: Double { 1 }
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

  /// A file that could make much of little text is refused.
  static let maximumGrowth: Double = 16_384

  /// Reads the `normalizer` of a `tokenizer.json`; `nil` where it is `null`.
  ///
  /// - Throws: `GraftError` for one that is not known, or makes texts too long.
  public static func read(_ json: JSON) throws -> (any Normalizer)? {
    guard json != .null else { return nil }
    let normalizer = try make(ComponentReader.root(json, "normalizer"))
    guard normalizer.growth <= maximumGrowth else {
      throw GraftError(
        .unsupported, "it makes texts too long", subject: "key 'normalizer'",
        expected: "at most \(Int(maximumGrowth)) times as long")
    }
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

  public func normalize(_ text: inout AlignedText) {
    for normalizer in normalizers { normalizer.normalize(&text) }
  }
}
