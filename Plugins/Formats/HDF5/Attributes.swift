import GraftTensors

/// The attributes of a group or dataset that hold texts; others do not matter here.
struct Attributes {
  enum Value: Equatable {
    case text(String)
    case texts([String])
  }

  private var values: [String: Value] = [:]

  init(_ values: [String: Value]) { self.values = values }

  /// - Throws: ``GraftError`` when an attribute is damaged.
  init(_ header: ObjectHeader, _ file: File) throws {
    if var info = try header.message(ObjectHeader.Kind.attributeInfo) {
      try info.skip(1)
      let flags = try info.integer(UInt8.self)
      if flags & 1 != 0 { try info.skip(2) }
      guard try info.address() == nil else {
        throw UnknownStructure(
          "attributes in the form that HDF5 1.8 has for many",
          advice: "Write the file without libver='latest' and track_order, or repack it.")
      }
    }
    var heap = GlobalHeap(file)
    for message in header.messages(ObjectHeader.Kind.attribute) {
      if let (name, value) = try Self.read(message, &heap, file) { values[name] = value }
    }
  }

  subscript(name: String) -> Value? { values[name] }

  /// The attributes of one text.
  var texts: [String: String] {
    values.compactMapValues { if case .text(let text) = $0 { text } else { nil } }
  }

  /// A list of texts, which Keras divides among `NAME0`, `NAME1`, … when it is long.
  func list(_ name: String) -> [String]? {
    if case .texts(let list) = values[name] { return list }
    var parts: [String] = []
    var number = 0
    while case .texts(let list) = values["\(name)\(number)"] {
      parts += list
      number += 1
    }
    return number == 0 ? nil : parts
  }

  private static func read(
    _ message: ByteReader, _ heap: inout GlobalHeap, _ file: File
  ) throws -> (String, Value)? {
    var reader = message
    let version = try reader.int(UInt8.self)
    guard (1...3).contains(version) else { return nil }
    let flags = try reader.integer(UInt8.self)
    // A type or shape that stands elsewhere.
    if version > 1, flags & 3 != 0 { return nil }
    let sizes = try (0..<3).map { _ in try reader.int(UInt16.self) }
    if version == 3 { try reader.skip(1) }
    func piece(_ size: Int) throws -> ArraySlice<UInt8> {
      let bytes = try reader.bytes(size)
      if version == 1 { try reader.skip(-size & 7) }
      return bytes
    }
    let name = String(decoding: try piece(sizes[0]).prefix { $0 != 0 }, as: UTF8.self)
    let type = try Datatype(ByteReader(piece(sizes[1])))
    guard let shape = try readDataspace(ByteReader(piece(sizes[2]))), shape.count <= 1 else { return nil }
    var texts: [String] = []
    for _ in 0..<(shape.first ?? 1) {
      switch type {
      // An element of no bytes would be read for ever.
      case .text(let size) where size > 0:
        try file.content.budget.take(MemoryLayout<String>.stride + size, for: "an attribute's texts")
        texts.append(String(decoding: try reader.bytes(size).prefix { $0 != 0 }, as: UTF8.self))
      case .variableText:
        try file.content.budget.take(MemoryLayout<String>.stride, for: "an attribute's texts")
        texts.append(try heap.text(&reader))
      default: return nil
      }
    }
    return (name, shape.isEmpty ? .text(texts[0]) : .texts(texts))
  }
}

/// Where texts of any length stand, in collections.
private struct GlobalHeap {
  private let file: File
  private var collections: [Int: [Int: ArraySlice<UInt8>]] = [:]
  /// Any number of elements may be the same text.
  private var texts: [Place: String] = [:]

  private struct Place: Hashable {
    let collection: Int
    let number: Int
    let length: Int
  }

  init(_ file: File) { self.file = file }

  /// The text that an attribute's element refers to: its length, its collection, its number.
  mutating func text(_ reader: inout ByteReader) throws -> String {
    let length = try reader.int(UInt32.self)
    let address = try reader.address()
    let number = try reader.int(UInt32.self)
    guard length > 0, let address else { return "" }
    let place = Place(collection: address, number: number, length: length)
    if let known = texts[place] { return known }
    if collections[address] == nil { collections[address] = try collection(address) }
    guard let bytes = collections[address]?[number], length <= bytes.count else {
      throw GraftError(.malformed, "a text of an attribute is missing")
    }
    try file.content.budget.take(length, for: "an attribute's texts")
    let text = String(decoding: bytes.prefix(length).prefix { $0 != 0 }, as: UTF8.self)
    texts[place] = text
    return text
  }

  private func collection(_ address: Int) throws -> [Int: ArraySlice<UInt8>] {
    var head = try file.part(at: address, 16)
    try head.signature("GCOL")
    try head.skip(4)
    let size = try head.length()
    guard size >= 16 else {
      throw GraftError(.malformed, "a collection of texts is smaller than its own head")
    }
    var reader = try file.part(at: address + 16, size - 16)
    var objects: [Int: ArraySlice<UInt8>] = [:]
    while reader.count >= 16 {
      let number = try reader.int(UInt16.self)
      try reader.skip(6)
      let size = try reader.length()
      // Number 0 is the space that is left.
      guard number != 0 else { break }
      objects[number] = try reader.bytes(size)
      try reader.skip(min(reader.count, -size & 7))
    }
    return objects
  }
}
