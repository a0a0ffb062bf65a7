import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// How far a checkpoint's outputs are from a golden file's.
public struct Verification: Sendable {
  public struct Output: Sendable, Equatable {
    /// As in the golden file: `last_hidden_state`, `logits`, ….
    public let name: String
    /// The largest absolute difference over positions whose mask is 1.
    public let maximum: Float
    /// The largest absolute value that was expected there.
    public let scale: Float
  }

  public let outputs: [Output]
  /// Outputs that the golden file has and the checkpoint does not compute.
  public let notComputed: [String]
  public let tolerance: Float

  /// Whether every output is within the tolerance.
  public var passes: Bool { outputs.allSatisfy { $0.maximum <= tolerance } }
}

/// Runs a checkpoint on a golden file's inputs and compares its outputs.
///
/// The golden file is safetensors: `input_ids`, `attention_mask`, `token_type_ids` (int64
/// `[batch, length]`) and any of `last_hidden_state`, `pooler_output`, `prediction_logits`,
/// `seq_relationship_logits`, `logits` (float32).
///
/// - Parameters:
///   - source: A checkpoint.
///   - golden: The golden file.
///   - tolerance: The largest absolute difference that passes.
///   - backend: The compute kernels.
///   - registry: The plugins.
/// - Throws: `GraftError` when the file lacks inputs, has no output that the checkpoint computes, or an
///   output's shape is another.
public func verify(
  _ source: URL, golden: URL, tolerance: Float = 1e-4, backend: any ComputeBackend, registry: Registry
) throws -> Verification {
  let file = try registry.openWeights(golden).weights
  do {
    let inputs = try GoldenInputs(file)
    let checkpoint = try registry.open(source).checkpoint
    let outputs = try checkpoint.goldenOutputs(inputs.batch, backend)
    let compared = try file.tensors.compactMap { name, expected -> Verification.Output? in
      guard let found = outputs[name] else { return nil }
      return try inputs.compare(name, expected: expected, found: found)
    }
    guard !compared.isEmpty else {
      throw GraftError(
        .mismatch, "the golden file has no output that this checkpoint computes",
        expected: outputs.keys.sorted().joined(separator: ", "),
        found: file.tensors.keys.joined(separator: ", "))
    }
    let others = file.tensors.filter { $0.value.spec.dtype.isFloatingPoint && outputs[$0.key] == nil }
    return Verification(outputs: compared, notComputed: Array(others.keys), tolerance: tolerance)
  } catch let error as GraftError {
    throw error.inFile(golden.path)
  }
}

extension Checkpoint {
  /// Every output for a batch by its golden name, those of parked heads included.
  func goldenOutputs(_ batch: Batch, _ backend: any ComputeBackend) throws -> [String: Tensor] {
    var outputs = try outputs(batch, backend)
    for record in parkedRecords where record.id == record.type.name {
      var other = self
      other.activeHead = record.type
      guard !record.type.needsPooler || outputs["pooler_output"] != nil else { continue }
      outputs.merge(try other.outputs(batch, backend)) { first, _ in first }
    }
    return outputs
  }

  /// Every output of the active head for a batch by its golden name.
  private func outputs(_ batch: Batch, _ backend: any ComputeBackend) throws -> [String: Tensor] {
    let model = try makeModel()
    let tape = Tape(backend, recording: false)
    let encoded = try model.encode(batch, tape)
    var outputs = ["last_hidden_state": encoded.hiddenStates.value]
    if let pooled = encoded.pooled { outputs["pooler_output"] = pooled.value }
    if let head = model.head {
      let logits = try head.forward(encoded, batch, Scope(model.parameters), tape)
      outputs.merge(logits.mapValues(\.value)) { first, _ in first }
    }
    return outputs
  }
}

/// A golden file's padded inputs, and the unpadded batch they stand for.
private struct GoldenInputs {
  let mask: [Int]
  let rows: Int
  let length: Int
  var batch = Batch()

  init(_ file: Weights) throws {
    func integers(_ name: String) throws -> (values: [Int], shape: [Int]) {
      guard let tensor = file[name] else {
        throw GraftError(.missing, "the golden file has no '\(name)'")
      }
      guard tensor.spec.shape.count == 2 else {
        throw GraftError(
          .mismatch, "wrong shape", subject: "tensor '\(name)'", expected: "[batch, length]",
          found: "\(tensor.spec)")
      }
      return (try tensor.integers(), tensor.spec.shape)
    }
    let ids = try integers("input_ids")
    let masks = try integers("attention_mask")
    let types = try file["token_type_ids"].map { _ in try integers("token_type_ids") }
    mask = masks.values
    (rows, length) = (ids.shape[0], ids.shape[1])
    for other in [masks.shape, types?.shape ?? ids.shape] where other != ids.shape {
      throw GraftError(
        .mismatch, "the inputs have different shapes", expected: "\(ids.shape)", found: "\(other)")
    }
    guard rows > 0 else {
      throw GraftError(.malformed, "the golden file has no rows", found: "input_ids \(ids.shape)")
    }
    for row in 0..<rows {
      let places = (0..<length).filter { mask[row * length + $0] != 0 }
      guard !places.isEmpty else {
        throw GraftError(
          .malformed, "no token that a model could read", subject: "row \(row + 1)",
          expected: "an attention_mask that is not 0 everywhere")
      }
      batch.append(
        ids: try places.map { try GoldenInputs.id(ids.values[row * length + $0]) },
        tokenTypes: try places.map { try GoldenInputs.id(types?.values[row * length + $0] ?? 0) },
        // A masked token keeps its position, as a position embedding counts columns.
        positions: places.map(Int32.init))
    }
  }

  private static func id(_ value: Int) throws -> Int32 {
    guard let id = Int32(exactly: value) else {
      throw GraftError(.malformed, "an id that is no id", found: "\(value)")
    }
    return id
  }

  /// Compares `[batch, length, width]` with `[tokens, width]`, or `[batch, width]` with itself.
  func compare(_ name: String, expected: LazyTensor, found: Tensor) throws -> Verification.Output {
    let perToken = expected.spec.shape.count == 3
    let width = expected.spec.shape.last ?? 1
    let shape = perToken ? [rows, length, width] : [rows, width]
    let predicted = perToken ? batch.tokenCount : rows
    guard expected.spec.shape == shape, found.columns == width, found.rows == predicted else {
      // What the model computes for each text is known by its rows, unless every text is one token.
      let isPerText = found.rows == rows && (rows < batch.tokenCount || !perToken)
      throw GraftError(
        .mismatch, "wrong shape", subject: "tensor '\(name)'",
        expected: "\(isPerText ? [rows, found.columns] : [rows, length, found.columns])",
        found: "\(expected.spec)")
    }
    let values = try expected.floats()
    var (maximum, scale, row) = (Float(0), Float(0), 0)
    for place in 0..<(perToken ? rows * length : rows) {
      // A text's own outputs are read at its first position.
      let isCompared = mask[perToken ? place : place * length] != 0
      if isCompared {
        let golden = values[(place * width)..<((place + 1) * width)]
        maximum = max(maximum, maximumDifference(golden, found.buffer[(row * width)..<((row + 1) * width)]))
        scale = golden.reduce(scale) { max($0, abs($1)) }
      }
      if isCompared || !perToken { row += 1 }
    }
    return Verification.Output(name: name, maximum: maximum, scale: scale)
  }
}
