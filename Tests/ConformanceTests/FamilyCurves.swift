import AdamW
import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// Fifty steps that PyTorch took on the tiny models, step by step: `Fixtures/curves/make.py`.
@Suite("Every family's training against PyTorch")
struct FamilyCurves {
  @Test(arguments: FamilyFixtures.taskFiles("curves"))
  func lossesFollowTorch(_ fixture: FamilyFixtures.TaskFile) throws {
    let registry = try FamilyFixtures.registry.get()
    let golden = try registry.openWeights(fixture.file).weights
    var checkpoint = try registry.open(fixture.checkpoint).checkpoint
    checkpoint.configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
    let model = try checkpoint.makeModel()
    let optimizer = AdamWOptimizer(model.parameters.all, options: OptimizerOptions(weightDecay: 0.01))
    let step = TrainingStep(
      model: model, optimizer: optimizer, maxGradNorm: 1, backend: try registry.makeBackend(threads: 2))

    let batches = try batches(golden, model)
    let (losses, norms) = (try floats(golden["loss"]), try floats(golden["grad_norm"]))
    let rates = try floats(golden["learning_rate"])
    #expect(batches.count == 50)
    var rounding = Set<Int>()
    for (index, batch) in batches.enumerated() {
      let rate =
        5e-4 * LearningRateSchedule.linear.factor(step: index, warmupSteps: 5, totalSteps: batches.count)
      #expect(abs(rate - Double(rates[index])) < 1e-10)
      let result = try step.run([batch], learningRate: rate)
      #expect(abs(result.loss / Double(losses[index]) - 1) < 1e-5, "loss of step \(index)")
      #expect(abs(result.gradientNorm / Double(norms[index]) - 1) < 1e-4, "norm of step \(index)")
      rounding.formUnion(try wordsMovedByRounding(optimizer.state))
    }

    try checkpoint.takeWeights(of: model)
    let dialect = try registry.dialect("transformers", of: checkpoint.family)
    let final = try checkpoint.encodedWeights(
      Checkpoint.WriteOptions(format: registry.checkpointFormat("safetensors"), dialect: dialect))
    let table = NameTable(dialect, on: model.backbone, heads: [])
    let keyBiases = Set(
      model.backbone.parameters.map(\.name).filter(FamilyGradients.isKeyBias).map(table.storedName))
    // The gradient of the key's bias is 0 but for rounding, which Adam makes as large as any other.
    let task = try model.requireHead().task
    for (name, tensor) in final.tensors where !keyBiases.contains(name) {
      // So is that of what adds the same to all tokens or choices, where they are compared; the file leaves it out.
      let compares = ["question-answering", "multiple-choice"].contains(type(of: task).name)
      if compares, golden["final.\(name)"] == nil, name.hasSuffix("bias") { continue }
      let expected = try floats(golden["final.\(name)"])
      let left = name == table.storedName("embeddings.word.weight") ? rounding : []
      #expect(left.count * 1000 <= expected.count, "\(name)")
      let differences = zip(try tensor.floats(), expected).map { abs($0 - $1) }
      let largest = differences.indices.filter { !left.contains($0) }.map { differences[$0] }.max() ?? 0
      #expect(largest < 1e-5, "\(name)")
    }
  }

  /// The places in the words' embeddings whose gradients so far are smaller than AdamW's epsilon: rounding, which it makes
  /// nearly as large as any gradient while a rare word has no other.
  private func wordsMovedByRounding(_ state: Weights) throws -> [Int] {
    let squares = try state["second_moment.embeddings.word.weight"]?.floats() ?? []
    return squares.indices.filter { 0 < squares[$0] && squares[$0] < 1e-3 * 1e-16 }
  }

  /// The batches of a golden file: `input_ids` `[steps, size, width]`, and the length of each sequence.
  private func batches(_ golden: Weights, _ model: Model) throws -> [PreparedBatch] {
    let ids = try #require(golden["input_ids"])
    let (steps, size, width) = (ids.spec.shape[0], ids.spec.shape[1], ids.spec.shape[2])
    let (tokens, lengths) = (try ids.integers(), try #require(golden["lengths"]).integers())
    let labels = try #require(golden["labels"]).integers()
    let task = try model.requireHead().task
    return try (0..<steps).map { step in
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
      var prepared = PreparedBatch(batch)
      if type(of: task).name == "question-answering" {
        let own = labels[2 * step * size..<2 * (step + 1) * size]
        let places = own.indices.filter { $0.isMultiple(of: 2) }
        prepared.setAnswers(first: places.map { own[$0] }, last: places.map { own[$0 + 1] }, of: task)
      } else if labels.count == tokens.count {
        prepared.setClasses(classes, of: task, at: selected)
      } else if type(of: task).name == "multiple-choice" {
        let (count, choices) = (labels.count / steps, steps * size / labels.count)
        try task.prepare(
          &prepared, labels[step * count..<(step + 1) * count].map { .question(answer: $0, of: choices) },
          .test)
      } else {
        let own = labels[step * size..<(step + 1) * size]
        try task.prepare(
          &prepared, own.map { Example(Encoding.empty, label: ClassLabel(Int32($0))) }, .test)
      }
      return prepared
    }
  }

  private func floats(_ tensor: LazyTensor?) throws -> [Float] { try #require(tensor).floats() }
}
