import GraftTensors

/// Makes bytes of the characters that stand for them. A token that is not of these characters stands for itself.
public struct ByteLevelDecoder: Decoder {
  public static let kind = "ByteLevel"

  /// The settings of the pre-tokenizer, which mean nothing here.
  public let settings: ByteLevelPreTokenizer

  public init(_ settings: ByteLevelPreTokenizer = ByteLevelPreTokenizer()) { self.settings = settings }

  public init(_ reader: ComponentReader) throws { settings = try ByteLevelPreTokenizer(reader) }

  public var json: JSON { settings.json }

  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    let bytes = tokens.flatMap { ByteLevelAlphabet.bytes(of: String(decoding: $0, as: UTF8.self)) ?? $0 }
    return [Array(String(decoding: bytes, as: UTF8.self).utf8)]
  }
}

/// Makes bytes of tokens such as `<0x61>`, and text of those that follow each other; U+FFFD of each byte where they are
/// none.
public struct ByteFallbackDecoder: Decoder, PlainComponent {
  public static let kind = "ByteFallback"
  public init() {}

  public func decode(_ tokens: [[UInt8]]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var bytes: [UInt8] = []
    func flush() {
      guard !bytes.isEmpty else { return }
      if String(validating: bytes, as: UTF8.self) != nil {
        result.append(bytes)
      } else {
        result += repeatElement([0xEF, 0xBF, 0xBD], count: bytes.count)
      }
      bytes.removeAll()
    }
    for token in tokens {
      if let byte = Self.byte(token) {
        bytes.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }

  private static func byte(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
  }

  /// The token that stands for a byte.
  public static func token(of byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")]
  }
}
