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
  private let generator: Checkpoint

  init() throws {
    registry = try Registry.builtIn()
    let folder = fixtures.appending(path: "electra-tiny")
    discriminator = try registry.open(folder.appending(path: "replaced-token-detection")).checkpoint
      .makeModel()
    generator = try registry.open(folder.appending(path: "masked-lm")).checkpoint
  }

  @Test("tokens are drawn by their probabilities")
  func drawing() {
    // Rounded, so that their sum is a little less than 1.
    let probabilities: [Float] = [0.0435, 0.1183, 0, 0.0059, 0.8322, 0]
    let count = 20_000
    var found = [Int](repeating: 0, count: probabilities.count)
    probabilities.withUnsafeBufferPointer { probabilities in
      for number in 0..<count {
        let draw = (Double(number) + 0.5) / Double(count)
        found[Int(ReplacedTokenDetection.token(drawnBy: draw, from: probabilities))] += 1
      }
      #expect(ReplacedTokenDetection.token(drawnBy: 0, from: probabilities) == 0)
      #expect(ReplacedTokenDetection.token(drawnBy: 1.0.nextDown, from: probabilities) == 4)
    }
    for (own, probability) in zip(found, probabilities) {
      #expect(abs(Double(own) / Double(count) - Double(probability)) < 2e-4)
    }
    #expect(found[2] == 0 && found[5] == 0)
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
      #expect(targets.count == ids.count && !targets.hidden.places.isEmpty)
      for (place, id) in ids.enumerated() {
        #expect((targets.labels[place] == 1) == (batch.inputs.ids[place] != id))
        if isSpecial[place] { #expect(batch.inputs.ids[place] == id) }
        if !targets.hidden.places.contains(Int32(place)) { #expect(targets.labels[place] == 0) }
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
      let copy = directory.appending(path: "generator")
      try FileManager.default.copyItem(at: folder.appending(path: "masked-lm"), to: copy)
      func files() throws -> [String: Data] {
        try FileManager.default.contentsOfDirectory(atPath: copy.path).reduce(into: [:]) {
          $0[$1] = try Data(contentsOf: copy.appending(path: $1))
        }
      }
      let before = try files()
      var options = TrainingOptions()
      options.generator = copy.path
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
      #expect(try files() == before)
    }
  }

  @Test("a generator learns beside the model as in PyTorch")
  func joint() throws {
    struct Run: Decodable {
      let seed: UInt64
      let learning_rate, weight_decay, discriminator_weight: Double
      let mlm_probability: Float
      let replaced: Int
      let texts: [String]
      let losses, gradient_norms: [Double]
    }
    let run = try JSONDecoder().decode(
      Run.self, from: Data(contentsOf: fixtures.appending(path: "pretraining/run.json")))
    func withoutDropout(_ checkpoint: Checkpoint) -> Checkpoint {
      var checkpoint = checkpoint
      checkpoint.configuration = checkpoint.family.overridingDropout(0, in: checkpoint.configuration)
      return checkpoint
    }
    let path = fixtures.appending(path: "electra-tiny/replaced-token-detection")
    let model = try withoutDropout(registry.open(path).checkpoint).makeModel()
    let backend = try ReferenceBackend(threads: 2)
    let teacher = try TokenGenerator(withoutDropout(generator), for: model, learns: true, backend: backend)
    let data = try Dataset(run.texts.map { TextRow($0) }, for: model)
    let batching = Batching(
      model: model, data: data, mlmProbability: run.mlm_probability, generator: teacher, fillsInStep: true)
    let optimizer = try registry.optimizers.find("adamw").init(
      model.parameters.all + teacher.ownParameters,
      options: OptimizerOptions(weightDecay: Float(run.weight_decay)))
    let step = TrainingStep(
      model: model, optimizer: optimizer, maxGradNorm: 1, backend: backend, generator: teacher,
      discriminatorWeight: run.discriminator_weight)
    for (index, expected) in run.losses.enumerated() {
      let batches = try (2 * index..<2 * index + 2).map { number in
        try batching.prepared(
          (3 * number..<3 * number + 3).map(data.example),
          key: RandomKey(seed: run.seed, step: UInt64(number)))
      }
      let result = try step.run(batches, learningRate: run.learning_rate)
      #expect(abs(result.loss - expected) < 1e-5 * expected, "step \(index): \(result.loss), \(expected)")
      #expect(abs(result.gradientNorm - run.gradient_norms[index]) < 1e-4 * run.gradient_norms[index])
    }
  }

  @Test(
    "a generator that learns is written beside the model, with its embeddings, and resumed to the same bits")
  func written() throws {
    try withTemporaryDirectory { directory in
      let folder = fixtures.appending(path: "electra-tiny")
      var options = TrainingOptions()
      options.generator = folder.appending(path: "masked-lm").path
      options.trainsGenerator = true
      options.maxSteps = 6
      options.batchSize = 4
      options.learningRate = 1e-3
      options.saveSteps = 3
      options.evalStrategy = .steps
      options.evalSteps = 3
      let rows = (0..<16).map { TextRow("the team plays the game number \($0) of the season") }
      let checkpoint = try registry.open(folder.appending(path: "replaced-token-detection")).checkpoint
      func train(_ name: String, steps: Int = 6, resume: Bool = false) throws -> URL {
        var options = options
        options.maxSteps = steps
        let output = directory.appending(path: name)
        _ = try GraftKit.train(
          checkpoint, on: TrainingData(rows, named: ["rows"]),
          evaluating: TrainingData(Array(rows.prefix(5)), named: ["some"]), options: options, output: output,
          backend: ReferenceBackend(threads: 2), registry: registry, resume: resume)
        return output
      }
      let whole = try train("whole")
      _ = try train("parts")
      let parts = directory.appending(path: "parts")
      try FileManager.default.removeItem(at: parts.appending(path: "checkpoint-6"))
      try FileManager.default.removeItem(at: parts.appending(path: "all_results.json"))
      _ = try train("parts", resume: true)
      for name in ["model.safetensors", "generator/model.safetensors"] {
        #expect(
          try Data(contentsOf: whole.appending(path: name)) == Data(contentsOf: parts.appending(path: name)))
      }
      let (own, other) = (
        try registry.open(whole).checkpoint, try registry.open(whole.appending(path: "generator")).checkpoint
      )
      #expect(other.activeHead?.name == "masked-lm" && other.activeHeads.allSatisfy { !$0.isUntrained })
      let (before, after) = (try generator.makeModel(), try other.makeModel())
      let learnt = try own.makeModel()
      var changed = 0
      for (name, parameter) in after.parameters.entries {
        let values = Array(parameter.value.buffer)
        if name.hasPrefix("embeddings."), !name.hasPrefix("embeddings.projection.") {
          #expect(learnt.parameters[name].map { Array($0.value.buffer) } == values, "\(name)")
        }
        if before.parameters[name].map({ Array($0.value.buffer) }) != values { changed += 1 }
      }
      #expect(changed > after.parameters.names.count / 2)
    }
  }

  @Test(
    "a generator that cannot share the model's embeddings is refused, and options that make no sense with one"
  )
  func refusedJoint() throws {
    let backend = try ReferenceBackend(threads: 1)
    let wide = try registry.open(fixtures.appending(path: "electra-tiny/one-width")).checkpoint
    let error = #expect(throws: GraftError.self) {
      try TokenGenerator(wide, for: discriminator, learns: true, backend: backend)
    }
    #expect(error?.subject == "tensor 'embeddings.word.weight'")
    for change: (inout TrainingOptions) -> Void in [
      { $0.generator = nil }, { $0.freezesBackbone = true }, { $0.layerDecay = 0.9 },
      {
        $0.trainsGenerator = false; $0.discriminatorWeight = 2
      }, { $0.discriminatorWeight = 0 },
    ] {
      var options = TrainingOptions()
      (options.generator, options.trainsGenerator) = ("generator", true)
      #expect(options.problems.isEmpty)
      change(&options)
      #expect(options.problems.count == 1)
    }
  }

  @Test("a run goes on with the generator that it began with, and with no other")
  func otherGenerator() throws {
    try withTemporaryDirectory { directory in
      let folder = fixtures.appending(path: "electra-tiny")
      let path = directory.appending(path: "generator")
      try FileManager.default.copyItem(at: folder.appending(path: "masked-lm"), to: path)
      var options = TrainingOptions()
      (options.generator, options.maxSteps) = (path.path, 2)
      let rows = (0..<8).map { TextRow("the team plays the game number \($0) of the season") }
      func train(resume: Bool) throws {
        _ = try GraftKit.train(
          registry.open(folder.appending(path: "replaced-token-detection")).checkpoint,
          on: TrainingData(rows, named: ["rows"]), options: options,
          output: directory.appending(path: "out"), backend: ReferenceBackend(threads: 1),
          registry: registry, resume: resume)
      }
      try train(resume: false)
      try train(resume: true)
      try FileManager.default.removeItem(at: path)
      try FileManager.default.copyItem(at: folder.appending(path: "untied-decoder"), to: path)
      let error = #expect(throws: GraftError.self) { try train(resume: true) }
      #expect(error?.option == "generator")
    }
  }

  @Test("a generator of other tokens is refused, also where they are as many")
  func otherTokens() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "generator")
      try FileManager.default.copyItem(at: fixtures.appending(path: "electra-tiny/masked-lm"), to: path)
      try FileManager.default.removeItem(at: path.appending(path: "tokenizer.json"))
      let file = path.appending(path: "vocab.txt")
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      let special = try #require(lines.firstIndex(of: "[MASK]")) + 1
      try (lines.prefix(special) + lines.dropFirst(special).reversed()).joined(separator: "\n").write(
        to: file, atomically: true, encoding: .utf8)
      let error = #expect(throws: GraftError.self) {
        try TokenGenerator(
          registry.open(path).checkpoint, for: discriminator, backend: ReferenceBackend(threads: 1))
      }
      #expect(error?.expected?.contains("as token") == true)
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
      try TokenGenerator(at: path, for: generator.makeModel(), backend: backend, registry: registry)
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
    #expect(
      try TokenGenerator(at: nil, for: generator.makeModel(), backend: backend, registry: registry) == nil)
  }
}
