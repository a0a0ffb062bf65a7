import GraftTensors

/// The messages that describe a group or a dataset.
struct ObjectHeader {
  enum Kind {
    static let dataspace = 0x01
    static let linkInfo = 0x02
    static let datatype = 0x03
    static let fillValue = 0x05
    static let link = 0x06
    static let externalFiles = 0x07
    static let layout = 0x08
    static let groupInfo = 0x0A
    static let filters = 0x0B
    static let attribute = 0x0C
    static let continuation = 0x10
    static let symbolTable = 0x11
    static let attributeInfo = 0x15
  }

  private struct Message {
    let kind: Int
    let body: ByteReader
    let isShared: Bool
  }

  /// What a message takes in version 1, a signature and a checksum in version 2.
  private static let minimumBlock = 8
  /// The most bytes of all messages.
  private static let maximumSize = 1 << 24

  /// Where it stands in the file.
  let address: Int
  private var messages: [Message] = []

  /// Reads the header at an address.
  ///
  /// - Throws: ``GraftError`` when it is damaged, or of a version that is not known.
  init(_ file: File, at address: Int) throws {
    self.address = address
    var prefix = try file.part(at: address, 6)
    let first = try prefix.bytes(4)
    var blocks = Blocks()
    if first.elementsEqual("OHDR".utf8) {
      try readVersion2(file, address, &prefix, &blocks)
    } else if first.first == 1 {
      var rest = try file.part(at: address, 16)
      try rest.skip(8)
      try blocks.add(address + 16, try rest.int(UInt32.self))
      while let block = blocks.next() {
        var reader = try file.part(at: block.address, block.count)
        while reader.count >= 8 {
          let (kind, size) = (try reader.int(UInt16.self), try reader.int(UInt16.self))
          let flags = try reader.integer(UInt8.self)
          try reader.skip(3)
          try add(kind, flags, reader.bytes(size), &blocks)
        }
      }
    } else {
      throw GraftError(.malformed, "a group or dataset has no header where one should be")
    }
  }

  private mutating func readVersion2(
    _ file: File, _ address: Int, _ prefix: inout ByteReader, _ blocks: inout Blocks
  ) throws {
    let version = try prefix.integer(UInt8.self)
    guard version == 2 else {
      throw UnknownStructure("object header version \(version)", expected: "2")
    }
    let flags = try prefix.integer(UInt8.self)
    let skipped = (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    let sizeCount = 1 << Int(flags & 3)
    var rest = try file.part(at: address + 6, skipped + sizeCount)
    try rest.skip(skipped)
    let size =
      switch sizeCount {
      case 1: try rest.int(UInt8.self)
      case 2: try rest.int(UInt16.self)
      case 4: try rest.int(UInt32.self)
      default: try rest.length()
      }
    let begin = 6 + skipped + sizeCount
    let (end, overflow) = begin.addingReportingOverflow(size)
    guard !overflow else { throw GraftError(.malformed, "a length beyond any file", found: "\(size)") }
    try blocks.add(address, end, begin)
    while let block = blocks.next() {
      let total = block.begin == 0 ? block.count : block.count + 4
      var reader = try file.part(at: block.address, total)
      let bytes = try reader.bytes(total)
      var end = ByteReader(bytes.suffix(4))
      guard try end.integer(UInt32.self) == checksum(bytes.dropLast(4)) else {
        throw GraftError(.malformed, "the header of a group or dataset is damaged: its checksum differs")
      }
      reader = ByteReader(bytes.dropLast(4))
      if block.begin == 0 { try reader.signature("OCHK") } else { try reader.skip(block.begin) }
      // A message has four bytes in front of it, and its place in the order of creation where that is kept.
      let front = flags & 4 != 0 ? 6 : 4
      while reader.count >= front {
        let (kind, size) = (try reader.int(UInt8.self), try reader.int(UInt16.self))
        let messageFlags = try reader.integer(UInt8.self)
        try reader.skip(front - 4)
        try add(kind, messageFlags, reader.bytes(size), &blocks)
      }
    }
  }

  private mutating func add(
    _ kind: Int, _ flags: UInt8, _ bytes: ArraySlice<UInt8>, _ blocks: inout Blocks
  ) throws {
    var body = ByteReader(bytes)
    if kind == Kind.continuation {
      guard let address = try body.address() else { return }
      let count = try body.length()
      guard count >= Self.minimumBlock else {
        throw GraftError(
          .malformed, "the header of a group or dataset continues where no message can be",
          expected: "at least \(Self.minimumBlock) bytes", found: "\(count)")
      }
      try blocks.add(address, count)
    } else if kind != 0 {
      messages.append(Message(kind: kind, body: body, isShared: flags & 2 != 0))
    }
  }

  /// The blocks that a header is spread over, each read once.
  private struct Blocks {
    typealias Block = (address: Int, count: Int, begin: Int)
    private var blocks: [Block] = []
    /// The next one to read.
    private var index = 0
    private var known: Set<Int> = []
    private var size = 0

    /// - Throws: ``GraftError`` when the blocks run in a circle or are too large.
    mutating func add(_ address: Int, _ count: Int, _ begin: Int = 0) throws {
      guard known.insert(address).inserted else {
        throw GraftError(.malformed, "the header of a group or dataset continues in itself")
      }
      guard count >= 0, count <= maximumSize - size else {
        throw GraftError(
          .malformed, "the header of a group or dataset is too large",
          expected: "at most \(maximumSize) bytes")
      }
      size += count
      blocks.append((address, count, begin))
    }

    mutating func next() -> Block? {
      guard index < blocks.count else { return nil }
      defer { index += 1 }
      return blocks[index]
    }
  }
}

extension ObjectHeader {
  /// The first message of a kind.
  ///
  /// - Throws: ``GraftError`` when it stands elsewhere, shared by several objects.
  func message(_ kind: Int) throws -> ByteReader? {
    guard let message = messages.first(where: { $0.kind == kind }) else { return nil }
    guard !message.isShared else {
      throw UnknownStructure("its description is shared with other objects (a committed datatype)")
    }
    return message.body
  }

  func messages(_ kind: Int) -> [ByteReader] {
    messages.filter { $0.kind == kind && !$0.isShared }.map(\.body)
  }

  func has(_ kind: Int) -> Bool { messages.contains { $0.kind == kind } }
}
