import GraftTensors
import Protobuf

/// What a bundle's index says of the whole: `BundleHeaderProto` in tensorflow/core/protobuf/tensor_bundle.proto.
struct BundleHeader {
  var shardCount = 0

  init(shardCount: Int) { self.shardCount = shardCount }

  init(_ bytes: ArraySlice<UInt8>) throws {
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .number(let count)): shardCount = Int(truncatingIfNeeded: count)
      // `SavedTensorSlices` in tensorflow/core/util/saved_tensor_slice.proto has its description here.
      case (1, .bytes):
        throw GraftError(
          .unsupported, "a checkpoint in TensorFlow's old form, version 1",
          advice: "Load it with TensorFlow and save it with Saver(write_version=SaverDef.V2).")
      case (2, .number(let endianness)) where endianness != 0:
        throw GraftError(
          .unsupported, "written on a big-endian machine", advice: "Write it again on a little-endian one.")
      default: break
      }
    }
    guard (1...99_999).contains(shardCount) else {
      throw GraftError(.malformed, "a number of data files out of range", found: "\(shardCount)")
    }
  }

  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendField(1, shardCount)
    bytes.appendField(3, Self.version)
    return bytes
  }

  /// `VersionDef`: producer 1.
  private static let version: [UInt8] = [1 << 3, 1]

  /// Whether a file begins as an index does whose end, with the mark, may be lost: its first entry is this
  /// message, under a key of no bytes.
  static func begins(_ head: [UInt8]) -> Bool {
    guard head.count > 3, head.starts(with: [0, 0]), head.count >= 3 + Int(head[2]) else { return false }
    let header = head[3..<(3 + Int(head[2]))]
    return header.first == 1 << 3 && header.suffix(4).elementsEqual([3 << 3 | 2, 2] + version)
  }
}

/// What a bundle's index says of one tensor: `BundleEntryProto`.
struct BundleEntry {
  /// Of `enum DataType` in tensorflow/core/framework/types.proto.
  var type = 0
  var shape: [Int] = []
  var shard = 0
  var offset = 0
  var size = 0
  /// The masked checksum of the bytes.
  var checksum: UInt32 = 0
  /// The parts that the tensor stands in, under keys of their own; none where it stands here.
  var slices: [BundleSlice] = []

  static let string = 7

  init(_ spec: TensorSpec, shard: Int = 0, offset: Int, checksum: UInt32) {
    type = spec.dtype.tensorFlowType
    shape = spec.shape
    self.shard = shard
    self.offset = offset
    size = spec.byteCount
    self.checksum = checksum
  }

  init(_ bytes: ArraySlice<UInt8>) throws {
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .number(let type)): self.type = Int(truncatingIfNeeded: type)
      case (2, .bytes(let shape)): self.shape = try Self.shape(shape)
      case (3, .number(let shard)): self.shard = Int(truncatingIfNeeded: shard)
      case (4, .number(let offset)): self.offset = Int(truncatingIfNeeded: offset)
      case (5, .number(let size)): self.size = Int(truncatingIfNeeded: size)
      case (6, .number(let checksum)): self.checksum = UInt32(truncatingIfNeeded: checksum)
      case (7, .bytes(let slice)): slices.append(try BundleSlice(slice))
      default: break
      }
    }
  }

  /// `TensorShapeProto`: a message for each extent.
  private static func shape(_ bytes: ArraySlice<UInt8>) throws -> [Int] {
    var reader = ProtobufReader(bytes)
    var shape: [Int] = []
    while let (field, value) = try reader.next() {
      guard case (2, .bytes(let dimension)) = (field, value) else { continue }
      guard shape.count < TensorSpec.maximumRank else {
        throw GraftError(.malformed, "the shape has more than \(TensorSpec.maximumRank) extents")
      }
      var extent = 0
      var reader = ProtobufReader(dimension)
      while let (field, value) = try reader.next() {
        if case (1, .number(let size)) = (field, value) { extent = Int(truncatingIfNeeded: size) }
      }
      shape.append(extent)
    }
    return shape
  }

  var encoded: [UInt8] {
    var dimensions: [UInt8] = []
    for extent in shape {
      var dimension: [UInt8] = []
      dimension.appendField(1, extent)
      dimensions.appendField(2, dimension)
    }
    var bytes: [UInt8] = []
    bytes.appendField(1, type)
    bytes.appendField(2, dimensions)
    bytes.appendField(3, shard)
    bytes.appendField(4, offset)
    bytes.appendField(5, size)
    bytes.append(6 << 3 | 5)
    bytes.appendFixed(checksum)
    return bytes
  }
}

extension DType {
  /// The number in TensorFlow's `enum DataType`.
  var tensorFlowType: Int {
    switch self {
    case .float32: 1
    case .float64: 2
    case .int32: 3
    case .uint8: 4
    case .int16: 5
    case .int8: 6
    case .int64: 9
    case .bool: 10
    case .bfloat16: 14
    case .uint16: 17
    case .float16: 19
    case .uint32: 22
    case .uint64: 23
    }
  }

  init?(tensorFlowType: Int) {
    guard let dtype = DType.allCases.first(where: { $0.tensorFlowType == tensorFlowType }) else { return nil }
    self = dtype
  }
}
