import GraftTensors

/// The bodies of the messages that describe datasets and attributes.
enum HDF5Message {
  /// What Keras calls the type in the attribute `dtype` of a dataset of two opaque bytes.
  static let bfloat16 = "bfloat16"

  /// Version 2: an array, or a single element.
  static func dataspace(_ shape: [Int]) -> [UInt8] {
    var bytes: [UInt8] = [2, UInt8(shape.count), 0, shape.isEmpty ? 0 : 1]
    for extent in shape { bytes.append(integer: UInt64(extent)) }
    return bytes
  }

  static func datatype(_ type: DType) -> [UInt8] {
    switch type {
    case .bool:
      // h5py's truth values. Names are padded to eight bytes.
      return head(8, bits: [2, 0, 0], size: 1) + datatype(.int8) + Array("FALSE\0\0\0TRUE\0\0\0\0".utf8) + [
        0, 1,
      ]
    case .bfloat16: return head(5, bits: [0, 0, 0], size: 2)
    case .float16, .float32, .float64:
      guard let layout = FloatLayout(type) else { return [] }
      var bytes = head(1, bits: [0x20, UInt8(layout.sign), 0], size: layout.size)
      bytes.append(integer: UInt16(layout.offset))
      bytes.append(integer: UInt16(layout.precision))
      bytes += [layout.exponent, layout.exponentSize, layout.mantissa, layout.mantissaSize].map { UInt8($0) }
      bytes.append(integer: UInt32(layout.bias))
      return bytes
    case .int8, .int16, .int32, .int64: return integer(type, sign: 8)
    case .uint8, .uint16, .uint32, .uint64: return integer(type, sign: 0)
    }
  }

  private static func integer(_ type: DType, sign: UInt8) -> [UInt8] {
    var bytes = head(0, bits: [sign, 0, 0], size: type.byteCount)
    bytes.append(integer: UInt16(0))
    bytes.append(integer: UInt16(8 * type.byteCount))
    return bytes
  }

  private static func head(_ kind: UInt8, bits: [UInt8], size: Int) -> [UInt8] {
    var bytes = [0x10 | kind] + bits
    bytes.append(integer: UInt32(size))
    return bytes
  }

  // MARK: Attributes

  /// One text of a fixed size.
  static func attribute(_ name: String, text: String) -> [UInt8] {
    attribute(name, head(3, bits: [0x11, 0, 0], size: max(1, text.utf8.count)), [], padded(text, 1))
  }

  /// One text in a heap.
  static func attribute(_ name: String, _ reference: [UInt8]) -> [UInt8] {
    attribute(
      name, head(9, bits: [0x11, 1, 0], size: 16) + head(3, bits: [0x11, 0, 0], size: 1), [], reference)
  }

  /// A list of texts of one size; in several parts when it is long, each with a number behind its name.
  static func attributes(_ name: String, _ texts: [String]) -> [[UInt8]] {
    let size = texts.map(\.utf8.count).max() ?? 1
    let perPart = max(1, (Writer.maximumAttribute - name.utf8.count - 100) / max(1, size))
    let parts = stride(from: 0, to: texts.count, by: perPart).map {
      texts[$0..<min(texts.count, $0 + perPart)]
    }
    return parts.enumerated().map { number, part in
      attribute(
        parts.count == 1 ? name : "\(name)\(number)", head(3, bits: [0x11, 0, 0], size: size), [part.count],
        part.flatMap { padded($0, size) })
    }
  }

  private static func padded(_ text: String, _ size: Int) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0, count: max(0, size - text.utf8.count))
  }

  /// Version 3, its name in UTF-8.
  private static func attribute(
    _ name: String, _ type: [UInt8], _ shape: [Int], _ data: [UInt8]
  ) -> [UInt8] {
    let space = dataspace(shape)
    var bytes: [UInt8] = [3, 0]
    for count in [name.utf8.count + 1, type.count, space.count] { bytes.append(integer: UInt16(count)) }
    return bytes + [1] + Array(name.utf8) + [0] + type + space + data
  }
}

extension [UInt8] {
  mutating func append(integer: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: integer.littleEndian) { append(contentsOf: $0) }
  }
}
