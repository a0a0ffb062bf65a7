import GraftCore
import GraftTensors
import OrderedCollections

/// What stands before the tensors of a GGUF file: attributes, and the type, shape and place of each tensor.
///
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
struct Header {
  struct Entry {
    let name: String
    let type: ElementType
    /// Element type as read and shape, outermost extent first.
    let spec: TensorSpec
    /// Where the bytes stand, counted from the end of the header.
    let offset: Int
    let byteCount: Int
  }

  static let magic = Array("GGUF".utf8)
  static let version: UInt32 = 3
  /// What tensors are padded to unless a file says otherwise.
  static let alignment = 32
  static let alignmentKey = "general.alignment"
  /// The most extents that ggml's tensors have.
  static let maximumRank = 4
  /// ggml keeps names in 64 bytes, the last of them zero.
  static let maximumNameLength = 63

  var attributes: OrderedDictionary<String, JSON> = [:]
  /// In the order of the bytes.
  var entries: [Entry] = []
  /// The size of the header with its padding.
  var byteCount = 0

  static func truncated(_ what: String) -> GraftError {
    GraftError(.malformed, "truncated: \(what)", advice: "Copy or download it again.")
  }
}

// MARK: - Reading

extension Header {
  /// Reads and checks the header of a file.
  ///
  /// - Precondition: The file begins with the ``magic``.
  /// - Throws: ``GraftError`` that names the tensor or the key at fault.
  init(of file: RandomAccessFile) throws {
    var reader = HeaderReader(file)
    _ = try reader.bytes(Self.magic.count)
    let version = try reader.integer(UInt32.self)
    guard (2...Self.version).contains(version) else {
      throw GraftError(
        .unsupported,
        version & 0xFFFF == 0 ? "a big-endian GGUF file" : "version \(version) of GGUF",
        expected: "version 2 or 3, little-endian", advice: "Convert the model again with a current llama.cpp."
      )
    }
    // A tensor has at least a name's length, a rank, a type and an offset; an attribute a length, a type, a byte.
    let tensorCount = try reader.count(of: "tensors", size: 24)
    let attributeCount = try reader.count(of: "attributes", size: 13)
    var values = AttributeReader()
    for _ in 0..<attributeCount {
      let key = try reader.string()
      do {
        guard attributes.updateValue(try values.value(&reader), forKey: key) == nil else {
          throw GraftError(.malformed, "given twice")
        }
      } catch var error as GraftError {
        error.subject = error.subject ?? "key '\(key)'"
        throw error
      }
    }
    let alignment = try self.alignment()
    var end = 0
    var names: Set<String> = []
    for _ in 0..<tensorCount {
      let name = try reader.string()
      do {
        guard names.insert(name).inserted else { throw GraftError(.malformed, "given twice") }
        let entry = try Self.entry(name, &reader)
        guard entry.offset == end else {
          throw GraftError(
            .malformed, "the data does not follow that of the tensor before", expected: "offset \(end)",
            found: "\(entry.offset)")
        }
        end = try Self.padded(end, entry.byteCount, alignment)
        entries.append(entry)
      } catch var error as GraftError {
        error.subject = error.subject ?? "tensor '\(name)'"
        throw error
      }
    }
    byteCount = tensorCount == 0 ? reader.position : try Self.padded(0, reader.position, alignment)
    let (needed, overflow) = byteCount.addingReportingOverflow(end)
    guard !overflow, needed <= file.size else {
      throw Self.truncated(
        "the tensors need \(overflow ? "more than \(Int.max)" : "\(needed)") bytes, the file has \(file.size)"
      )
    }
    guard needed == file.size else {
      throw GraftError(
        .malformed, "something follows the last tensor", expected: "\(needed) bytes", found: "\(file.size)",
        advice: "Copy or download it again.")
    }
  }

  private func alignment() throws -> Int {
    guard let value = attributes[Self.alignmentKey] else { return Self.alignment }
    guard let alignment = value.int, alignment > 0, alignment & (alignment - 1) == 0, alignment <= 1 << 30
    else {
      throw GraftError(
        .malformed, "wrong value", subject: "key '\(Self.alignmentKey)'", expected: "a power of two",
        found: value.kind)
    }
    return alignment
  }

  /// The end of `count` bytes from `start` on, padded.
  private static func padded(_ start: Int, _ count: Int, _ alignment: Int) throws -> Int {
    let (end, overflow) = start.addingReportingOverflow(count)
    let (rounded, tooFar) = end.addingReportingOverflow(alignment - 1)
    guard !overflow, !tooFar else { throw GraftError(.malformed, "a tensor larger than any file") }
    return rounded / alignment * alignment
  }

  private static func entry(_ name: String, _ reader: inout HeaderReader) throws -> Entry {
    let rank = try reader.integer(UInt32.self)
    guard rank <= maximumRank else {
      throw GraftError(.malformed, "more than \(maximumRank) extents", found: "\(rank)")
    }
    var extents: [Int] = []
    for _ in 0..<rank {
      let extent = try reader.integer(UInt64.self)
      guard let extent = Int(exactly: extent) else {
        throw GraftError(.malformed, "an extent larger than any file", found: "\(extent)")
      }
      extents.append(extent)
    }
    let type = try ElementType(reader.integer(UInt32.self))
    let offset = try reader.integer(UInt64.self)
    // ggml counts from the innermost extent.
    guard let spec = TensorSpec(validating: type.dtype, extents.reversed()), let offset = Int(exactly: offset)
    else {
      throw GraftError(.malformed, "a tensor larger than any file", found: "\(Array(extents.reversed()))")
    }
    guard let byteCount = type.byteCount(spec) else {
      throw GraftError(
        .malformed, "the rows do not divide into blocks of \(Q8Block.elementCount)", found: "\(spec.shape)")
    }
    return Entry(name: name, type: type, spec: spec, offset: offset, byteCount: byteCount)
  }
}

// MARK: - Writing

extension Header {
  /// Lays out tensors in their order.
  ///
  /// - Throws: ``GraftError`` when ggml cannot hold a tensor, or their sizes overflow.
  init(describing model: ModelFile) throws {
    var end = 0
    for (name, tensor) in model.weights.tensors {
      do {
        let type = try ElementType(of: tensor, as: model.storageTypes[name])
        let spec = TensorSpec(type.dtype, tensor.spec.shape)
        guard name.utf8.count <= Self.maximumNameLength else {
          throw GraftError(
            .unsupported, "a name too long for GGUF", expected: "at most \(Self.maximumNameLength) bytes",
            found: "\(name.utf8.count)")
        }
        guard spec.shape.count <= Self.maximumRank, let byteCount = type.byteCount(spec) else {
          throw GraftError(.unsupported, "GGUF has no place for the shape \(spec.shape)")
        }
        entries.append(Entry(name: name, type: type, spec: spec, offset: end, byteCount: byteCount))
        end = try Self.padded(end, byteCount, Self.alignment)
      } catch var error as GraftError {
        error.subject = error.subject ?? "tensor '\(name)'"
        throw error
      }
    }
    guard !model.attributes.isEmpty else { return }
    attributes = model.attributes
    attributes[Self.alignmentKey] = nil
    let types = entries.map(\.type)
    let most = [ElementType.q8_0, .plain(.float16), .plain(.bfloat16)].first(where: types.contains)
    attributes["general.file_type"] = JSON((most ?? .plain(.float32)).fileType)
    attributes["general.quantization_version"] = 2
  }

  /// The bytes, padded so that the first tensor is aligned.
  ///
  /// - Throws: ``GraftError`` when GGUF has no type for an attribute.
  func encoded() throws -> [UInt8] {
    var bytes = Self.magic
    bytes.append(Self.version)
    bytes.append(UInt64(entries.count))
    bytes.append(UInt64(attributes.count))
    for (key, value) in attributes {
      bytes.append(key)
      guard let type = AttributeType(of: value, key: key) else {
        throw GraftError(
          .unsupported, "GGUF has no type for this", subject: "key '\(key)'", found: value.kind)
      }
      bytes.append(type.rawValue)
      bytes.append(value, as: type, key: key)
    }
    for entry in entries {
      bytes.append(entry.name)
      bytes.append(UInt32(entry.spec.shape.count))
      for extent in entry.spec.shape.reversed() { bytes.append(UInt64(extent)) }
      bytes.append(entry.type.number ?? 0)
      bytes.append(UInt64(entry.offset))
    }
    if !entries.isEmpty {
      bytes += [UInt8](
        repeating: 0, count: Self.alignment - 1 - (bytes.count + Self.alignment - 1) % Self.alignment)
    }
    return bytes
  }
}
