import GraftTensors

/// The header of a NumPy array: element type, order of the axes, shape.
///
/// Versions 1 to 3 are read; they differ in the width of a length and in how names of fields are encoded,
/// and arrays with fields are refused. Version 1 is written. Reference: `numpy/lib/format.py`.
package struct NPYHeader {
  package let spec: TensorSpec
  /// Whether the first index moves fastest.
  var isFortranOrder = false
  var isBigEndian = false
  /// The size of the header, after which the elements follow.
  package private(set) var byteCount = 0

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// The length that version 1 cannot exceed.
  static let maximumLength = 0xFFFF

  package init(_ spec: TensorSpec) { self.spec = spec }
}

// MARK: - Reading

extension NPYHeader {
  /// Where a header ends, by its first 12 bytes.
  ///
  /// - Throws: ``GraftError`` when the bytes begin no array.
  package static func byteCount(_ head: [UInt8]) throws -> Int {
    guard head.starts(with: magic), head.count >= 12 else {
      throw GraftError(.malformed, "not a NumPy array", advice: "Copy or download it again.")
    }
    guard (1...3).contains(head[6]) else {
      throw GraftError(
        .unsupported, "the version of the NumPy array is unknown", expected: "1 to 3", found: "\(head[6])")
    }
    let width = head[6] == 1 ? 2 : 4
    let length = head[8..<8 + width].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= maximumLength else {
      throw GraftError(
        .malformed, "the header of the NumPy array is too long", expected: "at most \(maximumLength) bytes",
        found: "\(length)")
    }
    return 8 + width + length
  }

  /// Reads a whole header.
  ///
  /// - Parameter head: The array's first bytes, at least the header.
  /// - Throws: ``GraftError`` when the header is broken, or its elements are no numbers.
  package init(_ head: [UInt8]) throws {
    byteCount = try Self.byteCount(head)
    guard byteCount <= head.count else {
      throw GraftError(
        .malformed, "truncated: the NumPy array ends inside its header", expected: "\(byteCount) bytes",
        found: "\(head.count)", advice: "Copy or download it again.")
    }
    var text = PythonLiteral(head[(head[6] == 1 ? 10 : 12)..<byteCount])
    var (type, order, shape): (String?, Bool?, [Int]?)
    try text.dictionary { key, text in
      switch key {
      case "descr" where type == nil: type = try Self.type(&text)
      case "fortran_order" where order == nil: order = try text.bool()
      case "shape" where shape == nil: shape = try text.tuple()
      default: throw PythonLiteral.broken("the key '\(key.prefix(40))'")
      }
    }
    guard let type, let order, let shape else {
      throw PythonLiteral.broken("a key is missing: descr, fortran_order or shape")
    }
    guard let (dtype, isBigEndian) = Self.dtype(type) else {
      throw GraftError(
        .unsupported, "the elements of the NumPy array are no numbers that Graft reads",
        expected: "bool, integers, float16, float32 or float64", found: "'\(type.prefix(40))'",
        advice: type.hasSuffix("V2")
          ? "If they are bfloat16, NumPy does not know: save them as float32." : "Save them as float32.")
    }
    guard let spec = TensorSpec(validating: dtype, shape) else {
      throw GraftError(.malformed, "the shape \(shape.prefix(8)) is larger than any file")
    }
    (self.spec, self.isBigEndian, isFortranOrder) = (spec, isBigEndian, order)
  }

  private static func type(_ text: inout PythonLiteral) throws -> String {
    guard try text.peek() != UInt8(ascii: "[") else {
      throw GraftError(
        .unsupported, "a NumPy array with fields", advice: "Save each field as an array of its own.")
    }
    return try text.string()
  }

  /// A type such as `<f4`: byte order, kind, size.
  private static func dtype(_ type: String) -> (DType, isBigEndian: Bool)? {
    let order = type.first.flatMap { "<>|=".contains($0) ? $0 : nil }
    let name = order == nil ? type[...] : type.dropFirst()
    guard let dtype = DType.allCases.first(where: { $0.numpyName == String(name) }) else { return nil }
    return (dtype, order == ">")
  }
}

extension DType {
  /// Kind and size, as NumPy writes them; `nil` for what it does not have.
  var numpyName: String? {
    switch self {
    case .bool: "b1"
    case .uint8, .uint16, .uint32, .uint64: "u\(byteCount)"
    case .int8, .int16, .int32, .int64: "i\(byteCount)"
    case .float16, .float32, .float64: "f\(byteCount)"
    case .bfloat16: nil
    }
  }
}

extension NPYHeader {
  /// The array in row-major order and little-endian.
  package func arranged(_ stored: LazyTensor) throws -> LazyTensor {
    let tensor = isBigEndian ? stored.byteSwapped() : stored
    guard isFortranOrder else { return tensor }
    var strides: [Int] = []
    var stride = 1
    for extent in spec.shape {
      strides.append(stride)
      // A zero later on allows the product of the others to be anything.
      stride = stride.multipliedReportingOverflow(by: extent).partialValue
    }
    let flat = tensor.reshaped([spec.elementCount])
    guard let array = flat.strided(spec.shape, strides: strides, from: 0) else {
      throw GraftError(.malformed, "the shape \(spec.shape) does not fit the array")
    }
    return array
  }
}

// MARK: - Writing

extension NPYHeader {
  /// The header, padded so that the elements begin at a multiple of 64, as NumPy does.
  ///
  /// - Throws: ``GraftError`` when NumPy does not have the type.
  package func encoded() throws -> [UInt8] {
    guard let name = spec.dtype.numpyName else {
      throw GraftError(
        .unsupported, "NumPy has no \(spec.dtype.rawValue)", advice: "Convert it to float32.")
    }
    let order = spec.dtype.byteCount == 1 ? "|" : "<"
    let extents = spec.shape.map(String.init).joined(separator: ", ") + (spec.shape.count == 1 ? "," : "")
    var text = "{'descr': '\(order)\(name)', 'fortran_order': False, 'shape': (\(extents)), }"
    // Magic, version and length take 10 bytes.
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    let length = text.utf8.count
    return Self.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
  }
}
