import GraftTensors

/// Turns UTF-16 into UTF-8 while it is read. Files in UTF-16 are known by their byte order mark.
enum TextTranscoding {
  /// The order of the bytes of UTF-16.
  enum ByteOrder: Sendable {
    case little, big

    /// What a file's first bytes say; `nil` when they are no mark of UTF-16.
    init?(_ head: some Collection<UInt8>) {
      // Little-endian UTF-32 begins alike.
      if head.starts(with: [0xFF, 0xFE]), !head.starts(with: [0xFF, 0xFE, 0x00, 0x00]) {
        self = .little
      } else if head.starts(with: [0xFE, 0xFF]) {
        self = .big
      } else {
        return nil
      }
    }
  }

  /// The text of a stream of UTF-16 as UTF-8, with the mark.
  static func utf8(of stream: ByteStream, _ order: ByteOrder) -> ByteStream {
    let decoder = Decoder(stream, order)
    return ByteStream(isLive: stream.isLive, hasMore: stream.hasMore, decoder.read)
  }

  /// What is decoded and not read yet; units that go on in the next part.
  private final class Decoder {
    private let stream: ByteStream
    private let order: ByteOrder
    private var input = [UInt8](repeating: 0, count: 1 << 16)
    /// Bytes of a unit or of a pair of surrogates that is not whole yet.
    private var pending: [UInt8] = []
    private var output: [UInt8] = []
    private var position = 0
    private var decoded = 0

    init(_ stream: ByteStream, _ order: ByteOrder) {
      self.stream = stream
      self.order = order
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      while position == output.count {
        guard try decode() else { return 0 }
      }
      let part = output[position...].prefix(buffer.count)
      buffer.copyBytes(from: part)
      position += part.count
      return part.count
    }

    /// Decodes the next part.
    ///
    /// - Returns: Whether there was one.
    private func decode() throws -> Bool {
      let count = try input.withUnsafeMutableBytes { try stream.read(into: $0) }
      let isEnd = count == 0
      if isEnd, pending.isEmpty { return false }
      let bytes = pending + input[..<count]
      output.removeAll(keepingCapacity: true)
      (position, pending) = (0, [])
      var index = 0
      while index + 1 < bytes.count {
        let unit = unit(bytes, index)
        guard (0xD800..<0xE000).contains(unit) else {
          append(UInt32(unit))
          index += 2
          continue
        }
        guard index + 3 < bytes.count || isEnd else { break }
        guard unit < 0xDC00, index + 3 < bytes.count, (0xDC00..<0xE000).contains(self.unit(bytes, index + 2))
        else { throw invalid(index) }
        append(0x10000 + (UInt32(unit) - 0xD800) << 10 + UInt32(self.unit(bytes, index + 2)) - 0xDC00)
        index += 4
      }
      pending = Array(bytes[index...])
      if isEnd, !pending.isEmpty { throw invalid(index) }
      decoded += index
      return true
    }

    private func unit(_ bytes: [UInt8], _ index: Int) -> UInt16 {
      let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
      return order == .little ? second << 8 | first : first << 8 | second
    }

    private func append(_ scalar: UInt32) {
      guard let bytes = Unicode.Scalar(scalar).flatMap(UTF8.encode) else { return }
      output.append(contentsOf: bytes)
    }

    private func invalid(_ index: Int) -> GraftError {
      GraftError(
        .malformed, "invalid UTF-16", subject: "byte \(decoded + index)",
        advice: "Save the file again, as UTF-8.")
    }
  }
}
