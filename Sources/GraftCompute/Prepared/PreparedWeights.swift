import GraftTensors
import Synchronization

/// The weights of a model's linear layers, each packed when a product first reads it, for all tapes that share them.
///
/// The parameters do not change any more; what was packed of one that is gone goes too. May be used by several threads
/// at once.
public final class PreparedWeights: Sendable {
  /// What attention multiplies in.
  let attention: Precision
  private let precision: @Sendable (String) -> WeightPrecision
  private let discards: @Sendable (String) -> Bool
  private let packed = Mutex<Packed>(Packed())

  private struct Packed {
    // By identity: heads that share a backbone may have parameters of one name.
    var matrices: [ObjectIdentifier: Entry] = [:]
    /// The first weight that cannot be rounded to whole numbers.
    var broken: String?
  }

  private struct Entry {
    nonisolated(unsafe) weak var parameter: Parameter?
    let matrix: PreparedMatrix
  }

  /// - Parameters:
  ///   - precision: What to pack a weight in, by the name of its parameter.
  ///   - attention: What attention multiplies in, which has no weights.
  ///   - discards: Whether a parameter's own memory is given up once it is packed, because nothing else reads it.
  public init(
    precision: @escaping @Sendable (_ name: String) -> WeightPrecision, attention: Precision = .float32,
    discards: @escaping @Sendable (_ name: String) -> Bool = { _ in false }
  ) {
    (self.precision, self.attention, self.discards) = (precision, attention, discards)
  }

  /// The bytes that were packed so far.
  public var byteCount: Int {
    packed.withLock { $0.matrices.values.reduce(0) { $0 + $1.matrix.byteCount } }
  }

  /// A weight as products read it; `nil` of one that is no parameter, and where the backend does not pack.
  func matrix(of weight: Variable, by backend: any ComputeBackend) -> PreparedMatrix? {
    // Shared by all tapes, and changed by none.
    nonisolated(unsafe) let weight = weight as? Parameter
    guard let weight else { return nil }
    let key = ObjectIdentifier(weight)
    return packed.withLock { packed in
      // Another parameter may have come to the address of one that is gone.
      if let entry = packed.matrices[key], entry.parameter === weight { return entry.matrix }
      let precision = precision(weight.name)
      // Whole numbers are taken as they are; rounding what they stand for might give others.
      let stored = precision == .int8 ? weight.quantized : nil
      guard
        let matrix = stored.flatMap({ PreparedMatrix($0, by: backend) })
          ?? PreparedMatrix(weight.value, in: precision, by: backend)
      else { return nil }
      if !matrix.isFinite, packed.broken == nil { packed.broken = weight.name }
      packed.matrices = packed.matrices.filter { $0.value.parameter != nil }
      packed.matrices[key] = Entry(parameter: weight, matrix: matrix)
      if discards(weight.name) { weight.discard() }
      return matrix
    }
  }

  /// - Throws: `GraftError` naming a parameter that was packed though its numbers are not finite.
  public func check() throws {
    guard let name = packed.withLock({ $0.broken }) else { return }
    throw GraftError(
      .mismatch, "a weight is not finite, so that it has no scale for int8", subject: "parameter '\(name)'",
      expected: "numbers", found: "NaN or infinity",
      advice: "Its checkpoint is broken; \(action: .checkWeights) looks for such weights.")
  }
}
