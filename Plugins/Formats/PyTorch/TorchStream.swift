import GraftTensors

/// The form before PyTorch 1.6: a magic number, a version, facts about the machine, the table, and the keys
/// of the storages, a pickle each; then every storage, its length first.
enum TorchStream {
  /// 0x1950a86a20f9469cfc6c, as pickles of protocol 2 and later store it.
  private static let magic: [UInt8] = [
    0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  /// Whether a file begins so: a protocol, a frame's length from protocol 4 on, the number.
  static func begins(_ head: [UInt8]) -> Bool {
    head.first == 0x80 && [2, 11].contains { head.dropFirst($0).starts(with: magic) }
  }

  static func weights(in file: RandomAccessFile) throws -> Weights {
    var bytes = PickleBytes(file, from: 0)
    _ = try Pickle(&bytes)
    guard try Pickle(&bytes).result == .int(1001) else {
      throw GraftError(.unsupported, "the version of the PyTorch file is unknown", expected: "1001")
    }
    try checkByteOrder(Pickle(&bytes))
    let table = try Pickle(&bytes)
    let tensors = try StateDict(of: table)
    let keys = try self.keys(Pickle(&bytes))
    let places = try places(keys, table, file, from: bytes.position)
    return try tensors.weights { storage, dtype in
      guard let place = places[storage.key] else {
        throw GraftError(
          .missing, "its storage is not in the file", found: "no storage '\(storage.key)'",
          advice: "Copy or download it again.")
      }
      let spec = try storage.spec(dtype)
      guard spec.byteCount == place.count else {
        throw GraftError(
          .malformed, "its storage does not have the length that the pickle says",
          expected: "\(spec.byteCount) bytes", found: "\(place.count)",
          advice: "Copy or download it again.")
      }
      return LazyTensor(spec, in: file, at: place.lowerBound)
    }
  }

  private static func checkByteOrder(_ facts: Pickle) throws {
    guard case .dictionary(let index) = facts.result else {
      throw Pickle.broken("the facts about the machine are \(facts.result.description)")
    }
    let order = facts.dictionaries[index].last { $0.key == .text("little_endian") }?.value
    guard order != .bool(false) else {
      throw GraftError(
        .unsupported, "a PyTorch file of a big-endian machine, in the form before 1.6",
        advice: "Load it with PyTorch and save it again.")
    }
  }

  private static func keys(_ list: Pickle) throws -> [String] {
    guard case .sequence(let index) = list.result else {
      throw Pickle.broken("the storages' keys are \(list.result.description)")
    }
    return try list.sequences[index].map {
      guard case .text(let key) = $0 else { throw Pickle.broken("a storage's key is \($0.description)") }
      return key
    }
  }

  /// Where each storage's elements stand.
  private static func places(
    _ keys: [String], _ table: Pickle, _ file: RandomAccessFile, from start: Int
  ) throws -> [String: Range<Int>] {
    var widths: [String: Int] = [:]
    for storage in table.storages { widths[storage.key] = storage.dtype?.byteCount ?? 1 }
    var places: [String: Range<Int>] = [:]
    var position = start
    for key in keys {
      guard let width = widths[key], places[key] == nil else {
        throw Pickle.broken("the storages' keys are not those of the table")
      }
      // The elements follow, and are not for now.
      var length = PickleBytes(file, from: position, windowSize: 8)
      let count = Int(truncatingIfNeeded: try length.number(8))
      position = length.position
      let (size, overflow) = count.multipliedReportingOverflow(by: width)
      guard count >= 0, !overflow, size <= file.size - position else {
        throw GraftError(
          .malformed, "truncated: the file ends inside its storages", subject: "storage '\(key)'",
          expected: "\(count) elements", found: "\(file.size - position) bytes",
          advice: "Copy or download it again.")
      }
      places[key] = position..<position + size
      position += size
    }
    guard position == file.size else {
      throw GraftError(
        .malformed, "something follows the last storage", expected: "\(position) bytes",
        found: "\(file.size)", advice: "Copy or download it again.")
    }
    return places
  }
}
