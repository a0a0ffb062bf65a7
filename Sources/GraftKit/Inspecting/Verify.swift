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
/// `[batch, length]`) and any of `last_hidden_state`, `pooler_output`, `sentence_embedding` and what the tasks of the checkpoint's heads
/// call their outputs, such as `prediction_logits` (float32): `[batch, length, width]`, `[batch, length]` or
/// `[batch, width]`.
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

/// What a checkpoint computes for a golden file's batch.
struct FoundOutput {
  let value: Tensor
  let rows: TaskOutput.Rows
  /// The column that is compared, of an output without columns.
  let column: Int?
}

extension Checkpoint {
  /// Every output for a batch by its golden name, those of parked heads included. The encoder runs once.
  func goldenOutputs(_ batch: Batch, _ backend: any ComputeBackend) throws -> [String: FoundOutput] {
    var checkpoint = self
    try checkpoint.confirmCopies()
    let model = try checkpoint.makeModel()
    let tape = Tape(backend, recording: false)
    let states = try model.encode(batch, tape, pooling: true)
    var outputs = [
      "last_hidden_state": FoundOutput(value: states.hiddenStates.value, rows: .tokens, column: nil)
    ]
    if let pooled = states.pooled {
      outputs["pooler_output"] = FoundOutput(value: pooled.value, rows: .sequences, column: nil)
    }
    let pipeline = checkpoint.sentences ?? SentencePipeline(pooling: .mean)
    if pipeline.splade == nil {
      let vectors = try SentenceHead(pipeline).vectors(
        states.hiddenStates, batch.offsets, Scope(pipeline.makeParameters()), tape)
      outputs["sentence_embedding"] = FoundOutput(value: vectors.value, rows: .sequences, column: nil)
    }
    for active in model.heads {
      try outputs.add(active, states, batch, model.parameters, tape)
    }
    for head in checkpoint.parkedHeads where head.task.map({ $0.name == head.id }) == true {
      let (parked, parameters) = try checkpoint.makeParkedHead(head, on: model.backbone)
      guard states.pooled != nil || !parked.head.readsPooled else { continue }
      try outputs.add(parked, states, batch, parameters, tape)
    }
    return outputs
  }
}

extension [String: FoundOutput] {
  /// Adds the outputs of a head that are not there yet.
  fileprivate mutating func add(
    _ active: Model.ActiveHead, _ states: BackboneOutput, _ batch: Batch, _ parameters: ParameterStore,
    _ tape: Tape
  ) throws {
    let scores = try active.head.forward(states, batch, selection: nil, Scope(parameters), tape)
    for output in type(of: active.task).outputs where self[output.name] == nil {
      self[output.name] = FoundOutput(value: scores.value, rows: output.rows, column: output.column)
    }
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
      let columns = row * length..<(row + 1) * length
      guard mask[columns].contains(where: { $0 != 0 }) else {
        throw GraftError(
          .malformed, "no token that a model could read", subject: "row \(row + 1)",
          expected: "an attention_mask that is not 0 everywhere")
      }
      batch.append(
        paddedRow: try ids.values[columns].map(GoldenInputs.id),
        tokenTypes: try types?.values[columns].map(GoldenInputs.id) ?? columns.map { _ in 0 },
        mask: mask[columns].map { $0 != 0 })
    }
  }

  private static func id(_ value: Int) throws -> Int32 {
    guard let id = Int32(exactly: value) else {
      throw GraftError(.malformed, "an id that is no id", found: "\(value)")
    }
    return id
  }

  /// Compares an output with the rows that were computed for it, over positions whose mask is 1.
  func compare(_ name: String, expected: LazyTensor, found: FoundOutput) throws -> Verification.Output {
    let perToken = found.rows == .tokens
    let columns = found.column.map { $0..<$0 + 1 } ?? 0..<found.value.columns
    let shape: [Int] = (perToken ? [rows, length] : [rows]) + (found.column == nil ? [columns.count] : [])
    guard expected.spec.shape == shape else {
      throw GraftError(
        .mismatch, "wrong shape", subject: "tensor '\(name)'", expected: "\(shape)",
        found: "\(expected.spec)")
    }
    let values = try expected.floats()
    var (maximum, scale, row) = (Float(0), Float(0), 0)
    for place in 0..<(perToken ? rows * length : rows) {
      // A text's own outputs are read at its first position.
      let isCompared = mask[perToken ? place : place * length] != 0
      if isCompared {
        let golden = values[(place * columns.count)..<((place + 1) * columns.count)]
        let start = row * found.value.columns
        let own = found.value.buffer[(start + columns.lowerBound)..<(start + columns.upperBound)]
        maximum = max(maximum, maximumDifference(golden, own))
        scale = golden.reduce(scale) { max($0, abs($1)) }
      }
      if isCompared || !perToken { row += 1 }
    }
    return Verification.Output(name: name, maximum: maximum, scale: scale)
  }
}
