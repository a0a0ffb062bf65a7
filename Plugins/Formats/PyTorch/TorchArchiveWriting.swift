import Foundation
import GraftTensors
import Zip

extension TorchArchive {
  /// The folder that everything is in; PyTorch names it after the file, and reads any.
  private static let folder = "archive"

  /// Writes the zip form. Each tensor has a storage of its own; names of one tensor share it.
  ///
  /// - Throws: ``GraftError`` when the file cannot be written.
  static func write(_ weights: Weights, to url: URL) throws {
    var storages: [SharedTensor: Int] = [:]
    let table = PickleWriter.table(
      weights.tensors.map { name, tensor in
        let next = storages.count
        let storage = storages[SharedTensor(tensor), default: next]
        storages[SharedTensor(tensor)] = storage
        return (name, tensor.spec, storage)
      })
    guard table.count <= PickleBytes.limit else {
      throw GraftError(
        .unsupported, "too many tensors for one PyTorch file",
        advice: "Write shards: ask for a largest size of a file.")
    }
    try ZipWriter.write(url) { archive in
      func record(_ name: String, _ text: String) throws {
        try archive.append("\(folder)/\(name)", Array(text.utf8))
      }
      try archive.append("\(folder)/data.pkl", table)
      try record(".format_version", "1")
      try record(".storage_alignment", "64")
      try record("byteorder", "little")
      for (index, (name, tensor)) in weights.withoutSharedNames.tensors.enumerated() {
        do {
          try archive.append("\(folder)/data/\(index)", [], tensor)
        } catch var error as GraftError {
          error.subject = "tensor '\(name)'"
          throw error
        }
      }
      try record("version", "3\n")
    }
  }
}

/// Writes the pickle of a state dict: an ordered dictionary of tensors, in protocol 2, with no more opcodes
/// than `torch.load(weights_only=True)` knows.
struct PickleWriter {
  private var bytes: [UInt8] = [0x80, 2]

  /// The table of tensors, each the whole of a storage.
  static func table(_ tensors: [(name: String, spec: TensorSpec, storage: Int)]) -> [UInt8] {
    var writer = PickleWriter()
    writer.emptyDictionary()
    writer.opcode(.mark)
    for (name, spec, storage) in tensors {
      writer.text(name)
      writer.tensor(spec, storage: storage)
    }
    writer.opcode(.setItems)
    writer.opcode(.stop)
    return writer.bytes
  }

  private mutating func tensor(_ spec: TensorSpec, storage index: Int) {
    let storage = spec.dtype.torchStorage
    global("torch._utils", storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    opcode(.mark)
    opcode(.mark)
    text("storage")
    if let storage { global("torch", storage) } else { global("torch.storage", "UntypedStorage") }
    text(String(index))
    text("cpu")
    integer(storage == nil ? spec.byteCount : spec.elementCount)
    opcode(.tuple)
    opcode(.persistentID)
    integer(0)
    integers(spec.shape)
    integers(spec.rowMajorStrides)
    opcode(.newFalse)  // requires_grad
    emptyDictionary()  // backward hooks
    if storage == nil { global("torch", spec.dtype.rawValue) }
    opcode(.tuple)
    opcode(.reduce)
  }

  private mutating func opcode(_ opcode: Pickle.Opcode) { bytes.append(opcode.rawValue) }

  private mutating func number(_ value: Int, _ width: Int) {
    for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
  }

  private mutating func emptyDictionary() {
    global("collections", "OrderedDict")
    opcode(.emptyTuple)
    opcode(.reduce)
  }

  private mutating func global(_ module: String, _ name: String) {
    opcode(.global)
    bytes += Array("\(module)\n\(name)\n".utf8)
  }

  private mutating func text(_ text: String) {
    opcode(.unicode4)
    number(text.utf8.count, 4)
    bytes += Array(text.utf8)
  }

  private mutating func integer(_ value: Int) {
    switch value {
    case 0...0xFF:
      opcode(.integer1)
      number(value, 1)
    case 0...Int(Int32.max):
      opcode(.integer4)
      number(value, 4)
    default:
      opcode(.long1)
      number(8, 1)
      number(value, 8)
    }
  }

  private mutating func integers(_ values: [Int]) {
    opcode(.mark)
    for value in values { integer(value) }
    opcode(.tuple)
  }
}

extension TensorSpec {
  /// For each extent, how many elements further its next index is; an empty axis counts as one, as PyTorch
  /// has it.
  fileprivate var rowMajorStrides: [Int] {
    var stride = 1
    return shape.reversed().map { extent in
      defer { stride = stride.multipliedReportingOverflow(by: max(1, extent)).partialValue }
      return stride
    }.reversed()
  }
}
