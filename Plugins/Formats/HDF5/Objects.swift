import GraftTensors

/// The groups and datasets of a file, whoever makes them out: Graft itself, or libhdf5.
protocol ObjectSource {
  /// The address of the root group.
  var root: Int { get }
  func object(at address: Int) throws -> any StoredObject
}

/// A group or a dataset.
protocol StoredObject {
  var kind: ObjectKind { get }
  func attributes() throws -> Attributes
  /// What is in a group.
  func links() throws -> [Group.Link]
  /// What a dataset holds.
  func dataset() throws -> DatasetContent
}

enum ObjectKind {
  case group
  case dataset
  case other
}

enum DatasetContent {
  case tensor(any StoredDataset)
  case texts
  /// To other objects of the file, or to parts of them.
  case references
}

/// A dataset of numbers.
protocol StoredDataset {
  var spec: TensorSpec { get }
  /// The bytes that it has in the file.
  var storedByteCount: Int { get }
  /// The tensor, its elements in the order of this machine.
  ///
  /// - Parameter name: What it is called, for errors.
  func tensor(_ name: String, in file: RandomAccessFile) -> LazyTensor
}

/// Something well-formed that Graft's own reader does not know, and libhdf5 may.
struct UnknownStructure: Error {
  /// What to say where the library is not installed.
  var error: GraftError

  init(_ error: GraftError) { self.error = error }

  init(_ problem: String, expected: String? = nil, advice: Advice? = nil) {
    error = GraftError(.unsupported, problem, expected: expected, advice: advice)
  }
}

func unsupportedElements(_ name: String) -> GraftError {
  GraftError(.unsupported, "unsupported elements: \(name)")
}

// MARK: - Graft's own reader

extension File: ObjectSource {
  func object(at address: Int) throws -> any StoredObject {
    FileObject(header: try ObjectHeader(self, at: address), file: self)
  }
}

private struct FileObject: StoredObject {
  let header: ObjectHeader
  let file: File

  var kind: ObjectKind {
    if Group.isGroup(header) { return .group }
    return header.has(ObjectHeader.Kind.layout) ? .dataset : .other
  }

  func attributes() throws -> Attributes { try Attributes(header, file) }

  func links() throws -> [Group.Link] { try Group.links(of: header, in: file) }

  func dataset() throws -> DatasetContent {
    try Dataset(header, in: file).map(DatasetContent.tensor) ?? .texts
  }
}
