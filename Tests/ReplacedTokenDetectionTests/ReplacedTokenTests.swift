import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import ReplacedTokenDetection

/// Tokens that a generator puts in place of others.
@Suite("Replaced tokens") struct ReplacedTokenTests {
  private let registry: Registry
  private let discriminator: Model
  private let generator: Model

  init() throws {
    registry = try Registry.builtIn()
    let folder = fixtures.appending(path: "electra-tiny")
    discriminator = try registry.open(folder.appending(path: "replaced-token-detection")).checkpoint
      .makeModel()
    generator = try registry.open(folder.appending(path: "masked-lm")).checkpoint.makeModel()
  }

  @Test("tokens are drawn by their probabilities")
  func drawing() {
    let logits: [Float] = [0, 1, -2, 3, 0.5]
    let powers = logits.map { exp(Double($0)) }
    let total = powers.reduce(0, +)
    let count = 20_000
    var found = [Int](repeating: 0, count: logits.count)
    logits.withUnsafeBufferPointer { logits in
      for number in 0..<count {
        let draw = (Double(number) + 0.5) / Double(count)
        found[Int(ReplacedTokenDetection.token(drawnBy: draw, from: logits))] += 1
      }
      #expect(ReplacedTokenDetection.token(drawnBy: 0, from: logits) == 0)
      #expect(ReplacedTokenDetection.token(drawnBy: 1.0.nextDown, from: logits) == 4)
    }
    for (own, power) in zip(found, powers) {
      #expect(abs(Double(own) / Double(count) - power / total) < 1e-3)
    }
  }

  private func prepared(_ key: RandomKey) throws -> (batch: PreparedBatch, examples: [Example]) {
    let rows = ["the team plays the second game of the season", "oil prices rise in the market"].map {
      TextRow($0)
    }
    let data = try Dataset(rows, for: discriminator)
    let generator = try TokenGenerator(generator, for: discriminator, backend: ReferenceBackend(threads: 1))
    let examples = try (0..<2).map(data.example)
    let batching = Batching(model: discriminator, data: data, mlmProbability: 0.4, generator: generator)
    return (try batching.prepared(examples, key: key), examples)
  }

  @Test("what differs from the text is labelled as replaced, and nothing else; special tokens stay")
  func labels() throws {
    let task = try ReplacedTokenDetection(Configuration())
    var replaced = 0
    for step: UInt64 in 0..<20 {
      let (batch, examples) = try prepared(RandomKey(seed: 5, step: step))
      let targets: ReplacedTokenDetection.Targets = try batch.targets(of: task)
      let (ids, isSpecial) = (examples.flatMap(\.encoding.ids), examples.flatMap(\.encoding.isSpecial))
      #expect(targets.count == ids.count && !targets.places.isEmpty)
      for (place, id) in ids.enumerated() {
        #expect((targets.labels[place] == 1) == (batch.inputs.ids[place] != id))
        if isSpecial[place] { #expect(batch.inputs.ids[place] == id) }
        if !targets.places.contains(Int32(place)) { #expect(targets.labels[place] == 0) }
      }
      replaced += targets.labels.count { $0 == 1 }
    }
    #expect(replaced > 20)
    let (one, two) = (
      try prepared(RandomKey(seed: 5, step: 1)).batch, try prepared(RandomKey(seed: 5, step: 1)).batch
    )
    #expect(one.inputs == two.inputs)
  }

  @Test("training by a generator lowers the loss, and leaves the generator as it was")
  func training() throws {
    try withTemporaryDirectory { directory in
      let folder = fixtures.appending(path: "electra-tiny")
      var options = TrainingOptions()
      options.generator = folder.appending(path: "masked-lm").path
      options.maxSteps = 120
      options.batchSize = 8
      options.dropout = 0
      options.learningRate = 2e-3
      options.loggingSteps = 20
      options.saveStrategy = .no
      let rows = (0..<32).map { TextRow("the team plays the game number \($0) of the season") }
      var losses: [Double] = []
      let outcome = try train(
        registry.open(folder.appending(path: "replaced-token-detection")).checkpoint,
        on: TrainingData(rows, named: ["rows"]), options: options, output: directory.appending(path: "out"),
        backend: ReferenceBackend(threads: 2), registry: registry,
        observe: { event in
          if case .logged(let numbers) = event, let loss = numbers["loss"] { losses.append(loss) }
        })
      guard case .finished = outcome else {
        Issue.record("not finished")
        return
      }
      let (first, last) = (try #require(losses.first), try #require(losses.last))
      #expect(losses.count == 6 && last < 0.6 * first, "\(losses)")
    }
  }

  @Test("a generator is wanted by that head, and by no other; it has the same vocabulary")
  func refused() throws {
    let backend = try ReferenceBackend(threads: 1)
    let path = fixtures.appending(path: "electra-tiny/masked-lm").path
    #expect(throws: GraftError.self) {
      try TokenGenerator(at: nil, for: discriminator, backend: backend, registry: registry)
    }
    #expect(throws: GraftError.self) {
      try TokenGenerator(at: path, for: generator, backend: backend, registry: registry)
    }
    #expect(throws: GraftError.self) {
      try TokenGenerator(
        at: fixtures.appending(path: "roberta-tiny/masked-lm").path, for: discriminator, backend: backend,
        registry: registry)
    }
    #expect(throws: GraftError.self) {
      try TokenGenerator(
        at: fixtures.appending(path: "electra-tiny/base").path, for: discriminator, backend: backend,
        registry: registry)
    }
    #expect(try TokenGenerator(at: nil, for: generator, backend: backend, registry: registry) == nil)
  }
}
