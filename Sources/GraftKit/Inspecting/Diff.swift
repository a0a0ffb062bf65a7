import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// How two checkpoints differ, tensor by tensor in canonical names.
public struct CheckpointDifference: Sendable {
  /// A tensor that both have, with different values or shapes.
  public struct Change: Sendable, Equatable {
    public let name: String
    /// The largest absolute difference; `nil` when the shapes differ.
    public let maximum: Float?
    /// What to say of it: both shapes, or both types.
    public let detail: String
  }

  /// Names with the same type, shape and bytes.
  public var equal: [String] = []
  /// Names with the same values stored in different types.
  public var converted: [String] = []
  public var changed: [Change] = []
  public var onlyInFirst: [String] = []
  public var onlyInSecond: [String] = []

  /// Whether every tensor of either is in the other, with the same values.
  public var isEmpty: Bool { changed.isEmpty && onlyInFirst.isEmpty && onlyInSecond.isEmpty }
}

/// Compares the tensors of two checkpoints, whatever their formats and dialects; heads, parked ones
/// included, count as well.
///
/// - Throws: `GraftError` when one cannot be opened or read.
public func compare(_ first: URL, _ second: URL, registry: Registry) throws -> CheckpointDifference {
  let left = try registry.open(first).checkpoint.allTensors()
  let right = try registry.open(second).checkpoint.allTensors()
  var difference = CheckpointDifference()
  for (name, tensor) in left {
    guard let other = right[name] else {
      difference.onlyInFirst.append(name)
      continue
    }
    guard tensor.spec.shape == other.spec.shape else {
      difference.changed.append(.init(name: name, maximum: nil, detail: "\(tensor.spec) and \(other.spec)"))
      continue
    }
    if try tensor.isIdentical(to: other) {
      difference.equal.append(name)
      continue
    }
    let maximum = try maximumDifference(tensor.floats(), other.floats())
    if maximum == 0, tensor.spec.dtype != other.spec.dtype {
      difference.converted.append(name)
    } else {
      let types = tensor.spec.dtype == other.spec.dtype ? "" : "\(tensor.spec.dtype) and \(other.spec.dtype)"
      difference.changed.append(.init(name: name, maximum: maximum, detail: types))
    }
  }
  difference.onlyInSecond = right.keys.filter { left[$0] == nil }
  return difference
}

extension Checkpoint {
  /// Every tensor by canonical name; those of a second head of a kind begin with its id.
  ///
  /// - Throws: `GraftError` when a tensor cannot be read, or a parameter is stored twice with different values.
  func allTensors() throws -> OrderedDictionary<String, LazyTensor> {
    var checkpoint = self
    try checkpoint.confirmCopies()
    var tensors: OrderedDictionary<String, LazyTensor> = [:]
    for component in checkpoint.components {
      let isSecond = component.task.map { $0.name != component.id } ?? false
      for (name, tensor) in component.weights.tensors {
        tensors[isSecond ? "\(component.id): \(name)" : name] = tensor
      }
    }
    return tensors.merging(checkpoint.extra.tensors) { first, _ in first }
  }
}

/// The largest absolute difference of two arrays of one length; infinite where only one is not a number.
func maximumDifference(_ first: some Sequence<Float>, _ second: some Sequence<Float>) -> Float {
  zip(first, second).reduce(0) { largest, pair in
    if pair.0 == pair.1 || (pair.0.isNaN && pair.1.isNaN) { return largest }
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(largest, difference)
  }
}
