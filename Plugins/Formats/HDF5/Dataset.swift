import GraftTensors

/// A dataset of numbers: where its bytes are and how they are stored.
struct Dataset: StoredDataset {
  let spec: TensorSpec
  private let isBigEndian: Bool
  /// Where the dataset's header stands, which tells one dataset from another.
  private let header: Int
  private let storage: Storage

  private enum Storage {
    case none
    case contiguous(address: Int)
    case compact([UInt8])
    case chunked(Chunks)
  }

  /// The bytes that it has in the file.
  var storedByteCount: Int {
    switch storage {
    case .none: 0
    case .contiguous: spec.byteCount
    case .compact(let bytes): bytes.count
    case .chunked(let chunks): chunks.storedByteCount
    }
  }

  /// - Returns: `nil` for a dataset of texts, which is no tensor.
  /// - Throws: ``GraftError`` when it is damaged, or stored in a way that is not read.
  init?(_ header: ObjectHeader, in file: File) throws {
    guard let type = try header.message(ObjectHeader.Kind.datatype),
      let space = try header.message(ObjectHeader.Kind.dataspace)
    else { throw GraftError(.malformed, "a dataset without a type or a shape") }
    guard let shape = try readDataspace(space) else {
      throw GraftError(.unsupported, "a dataset that holds nothing")
    }
    let dtype: DType
    switch try Datatype(type) {
    case .number(let number, let isBigEndian): (dtype, self.isBigEndian) = (number, isBigEndian)
    case .text, .variableText: return nil
    // Keras's way to store what NumPy has no type for.
    case .opaque(2) where try Attributes(header, file)["dtype"] == .text("bfloat16"):
      (dtype, isBigEndian) = (.bfloat16, false)
    case .opaque(let size): throw unsupportedElements("opaque, of \(size) bytes")
    case .other(let name): throw unsupportedElements(name)
    case .unknown(let name): throw UnknownStructure(unsupportedElements(name))
    }
    guard let spec = TensorSpec(validating: dtype, shape) else {
      throw GraftError(.malformed, "the shape \(shape) is larger than any file")
    }
    self.spec = spec
    self.header = header.address
    guard !header.has(ObjectHeader.Kind.externalFiles) else {
      throw GraftError(.unsupported, "its data stands in another file")
    }
    guard let layout = try header.message(ObjectHeader.Kind.layout) else {
      throw GraftError(.malformed, "a dataset without a layout")
    }
    storage = try Self.storage(layout, spec, header, file)
  }

  private static func storage(
    _ message: ByteReader, _ spec: TensorSpec, _ header: ObjectHeader, _ file: File
  ) throws -> Storage {
    var reader = message
    let version = try reader.integer(UInt8.self)
    let kind = try reader.integer(UInt8.self)
    guard version == 3 || (version == 4 && kind < 2) else {
      throw UnknownStructure(
        version == 4 ? "a layout that only HDF5 1.10 and later write" : "layout version \(version)",
        advice: "Write the file without libver='latest', or repack it.")
    }
    func checkSize(_ size: Int) throws {
      guard size == spec.byteCount else {
        throw GraftError(
          .malformed, "the data does not have the length of \(spec)", expected: "\(spec.byteCount) bytes",
          found: "\(size)")
      }
    }
    switch kind {
    case 0:
      let size = try reader.int(UInt16.self)
      try checkSize(size)
      return .compact(Array(try reader.bytes(size)))
    case 1:
      guard let address = try reader.address() else {
        guard spec.elementCount == 0 else { throw GraftError(.missing, "the dataset was never written") }
        return .none
      }
      try checkSize(try reader.length())
      _ = try file.checked(address, spec.byteCount)
      return .contiguous(address: address)
    case 2: return spec.elementCount == 0 ? .none : .chunked(try Chunks(reader, spec, header, file))
    default: throw UnknownStructure("layout of unknown kind \(kind)")
    }
  }

  /// The tensor, its elements in the order of this machine.
  ///
  /// - Parameter name: What it is called, for errors.
  func tensor(_ name: String, in file: RandomAccessFile) -> LazyTensor {
    // Of what is not contiguous, the header says where it is.
    let origin = TensorOrigin(file, at: header, byteCount: storedByteCount, isPacked: true)
    let stored =
      switch storage {
      case .none: LazyTensor(spec, bytes: [])
      case .compact(let bytes): LazyTensor(spec, bytes: bytes, origin: origin)
      case .contiguous(let address): LazyTensor(spec, in: file, at: address)
      case .chunked(let chunks):
        LazyTensor(spec, origin: origin) { consume in
          do {
            try chunks.stream(from: file, consume)
          } catch var error as GraftError {
            error.subject = error.subject ?? "tensor '\(name)'"
            throw error.inFile(file.url.path)
          }
        }
      }
    return isBigEndian ? stored.byteSwapped() : stored
  }
}
