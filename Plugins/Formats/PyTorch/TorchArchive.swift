import GraftTensors
import Zip

/// The zip form: `NAME/data.pkl`, the storages as `NAME/data/KEY`, and small records about them.
enum TorchArchive {
  private static let table = "/data.pkl"

  /// Whether an entry's name is that of the pickle.
  static func isTable(_ name: String) -> Bool {
    name.hasSuffix(table) && name.count { $0 == "/" } == 1
  }

  static func weights(in archive: ZipArchive) throws -> Weights {
    guard let entry = archive.entries.values.first(where: { isTable($0.name) }) else {
      throw GraftError(
        .malformed, "not a PyTorch file: the zip archive has no 'data.pkl'",
        found: archive.entries.keys.first.map { "'\($0)' first" } ?? "an empty archive")
    }
    let folder = entry.name.dropLast(table.count)
    guard archive.entries["\(folder)/constants.pkl"] == nil else {
      throw GraftError(
        .unsupported, "a TorchScript program, not weights alone", advice: Advice(Pickle.saveAgain))
    }
    let isBigEndian = try byteOrder(archive, "\(folder)/byteorder") == "big"
    var bytes = PickleBytes(try archive.bytes(of: entry, limit: PickleBytes.limit))
    let table = try StateDict(of: Pickle(&bytes))
    // The tensors of one storage share it, and its checksum with it.
    var storages: [StorageKey: LazyTensor] = [:]
    return try table.weights { storage, dtype in
      let key = StorageKey(name: storage.key, dtype: dtype)
      if let known = storages[key] { return known }
      var tensor = try self.storage(storage, dtype, archive, "\(folder)/data/\(storage.key)")
      if isBigEndian { tensor = tensor.byteSwapped() }
      storages[key] = tensor
      return tensor
    }
  }

  private struct StorageKey: Hashable {
    let name: String
    let dtype: DType
  }

  private static func storage(
    _ storage: Pickle.Storage, _ dtype: DType, _ archive: ZipArchive, _ name: String
  ) throws -> LazyTensor {
    guard let entry = archive.entries[name] else {
      throw GraftError(
        .missing, "its storage is not in the file", found: "no entry '\(name)'",
        advice: "Copy or download it again.")
    }
    let spec = try storage.spec(dtype)
    guard spec.byteCount == entry.size else {
      throw GraftError(
        .malformed, "its storage does not have the length that the pickle says",
        expected: "\(spec.byteCount) bytes", found: "\(entry.size)", advice: "Copy or download it again.")
    }
    return LazyTensor(spec, in: archive, entry)
  }

  private static func byteOrder(_ archive: ZipArchive, _ name: String) throws -> String {
    // PyTorch writes it since 2.1; before, files of big-endian machines could not be told apart.
    guard let entry = archive.entries[name] else { return "little" }
    let text = String(decoding: try archive.bytes(of: entry, limit: 64), as: UTF8.self)
    guard ["little", "big"].contains(text) else {
      throw GraftError(.malformed, "the byte order is unknown", expected: "little or big", found: "'\(text)'")
    }
    return text
  }
}

extension Pickle.Storage {
  /// The whole storage as elements of a type.
  ///
  /// - Throws: ``GraftError`` when it is larger than any file, or no whole number of elements.
  func spec(_ dtype: DType) throws -> TensorSpec {
    let elements = self.dtype == nil ? count / dtype.byteCount : count
    guard let spec = TensorSpec(validating: dtype, [elements]), self.dtype != nil || spec.byteCount == count
    else { throw Pickle.broken("a storage's size is out of range") }
    return spec
  }
}
