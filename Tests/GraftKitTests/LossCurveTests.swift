import AdamW
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// Fifty steps that PyTorch took on the tiny models, step by step: `Fixtures/curves/make.py`.
@Suite struct LossCurveTests {
  private let registry: Registry

  init() throws { registry = try Support.registry() }

  @Test(arguments: [("classification", "sequence-classification"), ("masked_lm", "masked-lm")])
  func lossesFollowTorch(_ curve: String, _ name: String) throws {
    let file = fixtures.appending(path: "curves/\(curve).safetensors")
    let golden = try registry.openWeights(file).weights
    var checkpoint = try registry.open(Support.fixture(name)).checkpoint
    checkpoint.configuration = checkpoint.configuration.overridingDropout(0)
    let model = try checkpoint.makeModel()
    let optimizer = AdamWOptimizer(model.parameters.all, options: OptimizerOptions(weightDecay: 0.01))
    let step = TrainingStep(
      model: model, optimizer: optimizer, maxGradNorm: 1, backend: try registry.makeBackend(threads: 2))

    let batches = try Curve(golden, head: name).batches
    let (losses, norms) = (try floats(golden["loss"]), try floats(golden["grad_norm"]))
    let rates = try floats(golden["learning_rate"])
    #expect(batches.count == 50)
    for (index, batch) in batches.enumerated() {
      let rate =
        5e-4 * LearningRateSchedule.linear.factor(step: index, warmupSteps: 5, totalSteps: batches.count)
      #expect(abs(rate - Double(rates[index])) < 1e-10)
      let result = try step.run([batch], learningRate: rate)
      #expect(abs(result.loss / Double(losses[index]) - 1) < 1e-5, "loss of step \(index)")
      #expect(abs(result.gradientNorm / Double(norms[index]) - 1) < 1e-4, "norm of step \(index)")
    }

    checkpoint.takeWeights(of: model)
    let final = try checkpoint.encodedWeights(
      Checkpoint.WriteOptions(
        format: registry.checkpointFormat("safetensors"),
        dialect: registry.dialect("transformers", of: "bert")))
    // The gradient of the key's bias is 0 but for rounding, which Adam makes as large as any other.
    for (name, tensor) in final.tensors where !name.hasSuffix("key.bias") {
      let expected = try floats(golden["final.\(name)"])
      let difference = zip(try tensor.floats(), expected).map { abs($0 - $1) }.max() ?? 0
      #expect(difference < 1e-5, "\(name)")
    }
  }

  /// The batches of a golden file.
  private struct Curve {
    let batches: [Batch]

    init(_ golden: Weights, head: String) throws {
      let ids = try #require(golden["input_ids"])
      let (steps, size, width) = (ids.spec.shape[0], ids.spec.shape[1], ids.spec.shape[2])
      let (tokens, lengths) = (try ids.integers(), try #require(golden["lengths"]).integers())
      let labels = try #require(golden["labels"]).integers()
      batches = (0..<steps).map { step in
        var batch = Batch()
        var (selected, classes): ([Int32], [Int32]) = ([], [])
        for row in step * size..<(step + 1) * size {
          for place in 0..<lengths[row]
          where labels.count == tokens.count && labels[row * width + place] != -100 {
            selected.append(Int32(batch.tokenCount + place))
            classes.append(Int32(labels[row * width + place]))
          }
          let sequence = tokens[row * width..<row * width + lengths[row]].map { Int32($0) }
          batch.append(
            ids: sequence, tokenTypes: sequence.map { _ in 0 }, positions: Array(0..<Int32(sequence.count)))
        }
        if labels.count == tokens.count {
          batch.selectedTokens = selected
        } else {
          classes = labels[step * size..<(step + 1) * size].map { Int32($0) }
        }
        batch.targets[head] = .classes(classes)
        return batch
      }
    }
  }

  private func floats(_ tensor: LazyTensor?) throws -> [Float] { try #require(tensor).floats() }
}
