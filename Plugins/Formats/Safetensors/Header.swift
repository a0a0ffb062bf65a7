import GraftTensors
import OrderedCollections

/// The table of contents of a safetensors file.
///
/// The rules are those of `SafeTensors::read_metadata` and `Metadata::validate` in the reference
/// implementation, `safetensors/src/tensor.rs`: a header of at most 100 MB inside the file; tensors that
/// follow each other from offset 0 without a hole or an overlap; as many bytes as shape and element type
/// say; the end of the last one the end of the file. Beyond it, a name may not be given twice, and the
/// header has to begin with its brace, as the format's description asks.
struct Header {
  struct Entry {
    let name: String
    let spec: TensorSpec
    /// Where the bytes stand, counted from the end of the header.
    let offsets: Range<Int>
  }

  /// The reference's limit.
  static let maximumLength = 100_000_000
  /// The bytes that a file is recognised by: the header's length and its opening brace.
  static let signatureLength = 9
  /// The key that holds the metadata, which no tensor may be called.
  static let metadataKey = "__metadata__"

  /// In the order of the text.
  var entries: [Entry]
  var metadata: [String: String]
  /// The size of the header with its eight bytes of length.
  var byteCount: Int

  /// In the order of the bytes.
  var entriesByOffset: [Entry] {
    entries.sorted {
      ($0.offsets.lowerBound, $0.offsets.upperBound) < ($1.offsets.lowerBound, $1.offsets.upperBound)
    }
  }
}

// MARK: - Reading

extension Header {
  /// Whether a file begins with an eight-byte length, then an opening brace. Eight characters of text would
  /// be a length beyond any file, so a text that happens to have a brace there is not meant.
  static func begins(_ head: [UInt8]) -> Bool {
    head.count == signatureLength && head[8] == UInt8(ascii: "{")
      && !head[..<8].allSatisfy { 0x20..<0x7F ~= $0 }
  }

  /// Reads and checks the header of a file.
  ///
  /// - Precondition: ``begins(_:)`` holds.
  /// - Throws: ``GraftError`` that names the tensor at fault.
  init(of file: RandomAccessFile) throws {
    let length = try file.bytes(0..<8).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard length <= Self.maximumLength else {
      throw GraftError(
        .malformed,
        "not a safetensors file, or a damaged one: the length of its header is out of range",
        expected: "at most \(Self.maximumLength) bytes",
        found: "\(length)"
      )
    }
    byteCount = 8 + Int(length)
    guard byteCount <= file.size else {
      throw Self.truncated("the header needs \(byteCount) bytes, the file has \(file.size)")
    }
    let text = try file.bytes(8..<byteCount)
    entries = []
    metadata = [:]
    try parse(text)
    try checkOffsets(fileSize: file.size)
  }

  private mutating func parse(_ text: [UInt8]) throws {
    var reader = JSONReader(text)
    var names: Set<String> = []
    var (entries, metadata): ([Entry], [String: String]) = ([], [:])
    try reader.object { reader, name in
      guard name != Self.metadataKey else {
        metadata = try Self.metadata(&reader)
        return
      }
      do {
        guard names.insert(name).inserted else {
          throw GraftError(.malformed, "another tensor's name has the same characters in another encoding")
        }
        entries.append(try Self.entry(name, &reader))
      } catch var error as GraftError {
        error.subject = error.subject ?? "tensor '\(name)'"
        throw error
      }
    }
    try reader.finish()
    (self.entries, self.metadata) = (entries, metadata)
  }

  private static func metadata(_ reader: inout JSONReader) throws -> [String: String] {
    var metadata: [String: String] = [:]
    do {
      guard try !reader.null() else { return [:] }
      try reader.object { reader, key in metadata[key] = try reader.string() }
    } catch var error as GraftError {
      error.subject = metadataKey
      throw error
    }
    return metadata
  }

  private static func entry(_ name: String, _ reader: inout JSONReader) throws -> Entry {
    var dtype: DType?
    var shape: [Int]?
    var offsets: [Int]?
    try reader.object { reader, key in
      switch key {
      case "dtype": dtype = try Self.dtype(reader.string())
      case "shape": shape = try extents(&reader)
      case "data_offsets": offsets = try Self.offsets(&reader)
      default: try reader.skip()
      }
    }
    guard let dtype, let shape, let offsets else {
      let missing = dtype == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw GraftError(.malformed, "the header gives no '\(missing)'")
    }
    guard let spec = TensorSpec(validating: dtype, shape) else {
      throw GraftError(.malformed, "the shape \(shape) is larger than any file")
    }
    guard offsets[0] <= offsets[1] else {
      throw GraftError(.malformed, "the data ends before it begins", found: "data_offsets \(offsets)")
    }
    guard offsets[1] - offsets[0] == spec.byteCount else {
      throw GraftError(
        .malformed,
        "the data does not have the length of \(spec)",
        expected: "\(spec.byteCount) bytes",
        found: "\(offsets[1] - offsets[0])"
      )
    }
    return Entry(name: name, spec: spec, offsets: offsets[0]..<offsets[1])
  }

  private static func dtype(_ name: String) throws -> DType {
    if let dtype = DType(safetensorsName: name) { return dtype }
    throw GraftError(
      .unsupported,
      "unsupported dtype '\(name.prefix(40))'",
      expected: "one of \(DType.allCases.map(\.safetensorsName).joined(separator: ", "))"
    )
  }

  /// The shape, refused as soon as it is longer than a tensor's can be.
  private static func extents(_ reader: inout JSONReader) throws -> [Int] {
    var shape: [Int] = []
    try reader.array { reader in
      let extent = try reader.integer()
      guard extent >= 0 else { throw GraftError(.malformed, "an extent of the shape is negative: \(extent)") }
      guard shape.count < TensorSpec.maximumRank else {
        throw GraftError(.malformed, "the shape has more than \(TensorSpec.maximumRank) extents")
      }
      shape.append(extent)
    }
    return shape
  }

  private static func offsets(_ reader: inout JSONReader) throws -> [Int] {
    var offsets: [Int] = []
    try reader.array { reader in
      let offset = try reader.integer()
      guard offset >= 0 else { throw GraftError(.malformed, "an offset is negative: \(offset)") }
      guard offsets.count < 2 else { throw GraftError(.malformed, "more than two data_offsets") }
      offsets.append(offset)
    }
    guard offsets.count == 2 else {
      throw GraftError(.malformed, "data_offsets needs two numbers", found: "\(offsets.count)")
    }
    return offsets
  }

  /// Demands that the tensors cover what follows the header: each byte, once.
  private func checkOffsets(fileSize: Int) throws {
    var end = 0
    var previous = ""
    for entry in entriesByOffset {
      let start = entry.offsets.lowerBound
      guard start == end else {
        throw GraftError(
          .malformed,
          start < end
            ? "the data overlaps that of tensor '\(previous)'"
            : "the data leaves a hole before it",
          subject: "tensor '\(entry.name)'",
          expected: "offset \(end)",
          found: "\(start)"
        )
      }
      end = entry.offsets.upperBound
      previous = entry.name
    }
    let present = fileSize - byteCount
    guard end <= present else {
      let (needed, overflow) = byteCount.addingReportingOverflow(end)
      throw Self.truncated(
        "the tensors need \(overflow ? "more than \(Int.max)" : "\(needed)") bytes, the file has \(fileSize), with "
          + "\(entries.count { $0.offsets.upperBound <= present }) of \(entries.count) tensors whole"
      )
    }
    guard end == present else {
      throw GraftError(
        .malformed,
        "something follows the last tensor",
        expected: "\(byteCount + end) bytes",
        found: "\(fileSize)",
        advice: "Copy or download it again."
      )
    }
  }

  private static func truncated(_ what: String) -> GraftError {
    GraftError(.malformed, "truncated: \(what)", advice: "Copy or download it again.")
  }
}

// MARK: - Writing

extension Header {
  /// Lays out tensors: wide element types first, in their own order within a width.
  ///
  /// - Throws: ``GraftError`` when a tensor has the name of the metadata, or their sizes overflow.
  init(describing weights: Weights) throws {
    guard weights[Self.metadataKey] == nil else {
      throw GraftError(.unsupported, "a tensor may not be called '\(Self.metadataKey)'")
    }
    var offsets: [String: Range<Int>] = [:]
    var end = 0
    for width in [8, 4, 2, 1] {
      for (name, tensor) in weights.tensors where tensor.spec.dtype.byteCount == width {
        let (next, overflow) = end.addingReportingOverflow(tensor.spec.byteCount)
        guard !overflow else { throw GraftError(.unsupported, "more tensors than a file can hold") }
        offsets[name] = end..<next
        end = next
      }
    }
    entries = weights.tensors.compactMap { name, tensor in
      offsets[name].map { Entry(name: name, spec: tensor.spec, offsets: $0) }
    }
    metadata = weights.metadata
    metadata["format"] = metadata["format"] ?? "pt"
    byteCount = 0
  }

  /// The eight bytes of length and the text, padded with spaces so that the tensors begin aligned.
  ///
  /// - Throws: ``GraftError`` when the header is larger than readers accept.
  func encoded() throws -> [UInt8] {
    var members: OrderedDictionary<String, JSON> = [
      Self.metadataKey: .object(
        OrderedDictionary(
          uniqueKeysWithValues: metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }
        )
      )
    ]
    for entry in entries {
      members[entry.name] = [
        "dtype": .string(entry.spec.dtype.safetensorsName),
        "shape": .array(entry.spec.shape.map { JSON($0) }),
        "data_offsets": [JSON(entry.offsets.lowerBound), JSON(entry.offsets.upperBound)],
      ]
    }
    var text = Array(JSON.object(members).text().utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    guard text.count <= Self.maximumLength else {
      throw GraftError(
        .unsupported,
        "too many tensors for one safetensors file",
        expected: "a header of at most \(Self.maximumLength) bytes",
        found: "\(text.count)",
        advice: "Write shards: ask for a largest size of a file."
      )
    }
    return withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
  }
}

extension DType {
  /// How a safetensors header spells the type.
  var safetensorsName: String {
    switch self {
    case .bool: "BOOL"
    case .uint8: "U8"
    case .int8: "I8"
    case .uint16: "U16"
    case .int16: "I16"
    case .uint32: "U32"
    case .int32: "I32"
    case .uint64: "U64"
    case .int64: "I64"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .float32: "F32"
    case .float64: "F64"
    }
  }

  init?(safetensorsName name: String) {
    guard let dtype = DType.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
    self = dtype
  }
}
