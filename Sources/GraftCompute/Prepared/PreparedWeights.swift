import GraftTensors
import Synchronization

/// The weights of a model's linear layers, each packed when a product first reads it, for all tapes that share them.
///
/// They belong to one model, whose parameters do not change any more. May be used by several threads at once.
public final class PreparedWeights: Sendable {
  private let precision: @Sendable (String) -> WeightPrecision
  private let packed = Mutex<Packed>(Packed())

  private struct Packed {
    var matrices: [String: PreparedMatrix] = [:]
    /// The first weight that cannot be rounded to whole numbers.
    var broken: String?
  }

  /// - Parameter precision: What to pack a weight in, by the name of its parameter.
  public init(precision: @escaping @Sendable (_ name: String) -> WeightPrecision) {
    self.precision = precision
  }

  /// The bytes that were packed so far.
  public var byteCount: Int {
    packed.withLock { $0.matrices.values.reduce(0) { $0 + $1.byteCount } }
  }

  /// A weight as products read it; `nil` of one that is no parameter.
  func matrix(of weight: Variable, by backend: any ComputeBackend) -> PreparedMatrix? {
    guard let weight = weight as? Parameter else { return nil }
    let (name, value) = (weight.name, weight.value)
    return packed.withLock { packed in
      if let matrix = packed.matrices[name] { return matrix }
      let matrix = PreparedMatrix(value, in: precision(name), by: backend)
      if !matrix.isFinite, packed.broken == nil { packed.broken = name }
      packed.matrices[name] = matrix
      return matrix
    }
  }

  /// Demands that all weights that were packed so far could be.
  ///
  /// - Throws: `GraftError` naming a parameter that has numbers which are not finite.
  public func check() throws {
    guard let name = packed.withLock({ $0.broken }) else { return }
    throw GraftError(
      .mismatch, "a weight is not finite, so that it has no scale for int8", subject: "parameter '\(name)'",
      expected: "numbers", found: "NaN or infinity",
      advice: "Its checkpoint is broken; \(action: .checkWeights) looks for such weights.")
  }
}
