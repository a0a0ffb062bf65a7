import GraftTensors

/// Puts tokens together to text again.
public protocol Decoder: PipelineComponent {
  /// Changes the tokens, which are joined after the last decoder. They are UTF-8, or become it when they are joined.
  func decode(_ tokens: [[UInt8]]) -> [[UInt8]]
}

/// The decoders that there are.
public enum Decoders {
  static let all: [any Decoder.Type] = [
    BPEDecoder.self, ByteFallbackDecoder.self, ByteLevelDecoder.self, FuseDecoder.self, MetaspaceDecoder.self,
    ReplaceDecoder.self, SequenceDecoder.self, StripDecoder.self, WordPieceDecoder.self,
  ]

  /// Reads the `decoder` of a `tokenizer.json`; `nil` where it is `null`.
  ///
  /// - Throws: `GraftError` for one that is not known.
  public static func read(_ json: JSON) throws -> (any Decoder)? {
    try json == .null ? nil : make(ComponentReader.root(json, "decoder"))
  }

  static func make(_ reader: ComponentReader) throws -> any Decoder {
    guard let type = all.first(where: { $0.kind == reader.kind }) else {
      throw reader.unsupported(all.map { $0.kind })
    }
    return try type.init(reader)
  }
}

extension Decoder {
  /// The text of tokens.
  public func text(of tokens: some Sequence<String>) -> String {
    String(decoding: Array(decode(tokens.map { Array($0.utf8) }).joined()), as: UTF8.self)
  }
}

/// Several decoders, one after the other.
public struct SequenceDecoder: Decoder {
  public static let kind = "Sequence"
  public let decoders: [any Decoder]

  public init(_ decoders: [any Decoder]) { self.decoders = decoders }

  public init(_ reader: ComponentReader) throws {
    decoders = try reader.children("decoders").map(Decoders.make)
  }

  public var json: JSON { ["type": .string(Self.kind), "decoders": .array(decoders.map(\.json))] }

  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] { decoders.reduce(tokens) { $1.decode($0) } }
}
