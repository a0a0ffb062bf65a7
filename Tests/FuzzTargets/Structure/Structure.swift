import GraftCompute
import GraftTensors

/// Changes of bytes after which what has to fit together does: lengths, checksums, places. What the bytes are is seen
/// from them.
public enum Structure {
  /// Changes bytes of which nothing is known.
  public typealias Change = ([UInt8]) -> [UInt8]
  /// Changes bytes of one kind; `nil` for those of another.
  typealias Mutation = @Sendable ([UInt8], inout Philox, Change) -> [UInt8]?

  private static let mutations: [Mutation] = [
    Archives.changeZip, Archives.changeGzip, changeHDF5, Bundles.changeTable,
    changeHeader, changeArray, changeMessage,
  ]

  /// Changes a part of the bytes, mostly so that it reaches what is behind the checks.
  public static func changed(_ bytes: [UInt8], _ generator: inout Philox, _ change: Change) -> [UInt8] {
    guard generator.nextWord() % 8 != 0 else { return change(bytes) }
    for mutation in mutations {
      if let changed = mutation(bytes, &generator, change) { return changed }
    }
    return change(bytes)
  }

  /// The header of safetensors, JSON behind its length; mostly with the length that fits.
  private static func changeHeader(
    _ bytes: [UInt8], _ generator: inout Philox, _ change: Change
  ) -> [UInt8]? {
    guard bytes.count > 9, bytes[8] == UInt8(ascii: "{"),
      let end = bytes.lastIndex(of: UInt8(ascii: "}")), end > 8
    else { return nil }
    let header = change(Array(bytes[8...end]))
    let length =
      UInt64(header.count) &+ (generator.nextWord() % 8 == 0 ? UInt64(generator.nextWord() % 9) : 0)
    return littleEndian(length) + header + bytes[(end + 1)...]
  }

  /// The header of a NumPy array of version 1, text behind its length.
  private static func changeArray(
    _ bytes: [UInt8], _ generator: inout Philox, _ change: Change
  ) -> [UInt8]? {
    guard bytes.starts(with: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1]), bytes.count >= 10 else { return nil }
    let end = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
    guard end <= bytes.count else { return nil }
    let header = change(Array(bytes[10..<end]))
    return bytes[..<8] + littleEndian(UInt16(truncatingIfNeeded: header.count)) + header + bytes[end...]
  }

  /// A message of protobuf that nothing else begins as: of ONNX, of SentencePiece, and in the index of a checkpoint.
  private static func changeMessage(
    _ bytes: [UInt8], _ generator: inout Philox, _ change: Change
  ) -> [UInt8]? {
    guard let first = bytes.first, first == 0x08 || first == 0x0A else { return nil }
    var message = Message(bytes)
    guard !message.isEmpty else { return nil }
    for _ in 0...(generator.nextWord() % 2) { message.mutate(&generator, change) }
    return message.encoded
  }

  static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }
}
