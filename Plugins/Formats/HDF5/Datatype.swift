import GraftTensors

/// What a dataset's or an attribute's elements are.
enum Datatype: Equatable {
  case number(DType, isBigEndian: Bool)
  /// Texts of a fixed size.
  case text(size: Int)
  /// Texts that stand in a heap.
  case variableText
  /// Bytes without a meaning of their own.
  case opaque(size: Int)
  /// Anything else, by what HDF5 calls it.
  case other(String)
  /// The same, of which the library may make numbers, or know that they are none.
  case unknown(String)

  init(_ message: ByteReader) throws {
    var reader = message
    self = try Self.read(&reader)
  }

  private static let names = [
    "integer", "floating-point number", "time", "string", "bit field", "opaque", "compound", "reference",
    "enumeration", "variable-length sequence", "array",
  ]

  /// What HDF5 calls a class of types.
  static func name(of kind: Int) -> String {
    names.indices.contains(kind) ? names[kind] : "unknown kind \(kind)"
  }

  private static func read(_ reader: inout ByteReader) throws -> Datatype {
    let kind = try reader.int(UInt8.self)
    let bits = [
      try reader.integer(UInt8.self), try reader.integer(UInt8.self), try reader.integer(UInt8.self),
    ]
    let size = try reader.int(UInt32.self)
    let isBigEndian = bits[0] & 1 != 0
    switch kind & 0xF {
    case 0:
      let (offset, precision) = (try reader.int(UInt16.self), try reader.int(UInt16.self))
      let types: [Int: (signed: DType, unsigned: DType)] = [
        1: (.int8, .uint8), 2: (.int16, .uint16), 4: (.int32, .uint32), 8: (.int64, .uint64),
      ]
      guard let type = types[size], offset == 0, precision == 8 * size else {
        return .unknown("integer of \(precision) bits")
      }
      return .number(bits[0] & 8 != 0 ? type.signed : type.unsigned, isBigEndian: isBigEndian)
    case 1:
      let layout = FloatLayout(
        size: size, sign: Int(bits[1]), offset: try reader.int(UInt16.self),
        precision: try reader.int(UInt16.self),
        exponent: try reader.int(UInt8.self), exponentSize: try reader.int(UInt8.self),
        mantissa: try reader.int(UInt8.self), mantissaSize: try reader.int(UInt8.self),
        bias: try reader.int(UInt32.self))
      // A leading one that is not stored, and neither of the orders of bytes that only a VAX has.
      guard bits[0] & 0x70 == 0x20, let type = DType.allCases.first(where: { FloatLayout($0) == layout })
      else {
        return .unknown("floating-point number of \(layout.precision) bits")
      }
      return .number(type, isBigEndian: isBigEndian)
    case 3: return .text(size: size)
    case 5: return .opaque(size: size)
    // h5py's truth values: an enumeration of FALSE and TRUE in one byte.
    case 8 where bits[0] == 2 && bits[1] == 0 && size == 1: return .number(.bool, isBigEndian: false)
    case 9 where bits[0] & 0xF == 1: return .variableText
    case 7: return .unknown(name(of: 7))
    case let kind: return .other(name(of: kind))
    }
  }
}

/// How the bits of a floating-point number are divided.
struct FloatLayout: Equatable {
  var size: Int
  var sign: Int
  var offset = 0
  var precision: Int
  var exponent: Int
  var exponentSize: Int
  var mantissa = 0
  var mantissaSize: Int
  var bias: Int
}

extension FloatLayout {
  /// The IEEE 754 type, or bfloat16; `nil` for types that are not floating-point.
  init?(_ type: DType) {
    guard type.isFloatingPoint else { return nil }
    let bits = 8 * type.byteCount
    let exponentBits =
      switch type {
      case .float16: 5
      case .float64: 11
      default: 8
      }
    let mantissaBits = bits - 1 - exponentBits
    self.init(
      size: type.byteCount, sign: bits - 1, precision: bits, exponent: mantissaBits,
      exponentSize: exponentBits,
      mantissaSize: mantissaBits, bias: 1 << (exponentBits - 1) - 1)
  }
}
