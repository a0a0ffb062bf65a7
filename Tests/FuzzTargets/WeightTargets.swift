import Foundation
import GraftCore
import GraftTensors
import HDF5

extension FuzzTarget {
  /// The most bytes that are read of an input's tensors.
  private static let mostRead = 1 << 20

  /// One for each format of weights.
  static func weights(_ registry: Registry) throws -> [FuzzTarget] {
    try registry.checkpointFormats.map { format in
      // The files beside an index or a graph stand where their names lead.
      let folder = Corpus(format.name).directory.appending(path: "beside")
      let url = try MemoryDirectory(copying: folder).url.appending(path: format.fileNames[0])
      let directory = try MemoryDirectory()
      @Sendable func read(_ file: RandomAccessFile) throws -> FuzzTarget.Outcome {
        guard let model = try open(file, format) else { return .notRecognized }
        try readTensors(of: model.weights, file)
        _ = try registry.loadTokenizer(describedBy: model.attributes)
        return .read
      }
      return FuzzTarget(format.name) { bytes in
        // Files of which one says what the others hold may be packed together.
        guard let suffix = format.pathSuffixes.first, Archives.isZip(bytes) else {
          return try read(RandomAccessFile(bytes, named: url))
        }
        return try directory.with(filesOf: bytes) { folder in
          try read(RandomAccessFile(folder.appending(path: packedName + suffix)))
        }
      }
    }
  }

  /// What packed files are called, without what their names end with.
  private static let packedName = "packed"

  /// Opens a file without starting a process.
  private static func open(_ file: RandomAccessFile, _ format: CheckpointFormat) throws -> ModelFile? {
    guard case .container(let type) = format, type is HDF5Format.Type else { return try format.open(file) }
    return try HDF5Format().open(file) { throw $1 }.map { ModelFile($0) }
  }

  private static func readTensors(of weights: Weights, _ file: RandomAccessFile) throws {
    // What the formats demand of tensors that share bytes, with room for data files beside this one.
    try Fault.unless(
      weights.byteCount <= max(1 << 20, 64 * (file.size + 1 << 20)),
      "\(weights.byteCount) bytes of tensors in a file of \(file.size)")
    let taken = file.budget.bytesTaken
    try Fault.unless((0...file.budget.memory).contains(taken), "\(taken) bytes are taken")
    var rest = mostRead
    for (name, tensor) in weights.tensors where tensor.spec.byteCount <= rest {
      rest -= tensor.spec.byteCount
      do {
        var count = 0
        try tensor.stream { count += $0.count }
        try Fault.unless(count == tensor.spec.byteCount, "\(name): \(count) bytes of \(tensor.spec)")
      } catch let error as GraftError {
        try Fault.unless(error.file != nil, "an error without its file: \(error)")
        try Fault.check(error)
      }
    }
    // What is held to read a tensor is let go.
    try Fault.unless(
      file.budget.bytesTaken == taken, "\(file.budget.bytesTaken) bytes are taken after reading, not \(taken)"
    )
  }
}
