import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// A model that answers. Any number of tasks may ask at once.
///
///     let session = InferenceSession(model, backend: backend, precision: .int8)
///     let labels = try predict(session, on: data)
///
/// The weights of linear layers are packed once, in the layout that products read, when a first batch needs them: for
/// BERT-base some 50 ms. In float32 they are as large as the model's own, in int8 a quarter; in bfloat16 half, or as large
/// where the CPU multiplies no faster in it. A session that does not keep the model's own takes their memory back as it packs
/// them.
/// Afterwards a call costs its products and no memory: activations are in a pool that is used again, one for each of the
/// tasks that ask at the same time. The threads of the backend are shared; a task that finds them busy computes alone.
///
/// The result of a text does not depend on the texts beside it, on the batch size or on the number of threads.
public final class InferenceSession: @unchecked Sendable {
  // Tasks share what no call changes: the model, and weights that lock themselves. The pools are locked here.

  public let model: Model
  public let backend: any ComputeBackend
  /// What the linear layers of the encoder multiply in, and in bfloat16 its attention too; heads multiply in float32.
  public let precision: WeightPrecision
  private let weights: PreparedWeights?
  /// Held during a call where weights change between calls: they are rounded when a product first reads them.
  private let turn = NSLock()
  private let lock = NSLock()
  private var pools: [MemoryPool] = []
  /// Whether no other session had taken the weights when this one was first asked.
  private var isChecked = false

  /// - Parameters:
  ///   - model: Its weights must not change as long as the session is used.
  ///   - backend: The compute kernels.
  ///   - precision: What the linear layers of the encoder and, in bfloat16, its attention should multiply in; `nil` for
  ///     what the backend does. ``precision`` is float32 where the backend does not multiply in it.
  ///   - kept: Weights of the encoder, by canonical name, that multiply in float32 whatever the precision. In int8 those
  ///     do as well that a model whose other weights are whole numbers has kept as they were.
  ///   - keepsWeights: Whether the model keeps the weights of its linear layers once they are packed. If not, it serves
  ///     this session alone from now on, and cannot be trained or written.
  public init(
    _ model: Model, backend: any ComputeBackend, precision: WeightPrecision? = nil,
    keeping kept: Set<String> = [], keepsWeights: Bool = true
  ) {
    let wanted = precision ?? WeightPrecision(backend.precision)
    let precision = backend.kernels.panels(for: wanted) == nil ? .float32 : wanted
    (self.model, self.backend, self.precision) = (model, backend, precision)
    // Whatever else is a weight belongs to a head.
    let encoder = Set(model.backbone.parameters.map(\.name)).subtracting([model.backbone.wordEmbedding])
    let kept = precision == .int8 ? kept.union(model.weightsLeftInFloat32) : kept
    weights = PreparedWeights(
      precision: { encoder.contains($0) && !kept.contains($0) ? precision : .float32 },
      attention: precision == .bfloat16 ? .bfloat16 : .float32,
      discards: { !keepsWeights && encoder.contains($0) })
  }

  /// A session with a model whose weights still change: products read them where they are, in the backend's precision.
  /// Tasks that ask at once take turns.
  ///
  /// - Parameters:
  ///   - model: Its weights must not change during a call.
  ///   - backend: The compute kernels.
  ///   - pool: Memory to use again.
  public init(changing model: Model, backend: any ComputeBackend, pool: MemoryPool = MemoryPool()) {
    (self.model, self.backend, precision) = (model, backend, WeightPrecision(backend.precision))
    weights = nil
    pools = [pool]
  }

  /// The bytes of the weights that were packed so far.
  public var packedByteCount: Int { weights?.byteCount ?? 0 }

  /// Runs a forward pass.
  ///
  /// - Parameter body: Is given a tape that does not record. Of what the tape makes nothing may leave it, for its memory
  ///   is used again: copy the numbers that are wanted.
  /// - Throws: what `body` throws, and `GraftError` when a weight has no numbers that int8 could stand for, or another
  ///   session has taken the weights.
  public func run<Result>(_ body: (Tape) throws -> Result) throws -> Result {
    try requireWeights()
    if weights == nil { turn.lock() }
    defer { if weights == nil { turn.unlock() } }
    let pool = lock.withLock { pools.popLast() } ?? MemoryPool()
    defer { lock.withLock { pools.append(pool) } }
    let result: Swift.Result<Result, any Error>
    do {
      result = .success(try body(Tape(backend, recording: false, pool: pool, prepared: weights)))
    } catch let error as GraftError where error.kind == .notFinite {
      result = .failure(located(error, pool, body))
    } catch { result = .failure(error) }
    // Names the weight where what follows from it is not a number.
    try weights?.check()
    return try result.get()
  }

  /// An error about what is not a number with the first layer in whose output such is seen, which may come from what the
  /// layer reads: the pass runs again, layer by layer.
  private func located<Result>(
    _ error: GraftError, _ pool: MemoryPool, _ body: (Tape) throws -> Result
  ) -> any Error {
    let tape = Tape(backend, recording: false, pool: pool, prepared: weights, checksNumbers: true)
    do {
      _ = try body(tape)
    } catch let first as GraftError where first.kind == .notFinite {
      guard let layer = first.subject else { return error }
      var error = error
      error.problem += ", first seen in the output of \(layer)"
      return error
    } catch {
      return error
    }
    return error
  }

  /// - Throws: `GraftError` when another session has given the weights up; this one has packed them once it has answered.
  private func requireWeights() throws {
    try lock.withLock {
      guard !isChecked else { return }
      if let lost = model.parameters.names.first(where: { model.parameters[$0]?.value.isDiscarded == true }) {
        throw GraftError(
          .refused, "another session has taken the model's weights", subject: "parameter '\(lost)'",
          advice: "Use that session, or one that keeps the weights.")
      }
      isChecked = weights != nil
    }
  }

  /// The scores of each active head for a batch, by its task's name.
  ///
  /// - Throws: as ``GraftCore/Model/scores(_:_:)`` and ``run(_:)``.
  public func scores(_ batch: PreparedBatch) throws -> [String: Tensor] {
    try run { try model.scores(batch, $0).mapValues { Tensor($0.value.values, shape: $0.shape) } }
  }
}

extension WeightPrecision {
  fileprivate init(_ precision: Precision) {
    switch precision {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    }
  }
}
