import GraftTensors

/// The types of attributes; the numbers are those of `enum gguf_type`, `ggml/include/gguf.h`.
enum AttributeType: UInt32 {
  case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// The least that one value takes.
  var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .string, .uint64, .int64, .float64: 8
    case .array: 12
    }
  }

  /// What a value is written as: whole numbers as uint32, as llama.cpp has most of its own, and those in lists
  /// as int32, both wider where they have to be; a number with a fraction or an exponent as float32. Lists are
  /// of texts, of truth values or of numbers; `nil` for others, and for what GGUF has no type for.
  init?(of value: JSON, key: String? = nil) {
    switch value {
    case .bool: self = .bool
    case .string: self = .string
    case .array(let list):
      guard Self.elements(of: list, key: key) != nil else { return nil }
      self = .array
    case .number(let text):
      if let value = Int(text) {
        self = UInt32(exactly: value) != nil ? .uint32 : value < 0 ? .int64 : .uint64
      } else {
        self = UInt64(text) != nil ? .uint64 : .float32
      }
    case .null, .object, .members: return nil
    }
  }

  /// Keys whose lists of whole numbers are bytes: llama.cpp takes the compiled table of a normalizer as nothing else.
  private static let bytesKeys: Set = ["tokenizer.ggml.precompiled_charsmap"]

  /// What the elements of a list are written as; `nil` when no type holds them all.
  ///
  /// - Parameter key: The list's key, where that says more than its elements.
  static func elements(of list: [JSON], key: String? = nil) -> AttributeType? {
    if let key, bytesKeys.contains(key) {
      return list.allSatisfy { $0.int.flatMap(UInt8.init(exactly:)) != nil } ? .uint8 : nil
    }
    var types: Set<AttributeType> = []
    for value in list {
      guard let type = AttributeType(of: value) else { return nil }
      types.insert(type)
    }
    if types.isEmpty || types == [.string] { return .string }
    if types == [.bool] { return .bool }
    guard types.isDisjoint(with: [.string, .bool, .array]) else { return nil }
    if types.contains(.float32) { return .float32 }
    if list.allSatisfy({ $0.int.flatMap(Int32.init(exactly:)) != nil }) { return .int32 }
    if list.allSatisfy({ $0.int != nil }) { return .int64 }
    return types.contains(.int64) ? nil : .uint64
  }
}

/// Reads the values of attributes.
struct AttributeReader {
  /// The elements of lists that one file may have: what they take in memory is many times what they take there.
  private var elementsLeft = 1 << 22

  mutating func value(_ reader: inout HeaderReader) throws -> JSON {
    let type = try Self.type(&reader)
    guard type == .array else { return try Self.value(type, &reader) }
    let element = try Self.type(&reader)
    guard element != .array else { throw GraftError(.unsupported, "a list of lists") }
    let count = try reader.count(of: "elements", size: element.byteCount)
    guard count <= elementsLeft else {
      throw GraftError(
        .unsupported, "longer lists than those of any vocabulary",
        expected: "at most \(elementsLeft) elements",
        found: "\(count)")
    }
    elementsLeft -= count
    var list: [JSON] = []
    list.reserveCapacity(count)
    for _ in 0..<count { list.append(try Self.value(element, &reader)) }
    return .array(list)
  }

  private static func type(_ reader: inout HeaderReader) throws -> AttributeType {
    let number = try reader.integer(UInt32.self)
    guard let type = AttributeType(rawValue: number) else {
      throw GraftError(.malformed, "an unknown type of value", found: "\(number)")
    }
    return type
  }

  private static func value(_ type: AttributeType, _ reader: inout HeaderReader) throws -> JSON {
    switch type {
    case .uint8: JSON(Int(try reader.integer(UInt8.self)))
    case .int8: JSON(Int(try reader.integer(Int8.self)))
    case .uint16: JSON(Int(try reader.integer(UInt16.self)))
    case .int16: JSON(Int(try reader.integer(Int16.self)))
    case .uint32: JSON(Int(try reader.integer(UInt32.self)))
    case .int32: JSON(Int(try reader.integer(Int32.self)))
    case .uint64: .number(String(try reader.integer(UInt64.self)))
    case .int64: JSON(Int(try reader.integer(Int64.self)))
    case .float32: JSON(Float(bitPattern: try reader.integer()))
    case .float64: JSON(Double(bitPattern: try reader.integer()))
    case .bool: .bool(try reader.integer(UInt8.self) != 0)
    case .string: .string(try reader.string())
    case .array: throw GraftError(.unsupported, "a list of lists")
    }
  }
}

extension [UInt8] {
  mutating func append<Number: FixedWidthInteger>(_ number: Number) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }

  mutating func append(_ text: String) {
    append(UInt64(text.utf8.count))
    append(contentsOf: text.utf8)
  }

  /// - Precondition: `type` is one that ``AttributeType`` has for the value under that key.
  mutating func append(_ value: JSON, as type: AttributeType, key: String? = nil) {
    switch type {
    case .bool: append(value.bool == true ? 1 : 0 as UInt8)
    case .string: append(value.string ?? "")
    case .uint32: append(UInt32(truncatingIfNeeded: value.int ?? 0))
    case .int32: append(Int32(truncatingIfNeeded: value.int ?? 0))
    case .int64: append(Int64(value.int ?? 0))
    case .uint64: if case .number(let text) = value { append(UInt64(text) ?? 0) }
    case .float32: append(Float(value.double ?? 0).bitPattern)
    case .array:
      let list = value.array ?? []
      let element = AttributeType.elements(of: list, key: key) ?? .string
      append(element.rawValue)
      append(UInt64(list.count))
      for value in list { append(value, as: element) }
    case .uint8: append(UInt8(truncatingIfNeeded: value.int ?? 0))
    case .int8, .uint16, .int16, .float64: break
    }
  }
}
