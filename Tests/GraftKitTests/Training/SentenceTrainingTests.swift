import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import OrderedCollections
import TestSupport
import Testing

@testable import GraftKit

/// Vectors for texts, learnt as sentence-transformers' models and losses learn them step by step:
/// `Fixtures/sentences/make_training.py`.
@Suite struct SentenceTrainingTests {
  struct Golden: CustomTestStringConvertible, Sendable {
    let json: JSON

    static let document: JSON =
      (try? JSON(file: fixtures.appending(path: "sentences/training.json"))) ?? .null
    static let all: [Golden] = (document["runs"]?.array ?? []).map(Golden.init)

    var folder: String { json["folder"]?.string ?? "" }
    var testDescription: String { "\(folder) \(json["options"]?.text() ?? "")" }

    func numbers(_ key: String) -> [Double] { json[key]?.array?.compactMap(\.double) ?? [] }

    func data(_ key: String) -> TrainingData {
      let rows = (json[key]?.array ?? []).map { object -> TextRow in
        var row = TextRow("")
        row.fields = object.object ?? [:]
        return row
      }
      return TrainingData(rows, named: ["rows"])
    }
  }

  let registry: Registry
  let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend(threads: 2)
  }

  private func checkpoint(_ url: URL) throws -> Checkpoint {
    var checkpoint = try registry.open(url).checkpoint
    try checkpoint.selectTask(registry: registry)
    return checkpoint
  }

  private func run(
    _ golden: Golden, in output: URL, stoppingAfter stop: Int? = nil, resume: Bool = false,
    change: (inout TrainingOptions) -> Void = { _ in }
  ) throws -> (losses: [Double], summary: TrainingSummary?) {
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.evalBatchSize) = (10, 8, 8)
    (options.learningRate, options.dropout, options.shuffles) = (1e-3, 0, false)
    (options.evalStrategy, options.saveStrategy) = (.epoch, .no)
    for (name, value) in golden.json["options"]?.object ?? [:] {
      let setting = try #require(TrainingOptions.settings.first { $0.name == name })
      try #require(setting.assign(value.string ?? value.text(), &options), "\(name)")
    }
    change(&options)
    let control = TrainingControl()
    var losses: [Double] = []
    let outcome = try train(
      checkpoint(fixtures.appending(path: "sentences/\(golden.folder)")), on: golden.data("rows"),
      evaluating: golden.data("eval_rows"), options: options, output: output, backend: backend,
      registry: registry, resume: resume, control: control
    ) { event in
      guard case .step(let report) = event else { return }
      losses.append(report.loss)
      if report.step == stop { control.requestStop() }
    }
    if case .finished(let summary) = outcome { return (losses, summary) }
    return (losses, nil)
  }

  /// The vectors that a folder makes for the texts of the golden file.
  private func vectors(_ url: URL) throws -> Tensor {
    let checkpoint = try registry.open(url).checkpoint
    let texts = Golden.document["probes"]?.array?.compactMap(\.string) ?? []
    return try embed(
      texts.map { TextRow($0) }, with: InferenceSession(checkpoint.makeModel(), backend: backend),
      EmbeddingOptions(try #require(checkpoint.sentences)))
  }

  @Test(
    "50 steps of every loss, what they are evaluated at, and the vectors of the written folder",
    arguments: Golden.all)
  func followsSentenceTransformers(_ golden: Golden) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let (losses, summary) = try run(golden, in: output)
      let expected = golden.numbers("losses")
      #expect(losses.count == 50 && expected.count == 50)
      for (step, (mine, theirs)) in zip(losses, expected).enumerated() {
        #expect(abs(mine - theirs) <= 1e-5 * max(1, abs(theirs)), "step \(step): \(mine), not \(theirs)")
      }
      let evaluated = try #require(golden.json["eval_loss"]?.double)
      let found = try #require(summary?.evaluation?["eval_loss"])
      #expect(abs(found - evaluated) <= 1e-5 * max(1, evaluated), "\(found), not \(evaluated)")
      let own = try vectors(output)
      let theirs = (golden.json["vectors"]?.array ?? []).flatMap { $0.array?.compactMap(\.double) ?? [] }
      #expect(own.count == theirs.count)
      let worst = zip(own.buffer, theirs).map { abs(Double($0) - $1) }.max() ?? .infinity
      #expect(worst <= 1e-4, "vectors differ by \(worst)")
    }
  }

  @Test("a run that was stopped goes on to the same folder, dense layers included")
  func resumes() throws {
    let golden = try #require(Golden.all.first { $0.folder == "current" })
    try withTemporaryDirectory { directory in
      let (whole, parts) = (directory.appending(path: "whole"), directory.appending(path: "parts"))
      _ = try run(golden, in: whole) { $0.maxSteps = 12 }
      #expect(try run(golden, in: parts, stoppingAfter: 5) { $0.maxSteps = 12 }.summary == nil)
      _ = try run(golden, in: parts, resume: true) { $0.maxSteps = 12 }
      for name in ["model.safetensors", "2_Dense/model.safetensors"] {
        let (one, two) = (whole.appending(path: name), parts.appending(path: name))
        #expect(try Data(contentsOf: one) == Data(contentsOf: two), "\(name)")
      }
      let before = fixtures.appending(path: "sentences/current/2_Dense/model.safetensors")
      #expect(
        try Data(contentsOf: before) != Data(contentsOf: whole.appending(path: "2_Dense/model.safetensors")))
    }
  }

  @Test("a frozen backbone stays as it is, and dense layers learn")
  func frozen() throws {
    let golden = try #require(Golden.all.first { $0.folder == "current" })
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      _ = try run(golden, in: output) {
        $0.maxSteps = 3
        $0.freezesBackbone = true
      }
      let before = try registry.open(fixtures.appending(path: "sentences/current")).checkpoint
      let after = try registry.open(output).checkpoint
      func floats(_ checkpoint: Checkpoint) throws -> [[Float]] {
        try checkpoint[Component.backbone]?.weights.tensors.values.map { try $0.floats() } ?? []
      }
      #expect(try floats(before) == floats(after))
      let layer = "sentences.1.weight"
      #expect(
        try before.sentences?.weights[layer]?.floats() != after.sentences?.weights[layer]?.floats())
    }
  }

  @Test("an encoder without modules becomes a folder with pooling, its head is parked")
  func newFolder() throws {
    let golden = try #require(Golden.all.first)
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      var options = TrainingOptions()
      (options.maxSteps, options.maxLength, options.pooling, options.saveStrategy) = (2, 20, .cls, .no)
      var checkpoint = try registry.open(Support.fixture("masked-lm")).checkpoint
      try checkpoint.selectTask("sentence-embedding", registry: registry)
      _ = try train(
        checkpoint, on: golden.data("rows"), options: options, output: output, backend: backend,
        registry: registry)
      let written = try registry.open(output).checkpoint
      #expect(written.architecture == "BertModel" && written.heads.map(\.id) == ["masked-lm"])
      #expect(written.sentences?.description == "cls" && written.sentences?.maximumLength == 20)
      #expect(written.sentences?.similarity == "cosine")
      #expect(written.card?["pipeline_tag"]?.contains("sentence-similarity") == true)
      #expect(written.card?["library_name"]?.contains("sentence-transformers") == true)
      // It is trained further without naming the task.
      _ = try train(
        self.checkpoint(output), on: golden.data("rows"), options: options.without(\.pooling),
        output: directory.appending(path: "more"), backend: backend, registry: registry)
    }
  }

  @Test("what does not go with the active head or the folder is refused")
  func refusals() throws {
    let golden = try #require(Golden.all.first)
    let output = FileManager.default.temporaryDirectory.appending(path: "never")
    func message(_ checkpoint: Checkpoint, _ change: (inout TrainingOptions) -> Void) -> String? {
      errorMessage {
        var options = TrainingOptions()
        change(&options)
        _ = try train(
          checkpoint, on: golden.data("rows"), options: options, output: output, backend: backend,
          registry: registry)
      }
    }
    let masked = try registry.open(Support.fixture("masked-lm")).checkpoint
    #expect(message(masked) { $0.sentenceLoss.scale = 3 }?.contains("does not learn vectors") == true)
    let folder = try checkpoint(fixtures.appending(path: "sentences/current"))
    #expect(message(folder) { $0.pooling = .mean }?.contains("the checkpoint says how tokens") == true)
    #expect(
      message(folder) { ($0.sentenceLoss.loss, $0.sentenceLoss.similarity) = (.cosine, .dot) }?.contains(
        "compares vectors by their cosine") == true)
    #expect(
      message(folder) { ($0.sentenceLoss.loss, $0.sentenceLoss.scale) = (.triplet, 40) }?.contains(
        "the loss 'triplet' does not multiply similarities") == true)
    #expect(
      message(folder) { $0.sentenceLoss.margin = 0.5 }?.contains("only the loss 'triplet' has a margin")
        == true)
    #expect(
      message(folder) { $0.sentenceLoss.widths = MatryoshkaWidths([6: 1]) }?.contains("at most 5") == true)
    #expect(!FileManager.default.fileExists(atPath: output.path))
    var other = masked
    #expect(
      errorMessage { try other.selectTask("sequence-classification", registry: registry) }?.contains(
        "the head of another task is active") == true)
    #expect(
      errorMessage { try other.selectTask("nothing", registry: registry) }?.contains("unknown task") == true)
  }

  @Test("evaluations put the folder's prompts before texts, as a search does")
  func prompts() throws {
    let pairs = [
      ("he do", "once more"), ("oil prices", "world"), ("he do", "film music"), ("season", "no room"),
    ]
    try withTemporaryDirectory { directory in
      let folder = directory.appending(path: "folder")
      try FileManager.default.copyItem(at: fixtures.appending(path: "sentences/current"), to: folder)
      let file = folder.appending(path: "config_sentence_transformers.json")
      var own = try #require(JSON(file: file).object)
      own["prompts"] = ["query": "find it: ", "document": "there is "]
      try Data(JSON.object(own).text().utf8).write(to: file)
      let pooling = folder.appending(path: "1_Pooling/config.json")
      func scores(includingPrompts isIncluded: Bool, usingPrompts: Bool) throws -> [String: Double] {
        var settings = try #require(JSON(file: pooling).object)
        settings["include_prompt"] = .bool(isIncluded)
        try Data(JSON.object(settings).text().utf8).write(to: pooling)
        var checkpoint = try self.checkpoint(folder)
        if usingPrompts { checkpoint.usePrompts() }
        let model = try checkpoint.makeModel()
        let rows = pairs.map { TextRow($0, pair: $1) }
        return try evaluate(model, on: Dataset(rows, for: model), backend: backend).metrics
      }
      let found = try scores(includingPrompts: true, usingPrompts: true)
      let plain = try scores(includingPrompts: true, usingPrompts: false)
      let checkpoint = try self.checkpoint(folder)
      let pipeline = try #require(checkpoint.sentences)
      let data = try RetrievalData(
        queries: [("he do", ["a", "c"]), ("oil prices", ["b"]), ("season", ["d"])].map { text, relevant in
          var row = TextRow(text)
          row.fields["id"] = .string(text)
          row.fields["relevant"] = .array(relevant.map { .string($0) })
          return row
        },
        texts: zip(["a", "b", "c", "d"], pairs).map { id, pair in
          var row = TextRow(pair.1)
          row.fields["id"] = .string(id)
          return row
        })
      func searched(_ query: String, _ document: String) throws -> [String: Double] {
        try evaluateRetrieval(
          data, with: InferenceSession(checkpoint.makeModel(), backend: backend),
          queries: EmbeddingOptions(pipeline, prompt: query),
          texts: EmbeddingOptions(pipeline, prompt: document), similarity: .dot
        ).means
      }
      for (own, theirs) in [(found, try searched("find it: ", "there is ")), (plain, try searched("", ""))] {
        for name in ["ndcg@10", "mrr@10", "map@100", "accuracy@1"] {
          #expect(abs((own["dot_\(name)"] ?? .nan) - (theirs[name] ?? .nan)) < 1e-9, "\(name)")
        }
      }
      #expect(
        try scores(includingPrompts: false, usingPrompts: true)
          == scores(includingPrompts: false, usingPrompts: false))
    }
  }

  @Test("texts that are cut are counted text by text")
  func truncation() throws {
    let model = try checkpoint(fixtures.appending(path: "sentences/older")).makeModel()
    let long = Array(repeating: "do", count: 12).joined(separator: " ")
    let rows = [TextRow("do", pair: "it"), TextRow("do", pair: long)]
    let data = try Dataset(rows, for: model)
    #expect(data.facts.truncatedRows == [1] && data.facts.maximumLength == 9)
    #expect(try data.example(1).encodings.map(\.ids.count) == [3, 9])
  }
}

extension TrainingOptions {
  /// The same without a setting.
  fileprivate func without<Value>(_ path: WritableKeyPath<TrainingOptions, Value?>) -> TrainingOptions {
    var copy = self
    copy[keyPath: path] = nil
    return copy
  }
}
