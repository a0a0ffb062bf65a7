import GraftTensors
import Protobuf

/// A part of a variable that a partitioner divided: where it begins in each axis, and how far it reaches.
/// `TensorSliceProto` in tensorflow/core/framework/tensor_slice.proto.
package struct BundleSlice {
  /// For each axis; `nil` for all of it.
  var extents: [Range<Int>?] = []

  init(_ bytes: ArraySlice<UInt8>) throws {
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      guard case (1, .bytes(let extent)) = (field, value) else { continue }
      guard extents.count < TensorSpec.maximumRank else {
        throw GraftError(.malformed, "a slice has more than \(TensorSpec.maximumRank) axes")
      }
      var (start, length): (Int, Int?) = (0, nil)
      var reader = ProtobufReader(extent)
      while let (field, value) = try reader.next() {
        switch (field, value) {
        case (1, .number(let number)): start = Int(truncatingIfNeeded: number)
        case (2, .number(let number)): length = Int(truncatingIfNeeded: number)
        default: break
        }
      }
      guard let length else {
        extents.append(nil)
        continue
      }
      let (end, overflow) = start.addingReportingOverflow(length)
      guard start >= 0, length >= 0, !overflow else {
        throw GraftError(.malformed, "a slice is out of range", found: "\(length) from \(start)")
      }
      extents.append(start..<end)
    }
  }

  /// The keys of a variable's slices, of which its entry has a list.
  package static func keys(of name: String, _ entry: ArraySlice<UInt8>) throws -> [[UInt8]] {
    try BundleEntry(entry).slices.map { $0.key(of: name) }
  }

  /// The key of the slice of a variable.
  /// https://github.com/tensorflow/tensorflow/blob/v2.16.1/tensorflow/core/util/saved_tensor_slice_util.cc
  func key(of name: String) -> [UInt8] {
    var key: [UInt8] = [0]
    for byte in name.utf8 {
      key.append(byte)
      // The ends of the range are escaped, so that two zeros do not end a text.
      if byte == 0 { key.append(0xFF) } else if byte == 0xFF { key.append(0) }
    }
    key += [0, 1]
    key += extents.isEmpty ? [0] : [1, UInt8(extents.count)]
    for extent in extents {
      key += Self.ordered(extent?.lowerBound ?? 0)
      key += Self.ordered(extent?.count ?? -1)
    }
    return key
  }

  /// A number as bytes that are in its order: https://github.com/google/orderedcode.
  private static func ordered(_ number: Int) -> [UInt8] {
    let magnitude = number < 0 ? ~number : number
    if magnitude < 64 { return [0x80 ^ UInt8(truncatingIfNeeded: number)] }
    let bits = Int.bitWidth - magnitude.leadingZeroBitCount
    let length = (bits + 7) / 7
    let sign: UInt8 = number < 0 ? 0xFF : 0
    var bytes = [sign, sign] + withUnsafeBytes(of: number.bigEndian) { Array($0) }
    bytes.removeFirst(bytes.count - length)
    // As many leading ones as there are bytes.
    let head = ~UInt16(0) << (16 - length)
    bytes[0] ^= UInt8(head >> 8)
    if length > 8 { bytes[1] ^= UInt8(head & 0xFF) }
    return bytes
  }
}

extension LazyTensor {
  /// A variable of its slices.
  ///
  /// - Parameters:
  ///   - spec: The whole variable's.
  ///   - slices: The slices and their tensors; at least one.
  ///   - name: What the variable is called, for errors.
  /// - Throws: ``GraftError`` when they do not cover it one after another along one axis.
  init(_ spec: TensorSpec, slices: [(slice: BundleSlice, tensor: LazyTensor)], _ name: String) throws {
    func wrong() -> GraftError {
      GraftError(
        .unsupported, "slices that do not divide it along its rows or its columns", expected: "\(spec)",
        advice: "Save the checkpoint again without a partitioner.")
    }
    let rank = spec.shape.count
    let parts = try slices.map { slice, tensor in
      guard slice.extents.count == rank else { throw wrong() }
      return (zip(slice.extents, spec.shape).map { $0 ?? 0..<$1 }, tensor)
    }
    let divided = spec.shape.indices.filter { axis in parts.contains { $0.0[axis] != 0..<spec.shape[axis] } }
    let axis = divided.first ?? 0
    guard rank > 0, divided.count <= 1, axis == 0 || axis == 1 && rank == 2 else { throw wrong() }
    let sorted = parts.sorted {
      ($0.0[axis].lowerBound, $0.0[axis].upperBound) < ($1.0[axis].lowerBound, $1.0[axis].upperBound)
    }
    var end = 0
    for (extents, tensor) in sorted {
      guard extents[axis].lowerBound == end,
        tensor.spec == TensorSpec(validating: spec.dtype, extents.map(\.count))
      else {
        throw wrong()
      }
      end = extents[axis].upperBound
    }
    guard end == spec.shape[axis] else { throw wrong() }
    let tensors = sorted.map(\.1)
    self =
      axis == 0
      ? try LazyTensor(stacking: tensors, name)
      : try LazyTensor(stacking: tensors.map { $0.transposed() }, name).transposed()
  }
}
