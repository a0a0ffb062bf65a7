import CHDF5
import Foundation
import GraftTensors

/// A file whose groups and datasets libhdf5 makes out, in a process of its own.
struct LibraryFile: ObjectSource {
  /// What the process calls the root group.
  let root = 0
  private let file: RandomAccessFile
  private let process: LibraryProcess
  private let readers: LibraryReaders

  /// Opens a file that Graft does not know how to read.
  ///
  /// - Parameters:
  ///   - reason: What it does not know.
  ///   - seconds: How long it may take; `nil` is what the file justifies.
  /// - Throws: The reason where the library is not installed, and ``GraftError`` when that cannot read the file, or
  ///   takes more for it than it should.
  static func weights(
    of file: RandomAccessFile, since reason: GraftError, seconds: Int? = nil
  ) throws -> Weights {
    do {
      let library = try LibraryFile(file, seconds: seconds)
      var weights = try Tree(library, in: file).weights
      weights.notes.append(
        "\(file.url.lastPathComponent) is read by libhdf5 \(library.process.version): \(reason.problem)")
      return weights
    } catch let missing as LibraryProcess.Missing {
      throw missing.error(insteadOf: reason)
    } catch let unknown as UnknownStructure {
      // Neither knows it.
      throw unknown.error
    }
  }

  private init(_ file: RandomAccessFile, seconds given: Int?) throws {
    let seconds = given ?? LibraryProcess.seconds(for: file.size)
    self.file = file
    process = try LibraryProcess(file, window: 1, seconds: seconds)
    readers = LibraryReaders(file, seconds: given)
  }

  func object(at address: Int) throws -> any StoredObject {
    // Each object may take its time, but not all of them.
    guard !process.isWorn else { throw process.tookTooLong() }
    let answer = try process.ask(GraftHDF5Describe, about: address)
    return try file.budget.holding(answer.count, for: "the structure of the file") {
      try LibraryObject(answer, at: address, file, readers)
    }
  }
}

/// A group or a dataset as the process describes it. Nothing of what it says is trusted.
private struct LibraryObject: StoredObject {
  let kind: ObjectKind
  private let texts: Attributes
  private var foundLinks: [(name: ArraySlice<UInt8>, kind: Int, address: Int)] = []
  private var description: DatasetDescription?
  private let address: Int
  private let file: RandomAccessFile
  private let readers: LibraryReaders

  init(_ answer: [UInt8], at address: Int, _ file: RandomAccessFile, _ readers: LibraryReaders) throws {
    (self.address, self.file, self.readers) = (address, file, readers)
    var reader = ByteReader(answer[...])
    switch try reader.int(UInt8.self) {
    case GraftHDF5Group:
      kind = .group
      texts = try Self.attributes(&reader, file.budget)
      while try reader.integer(UInt8.self) == 1 {
        let name = try reader.bytes(reader.length())
        let kind = try reader.int(UInt8.self)
        foundLinks.append((name, kind, try reader.length()))
      }
    case GraftHDF5Dataset:
      kind = .dataset
      texts = try Self.attributes(&reader, file.budget)
      description = try DatasetDescription(&reader)
    default:
      kind = .other
      texts = Attributes([:])
    }
  }

  private static func attributes(_ reader: inout ByteReader, _ budget: FileBudget) throws -> Attributes {
    var values: [String: Attributes.Value] = [:]
    for _ in 0..<(try reader.int(UInt32.self)) {
      let name = String(decoding: try reader.bytes(reader.length()), as: UTF8.self)
      let isOne = try reader.integer(UInt8.self) == 1
      var texts: [String] = []
      for _ in 0..<(try reader.length()) {
        let bytes = try reader.bytes(reader.length())
        try budget.take(MemoryLayout<String>.stride + bytes.count, for: "an attribute's texts")
        texts.append(String(decoding: bytes, as: UTF8.self))
      }
      values[name] = isOne ? texts.first.map { .text($0) } : .texts(texts)
    }
    return Attributes(values)
  }

  func attributes() -> Attributes { texts }

  func links() throws -> [Group.Link] {
    try foundLinks.map { try Group.link(Group.text($0.name), kind: $0.kind, address: $0.address) }
  }

  func dataset() throws -> DatasetContent {
    guard let description else { throw GraftError(.malformed, "a dataset without a type or a shape") }
    guard !description.isNull else { throw GraftError(.unsupported, "a dataset that holds nothing") }
    switch try description.elements(texts) {
    case .texts: return .texts
    case .references: return .references
    case .numbers(let dtype):
      return .tensor(
        try LibraryDataset(description, dtype, at: address, in: file, readers))
    }
  }
}

/// What the process says of a dataset.
struct DatasetDescription {
  enum Elements {
    case numbers(DType)
    case texts
    case references
  }

  private let type: UInt8
  private let size: Int
  let isBigEndian: Bool
  /// Whether the file has the elements as they are in memory, but for the order of their bytes.
  let isStored: Bool
  let isNull: Bool
  let storage: Int
  /// Where a contiguous one begins.
  let offset: Int?
  let storedByteCount: Int
  let shape: [Int]
  /// The shape of a chunk.
  let chunk: [Int]

  init(_ reader: inout ByteReader) throws {
    type = try reader.integer()
    size = try reader.int(UInt8.self)
    isBigEndian = try reader.integer(UInt8.self) != 0
    isStored = try reader.integer(UInt8.self) != 0
    isNull = try reader.integer(UInt8.self) != 0
    storage = try reader.int(UInt8.self)
    offset = try reader.address()
    storedByteCount = try reader.length()
    let extents = try (0..<reader.int(UInt8.self)).map { _ in (try reader.length(), try reader.length()) }
    (shape, chunk) = (extents.map(\.0), extents.map(\.1))
  }

  private static let types: [Character: [Int: DType]] = [
    "i": [1: .int8, 2: .int16, 4: .int32, 8: .int64], "u": [1: .uint8, 2: .uint16, 4: .uint32, 8: .uint64],
    "f": [2: .float16, 4: .float32, 8: .float64], "b": [2: .bfloat16], "?": [1: .bool],
  ]

  /// - Throws: ``GraftError`` when they are neither numbers nor known to be none.
  func elements(_ attributes: Attributes) throws -> Elements {
    guard type & UInt8(GraftHDF5Class) != 0 else {
      guard let dtype = Self.types[Character(UnicodeScalar(type))]?[size] else {
        throw unsupportedElements("unknown kind \(type)")
      }
      return .numbers(dtype)
    }
    switch type & 0x7F {
    case 3: return .texts
    case 7: return .references
    case 5 where size == 2 && attributes["dtype"] == .text(HDF5Message.bfloat16): return .numbers(.bfloat16)
    case 5: throw unsupportedElements("opaque, of \(size) bytes")
    case let kind: throw unsupportedElements(Datatype.name(of: Int(kind)))
    }
  }
}
