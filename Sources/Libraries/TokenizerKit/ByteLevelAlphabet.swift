/// The alphabet in which byte-level tokenizers spell bytes: one printable character for each.
///
/// Reference: `bytes_to_unicode` in openai/gpt-2, src/encoder.py.
public enum ByteLevelAlphabet {
  /// By byte, its scalar: printable bytes of Latin-1 stand for themselves, the others for U+0100 and on.
  public static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (UInt32(0)..<256).map { byte in
      if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) {
        return byte
      }
      defer { next += 1 }
      return next
    }
  }()

  /// By scalar, its byte; `nil` for one that stands for none.
  static let bytes: [UInt8?] = {
    var bytes = [UInt8?](repeating: nil, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = UInt8(byte) }
    return bytes
  }()

  /// The scalar for a space, "Ġ".
  public static let space: UInt32 = 0x120

  /// The bytes that a token spells, or `nil` when it is not of this alphabet.
  public static func bytes(of token: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard scalar.value < UInt32(bytes.count), let byte = bytes[Int(scalar.value)] else { return nil }
      result.append(byte)
    }
    return result
  }

  /// The token that spells bytes.
  public static func token(of bytes: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for byte in bytes { appendScalar(scalars[Int(byte)], to: &result) }
    return result
  }
}
