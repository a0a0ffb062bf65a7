import GraftTensors

/// Reads the fields of one protocol buffers message. https://protobuf.dev/programming-guides/encoding
public struct ProtobufReader {
  private var rest: ArraySlice<UInt8>

  public init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  public enum Value {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)
  }

  /// The next field's number and value; `nil` at the end.
  ///
  /// - Throws: `GraftError` when the message ends inside a field, or has one of an unknown kind.
  public mutating func next() throws -> (field: UInt64, value: Value)? {
    guard !rest.isEmpty else { return nil }
    let (field, head) = try rest.readFieldHead()
    switch head {
    case .number(let number): return (field, .number(number))
    case .length(let length): return (field, .bytes(try rest.read(length)))
    }
  }
}

/// What a field begins with: the whole of a number, or the length of the bytes that follow.
enum FieldHead {
  case number(UInt64)
  case length(UInt64)

  /// The most bytes that a tag and a number or length have.
  static let maximumSize = 20
}

extension ArraySlice<UInt8> {
  private static var truncated: GraftError { GraftError(.malformed, "a number or text is cut off") }

  mutating func readFieldHead() throws -> (field: UInt64, head: FieldHead) {
    let tag = try readVarint()
    let head: FieldHead =
      switch tag & 7 {
      case 0: .number(try readVarint())
      case 1: .number(try readFixed(8))
      case 2: .length(try readVarint())
      case 5: .number(try readFixed(4))
      default: throw GraftError(.malformed, "a message has a field of unknown kind \(tag & 7)")
      }
    return (tag >> 3, head)
  }

  /// A number of seven bits for each byte, at most ten of them.
  public mutating func readVarint() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard let byte = popFirst() else { throw Self.truncated }
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte & 0x80 == 0 { return value }
    }
    throw GraftError(.malformed, "a number has more than 64 bits")
  }

  /// A little-endian number of 4 or 8 bytes.
  public mutating func readFixed(_ count: UInt64) throws -> UInt64 {
    try read(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  public mutating func read(_ count: UInt64) throws -> ArraySlice<UInt8> {
    guard count <= UInt64(self.count) else { throw Self.truncated }
    defer { removeFirst(Int(count)) }
    return prefix(Int(count))
  }
}
