import GraftCompute
import GraftTensors
import Protobuf

/// A `TensorProto`: name, type and shape, and where the elements stand.
struct StoredTensor {
  private(set) var name = ""
  private var shape: [Int] = []
  private var type: UInt64 = 0
  /// Where elements stand in the file, and in which field.
  private var data: (field: UInt64, range: Range<Int>)?
  /// Where they stand in another file.
  private var external: ExternalData.Place?
  private var isExternal = false
  private let file: RandomAccessFile

  init(_ source: ProtobufFile, _ range: Range<Int>) throws {
    file = source.file
    do {
      try read(source, range)
    } catch let error as GraftError {
      throw named(error)
    }
  }

  private mutating func read(_ source: ProtobufFile, _ range: Range<Int>) throws {
    var fields = ProtobufFields(source, range)
    while let (field, value) = try fields.next() {
      switch (field, value) {
      case (Field.Tensor.dimensions, .number(let extent)): try append(extent)
      case (Field.Tensor.dimensions, .bytes(let range)):
        guard range.count <= 10 * TensorSpec.maximumRank else { throw Self.tooManyExtents }
        var packed = try source.bytes(range)
        while !packed.isEmpty { try append(packed.readVarint()) }
      case (Field.Tensor.type, .number(let type)): self.type = type
      case (Field.Tensor.name, .bytes(let range)): name = try source.text(range)
      case (Field.Tensor.raw, .bytes(let range)), (Field.Tensor.floats, .bytes(let range)),
        (Field.Tensor.doubles, .bytes(let range)), (Field.Tensor.int32s, .bytes(let range)),
        (Field.Tensor.int64s, .bytes(let range)), (Field.Tensor.uint64s, .bytes(let range)):
        guard data == nil else { throw GraftError(.unsupported, "its elements stand in several fields") }
        data = (field, range)
      case (Field.Tensor.floats, .number), (Field.Tensor.int32s, .number), (Field.Tensor.int64s, .number),
        (Field.Tensor.uint64s, .number), (Field.Tensor.doubles, .number):
        throw GraftError(.unsupported, "its elements are not packed into one field")
      case (Field.Tensor.segment, _): throw GraftError(.unsupported, "a tensor in segments")
      case (Field.Tensor.externalData, .bytes(let range)):
        let (key, text) = try source.entry(range, limit: ModelProto.maximumNameSize)
        var place = external ?? ExternalData.Place()
        try place.set(key, text)
        external = place
      case (Field.Tensor.location, .number(let location)): isExternal = location == 1
      default: break
      }
    }
  }

  private static let tooManyExtents = GraftError(
    .malformed, "the shape has more than \(TensorSpec.maximumRank) extents")

  private mutating func append(_ extent: UInt64) throws {
    guard shape.count < TensorSpec.maximumRank else { throw Self.tooManyExtents }
    guard let extent = Int(exactly: extent) else { throw GraftError(.malformed, "an extent below 0") }
    shape.append(extent)
  }

  /// Whether its elements are of a type that Graft has.
  var hasNumbers: Bool { DType(onnxType: type) != nil }

  /// The tensor, its elements yet to be read.
  ///
  /// - Throws: `GraftError` when the elements are not where the file says, or of a type that Graft has not.
  func lazy(_ externalData: ExternalData) throws -> LazyTensor {
    do {
      guard let dtype = DType(onnxType: type) else {
        throw GraftError(
          .unsupported, "unsupported type of elements (number \(type) in TensorProto.DataType)")
      }
      guard let spec = TensorSpec(validating: dtype, shape) else {
        throw GraftError(.malformed, "the shape \(shape) is larger than any file")
      }
      if isExternal {
        guard data == nil, let external else {
          throw GraftError(.malformed, "in another file, of which the name is missing")
        }
        return try externalData.tensor(spec, at: external)
      }
      guard let (field, range) = data else {
        guard spec.elementCount == 0 else { throw wrongLength(spec, "nothing") }
        return LazyTensor(spec, bytes: [])
      }
      // Packed floating-point numbers of a list are what they are raw.
      let isRaw = field == Field.Tensor.raw || dtype == .float32 || dtype == .float64
      guard field == Field.Tensor.raw || field == dtype.listField else {
        throw GraftError(.malformed, "its elements stand in the field of another type")
      }
      guard isRaw else { return try LazyTensor(spec, varints: range, in: file, called: name) }
      guard range.count == spec.byteCount else { throw wrongLength(spec, "\(range.count)") }
      return LazyTensor(spec, in: file, at: range.lowerBound)
    } catch let error as GraftError {
      throw named(error)
    }
  }

  private func wrongLength(_ spec: TensorSpec, _ found: String) -> GraftError {
    GraftError(
      .malformed, "the data does not have the length of \(spec)", expected: "\(spec.byteCount) bytes",
      found: found)
  }

  private func named(_ error: GraftError) -> GraftError {
    var error = error
    error.subject = error.subject ?? (name.isEmpty ? nil : "tensor '\(name)'")
    return error
  }
}

extension LazyTensor {
  /// A tensor of integers, or of bits of smaller numbers, that are stored as varints.
  ///
  /// - Throws: `GraftError` when there cannot be as many as the shape says.
  init(
    _ spec: TensorSpec, varints range: Range<Int>, in file: RandomAccessFile, called name: String
  ) throws {
    guard spec.elementCount <= range.count, range.count / 10 <= spec.elementCount else {
      throw GraftError(
        .malformed, "the data does not have the length of \(spec)",
        expected: "1 to 10 bytes for each element", found: "\(range.count)")
    }
    let origin = TensorOrigin(file, at: range.lowerBound, byteCount: range.count, isPacked: true)
    self.init(spec, origin: origin) { consume in
      var bytes: ArraySlice<UInt8> = []
      var position = range.lowerBound
      var elements: [UInt8] = []
      var count = 0
      while position < range.upperBound || !bytes.isEmpty {
        // No number is longer than ten bytes.
        if bytes.count < 10, position < range.upperBound {
          let end = min(range.upperBound, position + 1 << 16)
          bytes += try file.bytes(position..<end)
          position = end
        }
        let value = try Self.element(&bytes, of: name, in: file)
        count += 1
        guard count <= spec.elementCount else { break }
        withUnsafeBytes(of: value.littleEndian) { elements += $0.prefix(spec.dtype.byteCount) }
        if elements.count >= LazyTensor.windowSize / 2 {
          try elements.withUnsafeBytes(consume)
          elements.removeAll(keepingCapacity: true)
        }
      }
      guard count == spec.elementCount else {
        throw GraftError(
          .malformed, "the data does not have the length of \(spec)", file: file.url.path,
          subject: "tensor '\(name)'", expected: "\(spec.elementCount) elements",
          found: count < spec.elementCount ? "\(count)" : "more")
      }
      try elements.withUnsafeBytes(consume)
    }
  }

  private static func element(
    _ bytes: inout ArraySlice<UInt8>, of name: String, in file: RandomAccessFile
  ) throws -> UInt64 {
    do {
      return try bytes.readVarint()
    } catch var error as GraftError {
      error.subject = "tensor '\(name)'"
      throw error.inFile(file.url.path)
    }
  }
}
