import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import OrderedCollections
import TestSupport
import Testing

@testable import GraftKit

/// Two heads on one backbone, trained in turn. The goldens are PyTorch's: `Fixtures/several-heads/make.py`.
@Suite("Heads that are trained in turn") struct HeadsInTurnTests {
  private static let topics = "sequence-classification"
  private static let tags = "token-classification"

  /// A run of the golden file.
  struct Golden: CustomTestStringConvertible, Sendable {
    let json: JSON
    var testDescription: String { json["name"]?.string ?? "" }

    /// None without the file, which a test of its own demands.
    static let all: [Golden] = ((try? document.get()["runs"]?.array) ?? []).map(Golden.init)
    static let document = Result { try JSON(file: fixtures.appending(path: "several-heads/runs.json")) }

    var weights: [String: Double]? {
      json["weights"]?.object.map { $0.reduce(into: [:]) { $0[$1.key] = $1.value.double } }
    }
  }

  private let registry: Registry
  private let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend(threads: 2)
  }

  /// The tiny classifier with the tiny tagger's head beside its own.
  private func checkpoint(_ directory: URL) throws -> Checkpoint {
    let head = directory.appending(path: "head")
    if !FileManager.default.fileExists(atPath: head.path) {
      try detachHead(Support.fixture(Self.tags), registry: registry).write(to: head, registry: registry)
    }
    return try attachHead(Support.fixture(Self.topics), head: head, registry: registry).checkpoint
  }

  private func data(_ head: String, _ part: String = "train") throws -> TrainingData {
    let rows = try #require(Golden.document.get()[part]?[head]?.array).map { item -> TextRow in
      let (text, label) = (item.array?[0] ?? .null, item.array?[1] ?? .null)
      guard head == Self.topics else {
        var row = TextRow("")
        row.fields = ["tokens": text, "tags": label]
        return row
      }
      return TextRow(text.string ?? "", label: .text(label.string ?? ""))
    }
    return TrainingData(rows, named: ["\(head).csv"])
  }

  /// What a run did.
  private struct Course {
    var heads: [String?] = []
    var losses: [Double] = []
    var logged: [[String: Double]] = []
    var evaluated: [[String: Double]] = []
    var outcome: TrainingOutcome?

    var summary: TrainingSummary? {
      if case .finished(let summary) = outcome { summary } else { nil }
    }
  }

  private func run(
    _ heads: [HeadTraining], of checkpoint: Checkpoint, in output: URL, stoppingAfter stop: Int? = nil,
    resume: Bool = false, change: (inout TrainingOptions) -> Void = { _ in },
    note: @escaping (TrainingNote) -> Void = { _ in }
  ) throws -> Course {
    var options = TrainingOptions()
    options.epochs = 3
    options.batchSize = 3
    options.learningRate = 1e-3
    options.warmupSteps = 2
    options.weightDecay = 0.1
    options.dropout = 0
    options.shuffles = false
    options.loggingSteps = 8
    options.evalStrategy = .epoch
    options.saveStrategy = .no
    change(&options)
    let control = TrainingControl()
    var course = Course()
    course.outcome = try train(
      checkpoint, heads: heads, options: options, output: output, backend: backend, registry: registry,
      resume: resume, control: control
    ) { event in
      switch event {
      case .step(let report):
        course.heads.append(report.head)
        course.losses.append(report.loss)
        if report.step == stop { control.requestStop() }
      case .logged(let entry): course.logged.append(entry)
      case .evaluated(let entry): course.evaluated.append(entry)
      case .noted(let own): note(own)
      default: break
      }
    }
    return course
  }

  private func both(_ tests: Bool = true) throws -> [HeadTraining] {
    try [Self.topics, Self.tags].map { head in
      try HeadTraining(head, data(head), evaluating: tests ? data(head, "test") : nil)
    }
  }

  // MARK: The truth

  @Test func thereAreGoldens() throws {
    #expect(try Golden.document.get()["runs"]?.array?.isEmpty == false)
  }

  @Test(arguments: Golden.all) func trainsAsPyTorch(_ golden: Golden) throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let course = try run(both(), of: checkpoint(directory), in: output) { $0.headWeights = golden.weights }
      #expect(course.heads == golden.json["turns"]?.array?.map(\.string))
      let losses = (golden.json["losses"]?.array ?? []).compactMap(\.double)
      #expect(course.losses.count == losses.count && losses.count == 24)
      for (index, (mine, theirs)) in zip(course.losses, losses).enumerated() {
        #expect(abs(mine - theirs) <= 1e-5 * theirs, "step \(index + 1): \(mine), not \(theirs)")
      }
      for (head, scores) in golden.json["evaluations"]?.object ?? [:] {
        for (score, value) in scores.object ?? [:] {
          let (value, found) = (
            value.double ?? .nan, course.summary?.evaluation?["eval_\(head)_\(score)"] ?? .nan
          )
          #expect(abs(found - value) <= 1e-5 * value, "\(head) \(score): \(found), not \(value)")
        }
      }
    }
  }

  /// One head alone, given by name, is trained, scored and described as without a name.
  @Test func oneHeadIsTrainedAsAlone() throws {
    try withTemporaryDirectory { directory in
      let checkpoint = try checkpoint(directory)
      let (named, plain) = (directory.appending(path: "named/out"), directory.appending(path: "plain/out"))
      func change(_ options: inout TrainingOptions) {
        (options.dropout, options.shuffles) = (0.1, true)
      }
      let tests = try data(Self.tags, "test")
      let course = try run(
        [HeadTraining(Self.tags, data(Self.tags), evaluating: tests)], of: checkpoint, in: named,
        change: change)
      let alone = try run(
        [HeadTraining(nil, data(Self.tags), evaluating: tests, evaluatingSets: [:])], of: checkpoint,
        in: plain,
        change: change)
      #expect(course.losses == alone.losses && course.losses.count == 9)
      let models = try [named, plain].map { try Data(contentsOf: $0.appending(path: "model.safetensors")) }
      #expect(models[0] == models[1])
      let scores = try #require(course.summary?.evaluation)
      #expect(scores["eval_f1"] != nil && scores["eval_loss"] == alone.summary?.evaluation?["eval_loss"])
      let cards = try [named, plain].map {
        try String(contentsOf: $0.appending(path: "README.md"), encoding: .utf8)
      }
      #expect(cards[0] == cards[1] && cards[0].contains("model-index"), "\(cards[0])")
    }
  }

  /// A step leaves the other head, its moments and its decay alone.
  @Test func aStepMovesItsOwnHeadAlone() throws {
    try withTemporaryDirectory { directory in
      let checkpoint = try checkpoint(directory)
      let topics = try checkpoint.selecting(head: Self.topics).makeModel()
      let tagger = try checkpoint.selecting(head: Self.tags).makeModel(sharing: topics)
      let all = topics.parameters.all + tagger.parameters.all.filter { topics.parameters[$0.name] !== $0 }
      #expect(all.count == Set(all.map(\.name)).count)
      let optimizer = try registry.optimizers.find("adamw").init(
        all, options: OptimizerOptions(weightDecay: 0.5))
      func step(_ model: Model, _ head: String) throws {
        let data = try data(head).dataset(for: model, TrainingOptions())
        let batch = try Batching(model: model, data: data).prepared(
          [data.example(0), data.example(1)], key: RandomKey(seed: 1))
        _ = try TrainingStep(model: model, optimizer: optimizer, maxGradNorm: 1, backend: backend)
          .run([batch], learningRate: 1e-2)
      }
      func values(_ scope: String) -> [[Float]] {
        all.filter { $0.name.hasPrefix(scope) }.map { Array($0.value.buffer) }
      }
      try step(topics, Self.topics)
      let (before, backbone) = (values("sequence_classification"), values("layers"))
      let tagging = values("token_classification")
      #expect(!before.isEmpty && !tagging.isEmpty)
      let moments = optimizer.state.metadata.filter { $0.key.hasPrefix("step.sequence_classification") }
      #expect(moments.values.allSatisfy { $0 == "1" } && !moments.isEmpty)
      try step(tagger, Self.tags)
      try step(tagger, Self.tags)
      #expect(values("sequence_classification") == before)
      #expect(values("layers") != backbone && values("token_classification") != tagging)
      let steps = optimizer.state.metadata
      #expect(steps.filter { $0.key.hasPrefix("step.sequence_classification") } == moments)
      let own = steps.filter { $0.key.hasPrefix("step.token_classification") }
      #expect(own.values.allSatisfy { $0 == "2" } && !own.isEmpty)
    }
  }

  // MARK: What is written

  @Test func writesEachHeadWithItsOwnSettingsAndHistory() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let course = try run(both(), of: checkpoint(directory), in: output) { $0.headWeights = [Self.tags: 3] }
      let written = try registry.open(output).checkpoint
      #expect(written.activeHead?.name == Self.topics && written.parkedHeads.map(\.id) == [Self.tags])
      for (head, steps) in [(Self.topics, 6), (Self.tags, 18)] {
        let selected = try written.selecting(head: head)
        let labels = try registry.open(Support.fixture(head)).checkpoint.configuration.labels()
        #expect(try selected.configuration.labels() == labels)
        let rows = try data(head).rows.count
        guard case .trained(let training) = selected.activeHeads[0].history else {
          Issue.record("\(head) is not trained")
          continue
        }
        #expect(training.data == ["\(head).csv"] && training.examples == rows && training.steps == steps)
        // What is read again is what was evaluated.
        let model = try selected.makeModel()
        let evaluation = try evaluate(
          model, on: data(head, "test").dataset(for: model, TrainingOptions()), backend: backend)
        let last = try #require(course.summary?.evaluation?["eval_\(head)_loss"])
        #expect(abs(evaluation.loss - last) < 1e-6)
      }
      let entries = try #require(
        JSON(file: output.appending(path: "trainer_state.json"))["log_history"]?.array)
      let losses = entries.filter { $0["loss"] != nil }
      #expect(losses.count == 3)
      for entry in losses {
        let parts = [Self.topics, Self.tags].compactMap { entry["\($0)_loss"]?.double }
        let mean = (parts[0] * 2 + parts[1] * 6) / 8
        #expect(abs(mean - (entry["loss"]?.double ?? 0)) < 1e-9)
      }
      let card = try String(contentsOf: output.appending(path: "README.md"), encoding: .utf8)
      #expect(card.contains("| token-classification | token-classification.csv | 8 | 18 |"), "\(card)")
      // Both heads' scores are there, each with its own task.
      for (tag, head) in [("text-classification", Self.topics), ("token-classification", Self.tags)] {
        #expect(
          card.contains("- task:\n      type: \(tag)\n    dataset:\n      name: \(head)\n"), "\(card)")
        #expect(card.contains(try Regex("\n\\| \(head) \\| [0-9.]+ \\| ")), "\(card)")
      }
      let step = try #require(written.lineage.last)
      #expect(step.action == "train" && step.facts["heads"]?.array?.count == 2)
    }
  }

  /// The card of a checkpoint says how many steps each head has had by then, and no score of earlier weights.
  @Test func theCardOfACheckpointIsAboutItsStep() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      _ = try run(both(), of: checkpoint(directory), in: output) {
        $0.headWeights = [Self.tags: 3]
        ($0.saveStrategy, $0.saveSteps, $0.loggingSteps) = (.steps, 5, 1000)
      }
      for (step, own) in [(5, 4), (10, 7)] {
        let card = try String(
          contentsOf: output.appending(path: "checkpoint-\(step)/README.md"), encoding: .utf8)
        #expect(
          card.contains("| token-classification | token-classification.csv | 8 | \(own) | – |"), "\(card)")
      }
    }
  }

  /// A masked-language model beside a classifier.
  @Test func trainsAHeadWithoutLabelsBesideOneWithLabels() throws {
    try withTemporaryDirectory { directory in
      let head = directory.appending(path: "mlm")
      try detachHead(Support.fixture("masked-lm"), registry: registry).write(to: head, registry: registry)
      let checkpoint = try attachHead(Support.fixture(Self.topics), head: head, registry: registry).checkpoint
      let texts = TrainingData(try data(Self.topics).rows.map { TextRow($0.text) }, named: ["texts.txt"])
      let output = directory.appending(path: "out")
      let course = try run(
        [
          HeadTraining(Self.topics, data(Self.topics), evaluating: data(Self.topics, "test")),
          HeadTraining("masked-lm", texts, evaluating: texts),
        ], of: checkpoint, in: output)
      #expect(Set(course.heads) == [Self.topics, "masked-lm"])
      #expect(course.summary?.evaluation?["eval_masked-lm_perplexity"] != nil)
      #expect(course.losses.allSatisfy { $0.isFinite })
      let written = try registry.open(output).checkpoint
      #expect(written.parkedHeads.map(\.id) == ["masked-lm"])
    }
  }

  /// Two heads of one task, of which the second is the active one in the end.
  @Test func trainsTwoHeadsOfOneTask() throws {
    try withTemporaryDirectory { directory in
      let source = directory.appending(path: "two")
      try swapHead(
        Support.fixture(Self.topics), to: Self.topics, labels: ["good", "bad"], registry: registry
      )
      .checkpoint.write(to: source, registry: registry)
      let second = "\(Self.topics).2"
      let opened = try registry.open(source).checkpoint
      #expect(Set(opened.heads.map(\.id)) == [Self.topics, second])
      var moods = try data(Self.topics)
      for index in moods.rows.indices { moods.rows[index].label = .text(index % 2 == 0 ? "good" : "bad") }
      let output = directory.appending(path: "out")
      func heads() throws -> [HeadTraining] {
        try [
          HeadTraining(second, data(Self.topics), evaluating: data(Self.topics, "test")),
          HeadTraining(Self.topics, moods),
        ]
      }
      let course = try run(heads(), of: opened, in: output) {
        ($0.saveStrategy, $0.saveSteps) = (.steps, 4)
      }
      #expect(Set(course.heads) == [second, Self.topics])
      let written = try registry.open(output).checkpoint
      #expect(try written.configuration.labels().count == 4)
      #expect(try written.selecting(head: second).configuration.labels() == ["good", "bad"])
      #expect(written.heads.allSatisfy { if case .trained = $0.history { true } else { false } })
      // Interrupted and resumed.
      let parts = directory.appending(path: "parts")
      _ = try run(heads(), of: opened, in: parts, stoppingAfter: 7) {
        ($0.saveStrategy, $0.saveSteps) = (.steps, 4)
      }
      let rest = try run(heads(), of: opened, in: parts, resume: true) {
        ($0.saveStrategy, $0.saveSteps) = (.steps, 4)
      }
      #expect(course.losses.suffix(rest.losses.count) == rest.losses[...])
    }
  }

  // MARK: Turns

  @Test func turnsAreSharedByWeightsAndFollowFromTheSeed() {
    var options = TrainingOptions()
    options.batchSize = 2
    func plan(_ weights: [Double]? = nil) -> TrainingPlan {
      TrainingPlan(examples: [20, 6, 7], weights: weights, options: options)
    }
    #expect(plan().turns?.steps == [10, 3, 4] && plan().stepsPerEpoch == 17 && plan().totalSteps == 51)
    #expect(plan([1, 1, 1]).turns?.steps == [6, 6, 5])
    #expect(plan([1000, 1, 1]).turns?.steps == [16, 1, 1])
    #expect(plan([1e308, 1e308, 1e308]).turns?.steps == [6, 6, 5])
    #expect(plan([.leastNonzeroMagnitude, 1, 1]).turns?.steps == [1, 8, 8])
    let turns = plan().turns
    let orders = (0..<3).map { turns?.heads(ofEpoch: $0) ?? [] }
    #expect(Set(orders).count == 3 && orders.allSatisfy { $0.sorted() == orders[0].sorted() })
    #expect(turns?.counts(after: 17) == [10, 3, 4])
    let partly = (0..<3).map { head in
      orders[0].count { $0 == head } + orders[1].prefix(5).count { $0 == head }
    }
    #expect(turns?.counts(after: 22) == partly)
    let second = turns?.turns(ofEpoch: 1) ?? []
    #expect(second.map(\.head) == orders[1])
    #expect(second.filter { $0.head == 1 }.map(\.step) == [3, 4, 5])
    options.seed = 43
    #expect(plan().turns?.heads(ofEpoch: 0) != orders[0])
    options.shuffles = false
    #expect(plan([1, 1, 1]).turns?.heads(ofEpoch: 0).prefix(6) == [0, 1, 2, 0, 1, 2])
  }

  /// With dropout, in an order of its own, and with averages and the best model.
  @Test func resumesBitForBit() throws {
    try withTemporaryDirectory { directory in
      let checkpoint = try checkpoint(directory)
      let (whole, parts) = (directory.appending(path: "whole"), directory.appending(path: "parts"))
      func course(_ output: URL, stop: Int? = nil, resume: Bool = false) throws -> Course {
        try run(both(), of: checkpoint, in: output, stoppingAfter: stop, resume: resume) { options in
          options.dropout = 0.1
          options.shuffles = true
          options.emaDecay = 0.9
          options.gradientAccumulationSteps = 2
          options.loggingSteps = 5
          options.saveStrategy = .steps
          options.saveSteps = 4
          options.loadsBestModelAtEnd = true
          options.metricForBestModel = "token-classification_loss"
        }
      }
      _ = try course(whole)
      for (index, stop) in [1, 5, 9].enumerated() {
        let part = try course(parts, stop: stop, resume: index > 0)
        #expect(part.summary == nil)
      }
      #expect(try course(parts, resume: true).summary != nil)
      for file in ["model.safetensors", "heads/token-classification/model.safetensors"] {
        let models = try [whole, parts].map { try Data(contentsOf: $0.appending(path: file)) }
        #expect(models[0] == models[1], "\(file)")
      }
      #expect(try history(whole) == history(parts))
    }
  }

  private func history(_ output: URL) throws -> [[String: JSON]] {
    try #require(JSON(file: output.appending(path: "trainer_state.json"))["log_history"]?.array).map {
      entry in
      (entry.object ?? [:]).reduce(into: [:]) { entries, member in
        if !member.key.hasSuffix("_second"), !member.key.hasSuffix("runtime") {
          entries[member.key] = member.value
        }
      }
    }
  }

  // MARK: Refusals

  private func message(
    _ heads: [HeadTraining], _ change: (inout TrainingOptions) -> Void = { _ in }
  ) throws -> String? {
    try withTemporaryDirectory { directory in
      let checkpoint = try checkpoint(directory)
      do {
        _ = try run(heads, of: checkpoint, in: directory.appending(path: "out"), change: change)
        return nil
      } catch let error as GraftError {
        #expect(!FileManager.default.fileExists(atPath: directory.appending(path: "out").path))
        return error.description
      }
    }
  }

  @Test func refusesWhatMakesNoSense() throws {
    let both = try both()
    let cases: [(String?, String)] = try [
      (message(both + [both[0]]), "the head 'sequence-classification' is given twice"),
      (
        message([both[0], HeadTraining("summarization", data(Self.topics))]),
        "the checkpoint has no head 'summarization'"
      ),
      (message([]), "no head to train"),
      (message(both) { $0.headWeights = ["token-clasification": 1] }, "Did you mean 'token-classification'?"),
      (message(both) { $0.headWeights = [Self.tags: 0] }, "a positive number"),
      (
        message([
          HeadTraining(
            Self.topics, data(Self.topics), evaluating: data(Self.topics, "test"),
            evaluatingSets: ["dev": data(Self.topics, "test")]),
          HeadTraining("\(Self.topics)_dev", data(Self.tags), evaluating: data(Self.tags, "test")),
        ]), "have scores of one name, 'eval_sequence-classification_dev_loss'"
      ),
      (
        message([both[0]]) { $0.headWeights = [Self.topics: 1] },
        "only several heads share the steps of a run"
      ),
      (message(both) { $0.topRanks = [200] }, "numbers from 1 to 3, for 4 labels"),
      (message(both) { $0.thresholdTuning = .global }, "tune-threshold"),
      (message(both) { $0.loadsBestModelAtEnd = true }, "several heads have no score in common"),
      (message(both) { $0.earlyStoppingPatience = 2 }, "several heads have no score in common"),
      (message(both) { $0.classWeights = .given(["Spots": 2]) }, "Did you mean 'Sports'?"),
      (
        message(both) { $0.groupsTexts = true },
        "only texts that a head learns from without labels can be packed"
      ),
      (message(both) { $0.sentenceLoss.loss = .cosent }, "does not learn vectors for texts"),
      (message(both) { $0.metricForBestModel = "accuracy" }, "token-classification_accuracy"),
      (
        message([both[0], HeadTraining(Self.tags, TrainingData([], named: ["none"]))]), "there are no rows"
      ),
    ]
    for (found, expected) in cases {
      #expect(found?.contains(expected) == true, "\(found ?? "no error") does not say: \(expected)")
    }
  }

  /// Settings that make sense for one of the heads hold for that one.
  @Test func settingsHoldForTheHeadsThatHaveThem() throws {
    let found = try [
      message(both()) { $0.longTexts = .windows },
      message(both()) { $0.tagScheme = "IOB2" },
      message(both()) { $0.classWeights = .balanced },
      message(both()) { $0.classWeights = .given(["Sports": 2]) },
      message(both()) { $0.topRanks = [2] },
      message(both(false)) { ($0.evalSplit, $0.evalStrategy) = (0.25, .epoch) },
    ]
    #expect(found == [nil, nil, nil, nil, nil, nil])
  }

  /// Weights by label go to the head that has the label, and count there as in a run of that head alone.
  @Test func classWeightsAreThoseOfTheHeadWithTheLabel() throws {
    try withTemporaryDirectory { directory in
      let checkpoint = try checkpoint(directory)
      let heads = try [Self.topics, Self.tags].map { name -> RunHead in
        let model = try checkpoint.selecting(head: name).makeModel()
        return RunHead(name: name, model: model, data: try data(name).dataset(for: model, TrainingOptions()))
      }
      let tags = try #require(heads[1].model.requireHead().task.classNames)
      func losses(_ weights: [String: Double]) throws -> [[Double]?] {
        var options = TrainingOptions()
        options.classWeights = .given(weights)
        return try options.classLosses(of: heads).map(\.weights)
      }
      #expect(try losses(["Sports": 2]) == [[1, 2, 1, 1], nil])
      #expect(
        try losses(["World": 3, tags[1]: 0.5]) == [[3, 1, 1, 1], tags.indices.map { $0 == 1 ? 0.5 : 1 }])
      // What a run learns from the weighted loss is what it learns alone.
      let weighted = try run(
        [HeadTraining(Self.topics, data(Self.topics)), HeadTraining(Self.tags, data(Self.tags))],
        of: checkpoint, in: directory.appending(path: "both")
      ) {
        ($0.classWeights, $0.headWeights, $0.evalStrategy) = (.given(["Sports": 5]), [Self.topics: 1000], .no)
      }
      let alone = try run(
        [HeadTraining(Self.topics, data(Self.topics))], of: checkpoint, in: directory.appending(path: "alone")
      ) {
        ($0.classWeights, $0.evalStrategy) = (.given(["Sports": 5]), .no)
      }
      #expect(weighted.heads.first == Self.topics && weighted.losses.first == alone.losses.first)
    }
  }

  /// A head whose turn never comes is told of, and the scores of the others have the ranks that were asked for.
  @Test func aHeadWithoutStepsIsToldOf() throws {
    try withTemporaryDirectory { directory in
      var notes: [TrainingNote] = []
      let course = try run(both(), of: checkpoint(directory), in: directory.appending(path: "out")) {
        ($0.maxSteps, $0.topRanks, $0.headWeights) = (1, [2], [Self.topics: 1000])
      } note: {
        notes.append($0)
      }
      #expect(course.heads == [Self.topics])
      #expect(notes.contains(.headWithoutSteps(Self.tags)))
      #expect(course.summary?.evaluation?["eval_\(Self.topics)_top_2_accuracy"] != nil)
      let card = try String(contentsOf: directory.appending(path: "out/README.md"), encoding: .utf8)
      #expect(card.contains("of `sequence-classification.csv`, `token-classification.csv`"), "\(card)")
      let metadata = card.components(separatedBy: "\n---\n")[0]
      #expect(
        metadata.contains("sequence-classification.csv") && metadata.contains("token-classification.csv"))
    }
  }

  @Test func anotherWeightIsAnotherRun() throws {
    try withTemporaryDirectory { directory in
      let (checkpoint, output) = (try checkpoint(directory), directory.appending(path: "out"))
      _ = try run(both(), of: checkpoint, in: output, stoppingAfter: 2)
      #expect(throws: GraftError.self) {
        try run(both(), of: checkpoint, in: output, resume: true) { $0.headWeights = [Self.tags: 2] }
      }
      var other = try both()
      other[1].data.rows.removeLast()
      #expect(throws: GraftError.self) { try run(other, of: checkpoint, in: output, resume: true) }
      #expect(throws: GraftError.self) { try run([other[0]], of: checkpoint, in: output, resume: true) }
      #expect(try run(both(), of: checkpoint, in: output, resume: true).summary != nil)
    }
  }
}
