import GraftTensors

/// The links of a group: names and the addresses of headers.
enum Group {
  typealias Link = (name: String, address: Int)

  /// The most levels of a B-tree; three hold more than any file.
  private static let maximumDepth = 8
  /// The most bytes of a group's names: several may be one text in its heap.
  private static let maximumNames = 1 << 24

  /// - Throws: ``GraftError`` when a link is none to an object of this file, or the structure is damaged.
  static func links(of header: ObjectHeader, in file: File) throws -> [Link] {
    if var table = try header.message(ObjectHeader.Kind.symbolTable) {
      guard let tree = try table.address(), let heap = try table.address() else { return [] }
      return try symbols(tree, LocalHeap(file, at: heap), file)
    }
    if var info = try header.message(ObjectHeader.Kind.linkInfo) {
      try info.skip(1)
      let flags = try info.integer(UInt8.self)
      if flags & 1 != 0 { try info.skip(8) }
      guard try info.address() == nil else {
        throw UnknownStructure(
          "a group in the form that HDF5 1.8 has for many links",
          advice: "Write the file without libver='latest' and track_order, or repack it.")
      }
    }
    return try header.messages(ObjectHeader.Kind.link).map(link)
  }

  static func isGroup(_ header: ObjectHeader) -> Bool {
    [ObjectHeader.Kind.symbolTable, ObjectHeader.Kind.linkInfo, ObjectHeader.Kind.link].contains(
      where: header.has)
  }

  /// A link message.
  private static func link(_ message: ByteReader) throws -> Link {
    var reader = message
    guard try reader.integer(UInt8.self) == 1 else {
      throw UnknownStructure("a link of unknown version")
    }
    let flags = try reader.integer(UInt8.self)
    let kind = flags & 8 != 0 ? try reader.integer(UInt8.self) : 0
    if flags & 4 != 0 { try reader.skip(8) }
    if flags & 16 != 0 { try reader.skip(1) }
    let size =
      switch flags & 3 {
      case 0: try reader.int(UInt8.self)
      case 1: try reader.int(UInt16.self)
      case 2: try reader.int(UInt32.self)
      default: try reader.length()
      }
    let name = try text(reader.bytes(size))
    return try link(name, kind: Int(kind), address: kind == 0 ? reader.address() : nil)
  }

  /// - Throws: ``GraftError`` when it is no link to an object of this file.
  static func link(_ name: String, kind: Int, address: Int?) throws -> Link {
    switch kind {
    case 0:
      guard let address else { throw GraftError(.malformed, "leads nowhere", subject: "link '\(name)'") }
      return (name, address)
    case 1:
      throw GraftError(
        .unsupported, "a symbolic link", subject: "link '\(name)'",
        advice: "Write the tensor itself under this name.")
    case 64:
      throw GraftError(
        .unsupported, "leads to another file", subject: "link '\(name)'",
        advice: "Copy what it leads to into this file.")
    default: throw GraftError(.unsupported, "a link of unknown kind \(kind)", subject: "link '\(name)'")
    }
  }

  /// The symbols of a group's B-tree, version 1, in its order: that of the names.
  private static func symbols(_ root: Int, _ heap: LocalHeap, _ file: File) throws -> [Link] {
    var links: [Link] = []
    var known: Set<Int> = []
    var nameBytes = 0
    func visit(_ address: Int, _ depth: Int) throws {
      guard known.insert(address).inserted, depth < maximumDepth else {
        throw GraftError(.malformed, "the tree of a group's names runs in a circle")
      }
      var node = try file.part(at: address, 24)
      if try node.bytes(4).elementsEqual("SNOD".utf8) {
        try node.skip(2)
        let count = try node.int(UInt16.self)
        var entries = try file.part(at: address + 8, 40 * count)
        for _ in 0..<count {
          let name = try heap.text(at: entries.length())
          nameBytes += name.utf8.count
          guard nameBytes <= maximumNames else {
            throw GraftError(
              .malformed, "a group's names are too long", expected: "at most \(maximumNames) bytes")
          }
          let header = try entries.address()
          let kind = try entries.integer(UInt32.self)
          try entries.skip(20)
          // Only the tables of symbols call it so.
          links.append(try link(name, kind: kind == 2 ? 1 : 0, address: header))
        }
        return
      }
      node = try file.part(at: address, 24)
      try node.signature("TREE")
      guard try node.integer(UInt8.self) == 0 else {
        throw GraftError(.malformed, "a tree of chunks in a group")
      }
      try node.skip(1)
      let count = try node.int(UInt16.self)
      var children = try file.part(at: address + 24, 8 + 16 * count)
      for _ in 0..<count {
        try children.skip(8)
        if let child = try children.address() { try visit(child, depth + 1) }
      }
    }
    try visit(root, 0)
    return links
  }

  /// The texts of a group's names.
  private struct LocalHeap {
    private let content: ArraySlice<UInt8>

    init(_ file: File, at address: Int) throws {
      var reader = try file.part(at: address, 32)
      try reader.signature("HEAP")
      try reader.skip(4)
      let size = try reader.length()
      try reader.skip(8)
      guard let data = try reader.address() else {
        content = []
        return
      }
      var bytes = try file.part(at: data, size)
      content = try bytes.bytes(size)
    }

    func text(at offset: Int) throws -> String {
      guard offset < content.count else { throw GraftError(.malformed, "a name is outside the group's heap") }
      return try Group.text(content.dropFirst(offset).prefix { $0 != 0 })
    }
  }

  /// - Throws: ``GraftError`` when it is no part of a path.
  static func text(_ bytes: ArraySlice<UInt8>) throws -> String {
    guard let name = String(validating: bytes, as: UTF8.self), !name.isEmpty, !name.contains("/") else {
      throw GraftError(
        .malformed, "a link has no proper name", found: "'\(String(decoding: bytes, as: UTF8.self))'")
    }
    return name
  }
}
