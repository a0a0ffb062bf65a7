import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

@Suite struct ModelCardTests {
  private let registry: Registry
  private let backend: any ComputeBackend

  init() throws {
    registry = try Support.registry()
    backend = try registry.makeBackend(threads: 2)
  }

  private static let published = """
    ---
    # who may use it
    license: apache-2.0
    language:
    - en
    - de
    pipeline_tag: fill-mask
    datasets:
    - wikipedia
    widget:
      - text: "a: b"
    ---

    # BERT

    ---
    A rule, not metadata: see [the paper](x).

    """

  // MARK: The text

  @Test("settings that a card tells in its own words are settings") func toldSettings() {
    let names = Set(TrainingOptions.settings.map(\.name))
    #expect(ModelCard.told.subtracting(names) == [])
    #expect(ModelCard.unimportant.subtracting(names) == [])
  }

  @Test func whatIsNotChangedKeepsItsSpelling() {
    for text in [
      Self.published, "# Only text\n", "", "---\nno end: 1\n", "---\n- a list\n---\nx", "---\n---\nx\n",
    ] {
      let card = ModelCard(parsing: text)
      #expect(card.text == text || text == "---\n---\nx\n" && card.text == "x\n")
    }
    let card = ModelCard(parsing: Self.published.replacingOccurrences(of: "\n", with: "\r\n"))
    #expect(card["license"] == "license: apache-2.0")
  }

  @Test(arguments: [
    ("tags:\n- exbert\n- fill-mask\n", "tags:\n- exbert"),
    ("tags: [exbert, \"fill-mask\"]\n", "tags: [exbert]"),
    ("tags: fill-mask\n", nil), ("tags:\n- fill-mask\n- sentence-similarity\n", nil),
    ("tags:\n  - text-classification\n  - 'fill-mask'\n", "tags:\n  - text-classification"),
    ("tags:\n- exbert\n", "tags:\n- exbert"), ("tags: [sparse, dense]\n", "tags: [sparse, dense]"),
    (
      "tags:\n- sentence-transformers\n- dense\n- loss:CosineSimilarityLoss\n- dataset_size:32\n- a\n",
      "tags:\n- a"
    ),
  ])
  func tagsOfOtherTasksGo(_ tags: String, _ left: String?) {
    var card = ModelCard(parsing: "---\nlicense: mit\n\(tags)---\n# x\n")
    card.removeOtherTasks(than: "text-classification", ["fill-mask"], library: "transformers")
    #expect(card["tags"] == left)
    #expect(card["license"] == "license: mit")
  }

  @Test func whatIsAboutTheFormerTaskGoes() {
    var card = ModelCard(parsing: Self.published)
    card.removeOtherTasks(than: "fill-mask", [], library: nil)
    #expect(card.text == Self.published)
    card.removeOtherTasks(than: "text-classification", [], library: nil)
    #expect(card["widget"] == nil && card["datasets"] != nil && card["license"] != nil)
  }

  @Test("a section has a place of its own behind the generated part, or before all else, and goes again")
  func sections() {
    var card = ModelCard(parsing: Self.published)
    card.setSection("x", "## One")
    #expect(card.body.hasPrefix("\n<!-- graft: begin x -->\n## One\n<!-- graft: end x -->\n\n# BERT\n"))
    card.setSection("x", "## Two")
    #expect(card.body.hasPrefix("\n<!-- graft: begin x -->\n## Two\n<!-- graft: end x -->\n\n# BERT\n"))
    card.setSection("x", nil)
    #expect(card.body.drop { $0 == "\n" } == ModelCard(parsing: Self.published).body.drop { $0 == "\n" })
    card.setGenerated("# One", rest: "The rest:")
    let without = card.text
    card.setSection("x", "## Two")
    #expect(
      card.body.contains(
        "<!-- graft: end -->\n\n<!-- graft: begin x -->\n## Two\n<!-- graft: end x -->\n\nThe rest:"))
    card.setSection("x", nil)
    #expect(card.text == without)
  }

  @Test("a classifier that was trained on a folder of sentence-transformers is none of that library")
  func sentenceTransformers() throws {
    try withTemporaryDirectory { directory in
      let (swapped, output) = (directory.appending(path: "swapped"), directory.appending(path: "out"))
      var checkpoint = try registry.open(fixtures.appending(path: "sentences/current")).checkpoint
      let text = """
        ---
        license: mit
        library_name: sentence-transformers
        pipeline_tag: sentence-similarity
        base_model_relation: finetune
        tags:
        - sentence-transformers
        - sentence-similarity
        - feature-extraction
        - mine
        ---
        # x
        """
      checkpoint.card = ModelCard(parsing: text)
      let same = directory.appending(path: "same")
      try checkpoint.write(to: same, registry: registry)
      #expect(try card(same) == text)
      try swapHead(
        same, to: "sequence-classification", labels: ["a", "b"], registry: registry
      ).checkpoint.write(to: swapped, registry: registry)
      var options = TrainingOptions()
      options.maxSteps = 1
      let rows = (0..<6).map { TextRow(["a b", "c d e"][$0 % 2], label: .text(["a", "b"][$0 % 2])) }
      _ = try train(
        registry.open(swapped).checkpoint, on: TrainingData(rows, named: ["train.csv"]), options: options,
        output: output, backend: backend, registry: registry)
      for url in [swapped, output] {
        let text = try card(url)
        #expect(text.contains("tags:\n- mine\n") && text.contains("pipeline_tag: text-classification"))
        #expect(text.contains("library_name: transformers"))
        #expect(!text.contains("sentence") && text.contains("license: mit"), "\(text)")
      }
      #expect(!(try card(output)).contains("base_model_relation"))
    }
  }

  @Test func keysAreReplacedWhole() {
    var card = ModelCard(parsing: Self.published)
    #expect(card["language"] == "language:\n- en\n- de")
    card["language"] = "language: fr\n"
    card["datasets"] = nil
    card["metrics"] = "metrics:\n- accuracy\n"
    #expect(
      card.text.hasPrefix(
        """
        ---
        # who may use it
        license: apache-2.0
        language: fr
        pipeline_tag: fill-mask
        widget:
          - text: "a: b"
        metrics:
        - accuracy
        ---

        # BERT
        """))
  }

  @Test(
    "scores of a search are on the card whatever similarity the folder has",
    arguments: ["cosine", "dot", "manhattan"])
  func searches(_ name: String) {
    let facts = TrainingFacts(
      name: "m", options: TrainingOptions(), step: 2, examples: 3,
      evaluations: [.init(name: nil, rows: 2, files: ["a.csv"])],
      maximumLength: 4,
      history: [
        ["step": 2, "eval_loss": 1, "eval_\(name)_ndcg@10": 0.5, "eval_\(name)_mrr@10": 0.25, "epoch": 1]
      ], backend: "reference", precision: .float32)
    #expect(facts.scores.map(\.type) == ["ndcg@10", "mrr@10", "loss"])
    #expect(facts.scores.map(\.value) == [0.5, 0.25, 1])
  }

  @Test("metrics are named once, and widths as their option has them") func metricsAndWidths() throws {
    try withTemporaryDirectory { directory in
      let checkpoint = try registry.open(Support.fixture("token-classification")).checkpoint
      let labels = try checkpoint.configuration.labels()
      let row = TextRow("he can", label: .list([labels[0], labels[1]]))
      let text = try trained("token-classification", in: directory.appending(path: "a"), on: [row, row]) {
        $0.maxSteps = 1
      }
      #expect(text.contains("\nmetrics: [f1, precision, recall, accuracy, loss]\n"), "\(text)")
      #expect(text.contains("| Loss | Accuracy | F1 | Macro F1 |"), "\(text)")
    }
    var facts = TrainingFacts(
      name: "m", options: TrainingOptions(), step: 1, examples: 1, evaluations: [], maximumLength: 4,
      history: [], backend: "reference", precision: .float32)
    facts.options.sentenceLoss.widths = MatryoshkaWidths(text: "128,32=0.5")
    let checkpoint = try registry.open(Support.fixture("masked-lm")).checkpoint
    let rows = try ModelCard.settings(checkpoint, facts).rows
    #expect(rows.contains(["matryoshka", "128, 32=0.5"]), "\(rows)")
  }

  @Test func theGeneratedPartReplacesItself() {
    var card = ModelCard(parsing: Self.published)
    card.setGenerated("# One", rest: "The rest:")
    let first = card.text
    #expect(first.contains("<!-- graft: begin -->\n# One\n<!-- graft: end -->\n\nThe rest:\n\n# BERT\n"))
    card.setGenerated("# Two", rest: "Nobody reads this")
    #expect(card.text == first.replacingOccurrences(of: "# One", with: "# Two"))
  }

  // MARK: Where it is written

  /// A checkpoint with a published card.
  private func withModel(_ fixture: String, _ body: (_ model: URL, _ directory: URL) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      try FileManager.default.copyItem(at: Support.fixture(fixture), to: model)
      try Data(Self.published.utf8).write(to: model.appending(path: "README.md"))
      try body(model, directory)
    }
  }

  private func card(_ directory: URL) throws -> String {
    try String(contentsOf: directory.appending(path: "README.md"), encoding: .utf8)
  }

  @Test func cardsGoWhereTheCheckpointGoes() throws {
    try withModel("masked-lm") { model, directory in
      let imported = directory.appending(path: "imported")
      try importModel(model, to: imported, registry: registry)
      #expect(try card(imported) == Self.published)

      let swapped = directory.appending(path: "swapped")
      try swapHead(imported, to: "sequence-classification", labels: ["a", "b"], registry: registry)
        .checkpoint.write(to: swapped, registry: registry)
      #expect(
        try card(swapped)
          == Self.published.replacingOccurrences(of: "fill-mask", with: "text-classification")
          .replacingOccurrences(of: "widget:\n  - text: \"a: b\"\n", with: ""))

      let exported = directory.appending(path: "exported")
      try exportModel(imported, to: exported, options: OutputOptions(), registry: registry)
      #expect(
        try card(exported)
          == Self.published.replacingOccurrences(
            of: "  - text: \"a: b\"\n", with: "  - text: \"a: b\"\nlibrary_name: transformers\n"))
    }
  }

  @Test func anExportWithoutACardGetsAShortOne() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      try exportModel(
        Support.fixture("sequence-classification"), to: output, options: OutputOptions(), registry: registry)
      let text = try card(output)
      #expect(
        text.hasPrefix(
          """
          ---
          library_name: transformers
          pipeline_tag: text-classification
          ---

          <!-- graft: begin -->
          # out

          This is a model of the class `BertForSequenceClassification` with
          """), "\(text)")
    }
  }

  @Test func aTrainedModelSaysHowItWasTrained() throws {
    try withModel("sequence-classification") { model, directory in
      let output = directory.appending(path: "news")
      var options = TrainingOptions()
      options.epochs = 2
      options.warmupRatio = 0.1
      options.classWeights = .balanced
      options.evalStrategy = .epoch
      options.saveStrategy = .epoch
      let rows = (0..<6).map { TextRow(["a b", "c d e"][$0 % 2], label: .text(String($0 % 2))) }
      let outcome = try train(
        registry.open(model).checkpoint, on: TrainingData(rows, named: ["/home/me/train|1.csv"]),
        evaluating: TrainingData(rows, named: ["test.csv"]), options: options, output: output,
        backend: backend, registry: registry)
      guard case .finished(let summary) = outcome else { throw GraftError(.system, "\(outcome)") }
      let text = try card(output)
      let accuracy = try #require(summary.evaluation?["eval_accuracy"]).rounded(digits: 4)
      for part in [
        "license: apache-2.0\n", "language:\n- en\n- de\n", "pipeline_tag: text-classification\n",
        "datasets: [\"train|1.csv\"]\n", "library_name: transformers\n",
        "metrics: [accuracy, f1, precision, recall, loss]\n",
        "model-index:\n- name: news\n  results:\n  - task:\n      type: text-classification\n    dataset:\n      name: test.csv\n",
        "    - type: accuracy\n      name: Accuracy\n      value: \(accuracy)\n",
        "# news\n\nThis is a model of the class `BertForSequenceClassification` with ",
        " parameters, for the labels `World`, `Sports`, ",
        " It was trained by Graft from `model` on 6 rows of `train|1.csv`, and has accuracy",
        "| learning rate | 5e-05 |", "| schedule | linear, a share of 0.1 of the steps for warm-up |",
        "| class weights | balanced |", "| 2 | 2 | ", "# BERT",
      ] {
        #expect(text.contains(part), "no \(part) in \(text)")
      }
      #expect(!text.contains("/home/me") && !text.contains("wikipedia"))
      // The name of a directory is no model's.
      #expect(!text.contains("base_model"))
      #expect(try card(output.appending(path: "checkpoint-2")) == text)
      #expect(!(try card(output.appending(path: "checkpoint-1"))).contains("| 2 | 2 | "))
    }
  }

  @Test("the card has the scores of each set that a run evaluates on") func severalSets() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "news")
      var options = TrainingOptions()
      (options.maxSteps, options.evalStrategy, options.evalSteps) = (2, .steps, 1)
      let rows = (0..<6).map { TextRow(["he can", "it is so"][$0 % 2], label: .text(String($0 % 2))) }
      let outcome = try train(
        registry.open(Support.fixture("sequence-classification")).checkpoint,
        on: TrainingData(rows, named: ["rows.csv"]),
        evaluatingSets: [
          "dev": TrainingData(Array(rows.prefix(5)), named: ["/home/me/dev.csv"]),
          "test|1": TrainingData(Array(rows.suffix(2)), named: ["/home/me/test.csv"]),
        ], options: options, output: output, backend: backend, registry: registry)
      guard case .finished(let summary) = outcome else { throw GraftError(.system, "\(outcome)") }
      let text = try card(output)
      func score(_ key: String) throws -> Double {
        try #require(summary.evaluation?[key], "\(summary.evaluation ?? [:])").rounded(digits: 4)
      }
      let (dev, test) = (try score("eval_dev_accuracy"), try score("eval_test|1_accuracy"))
      for part in [
        "metrics: [accuracy, f1, precision, recall, loss]\n",
        "    dataset:\n      name: dev\n      type: dev.csv\n    metrics:\n    - type: accuracy\n      name: Accuracy\n      value: \(dev)\n",
        "    dataset:\n      name: \"test|1\"\n      type: test.csv\n    metrics:\n    - type: accuracy\n      name: Accuracy\n      value: \(test)\n",
        "on 6 rows of `rows.csv`, and has accuracy \(dev) on 5 rows of `dev.csv` (dev) and accuracy \(test) on 2 rows of `test.csv` (test\\|1).",
        "## Evaluations\n\n| Set | Epoch | Step | Loss | Accuracy |", "\n| dev | 1 | 1 |",
        "\n| test\\|1 | 2 | 2 |",
      ] {
        #expect(text.contains(part), "no \(part) in \(text)")
      }
      #expect(!text.contains("/home/me"))
    }
  }

  @Test("the card of a mean of checkpoints has its evaluation once, and says that it is a mean")
  func mean() throws {
    let rows = (0..<8).map { TextRow(["he can do it so", "they can"][$0 % 2], label: .text("\($0 % 2)")) }
    try withTemporaryDirectory { directory in
      let text = try trained("sequence-classification", in: directory.appending(path: "a"), on: rows) {
        ($0.saveStrategy, $0.saveSteps, $0.averageLast, $0.learningRate) = (.steps, 1, 3, 1e-3)
      }
      let state = try JSON(file: directory.appending(path: "a/trainer_state.json"))
      let losses = try #require(state["log_history"]?.array).compactMap { $0["eval_loss"]?.double }
      #expect(losses.count == 5)
      #expect(
        text.contains(
          "The weights are the mean of those of steps 2, 3 and 4, whose evaluation is the last.\n\n"),
        "\(text)")
      #expect(text.contains("| mean | \(NumberText.number(losses[4])) |"), "\(text)")
      #expect(text.contains("| 4 | \(NumberText.number(losses[3])) |"), "\(text)")
    }
  }

  /// Trains a fixture and returns its card.
  private func trained(
    _ fixture: String, in directory: URL, on rows: [TextRow], _ change: (inout TrainingOptions) -> Void
  ) throws -> String {
    var options = TrainingOptions()
    (options.maxSteps, options.batchSize, options.evalStrategy, options.evalSteps) = (4, 4, .steps, 1)
    change(&options)
    let data = TrainingData(rows, named: ["rows.csv"])
    _ = try train(
      registry.open(Support.fixture(fixture)).checkpoint, on: data, evaluating: data, options: options,
      output: directory, backend: backend, registry: registry)
    return try card(directory)
  }

  @Test("the card has every option that changes what is learnt, and the length that is read")
  func options() throws {
    let rows = (0..<8).map { TextRow(["he can do it so", "they can"][$0 % 2], label: .text("\($0 % 2)")) }
    try withTemporaryDirectory { directory in
      let plain = try trained(
        "sequence-classification", in: directory.appending(path: "a"), on: rows
      ) { $0.evalSteps = 2 }
      let limit = try registry.open(Support.fixture("sequence-classification")).checkpoint.makeBackbone()
        .maximumLength
      #expect(limit < 512 && plain.contains("| longest text | \(limit) tokens |\n"), "\(plain)")
      #expect(
        plain.contains("| computed by | \(type(of: backend).name), float32 |\n\n## Evaluations"), "\(plain)")
      let text = try trained("sequence-classification", in: directory.appending(path: "b"), on: rows) {
        $0.maxLength = 6
        $0.labelSmoothingFactor = 0.1
        $0.focalGamma = 2
        $0.headLearningRate = 1e-3
        $0.layerDecay = 0.8
        $0.emaDecay = 0.9
        $0.longTexts = .windows
        $0.stride = 1
        $0.shuffles = false
        $0.earlyStoppingPatience = 9
        $0.metricForBestModel = "f1_macro"
      }
      for row in [
        "longest text | 6 tokens", "label smoothing factor | 0.1", "focal gamma | 2",
        "head learning rate | 0.001", "layer decay | 0.8", "ema decay | 0.9", "long texts | windows",
        "stride | 1", "no shuffle | yes", "early stopping patience | 9",
        "metric for best model | f1\\_macro",
      ] {
        #expect(text.contains("\n| \(row) |\n"), "no \(row) in \(text)")
      }
      let ends = try trained("sequence-classification", in: directory.appending(path: "c"), on: rows) {
        $0.longTexts = .headTail
      }
      #expect(ends.contains("| long texts | their start and their end |"))
    }
  }

  @Test("evaluations after the best are told, and whose weights the model has")
  func theBestIsNotTheLast() throws {
    let rows = (0..<8).map { TextRow(["he can do it so", "they can"][$0 % 2], label: .text("\($0 % 2)")) }
    try withTemporaryDirectory { directory in
      let text = try trained("sequence-classification", in: directory.appending(path: "a"), on: rows) {
        // The loss falls, so that the first evaluations have the most of it.
        ($0.learningRate, $0.schedule, $0.loadsBestModelAtEnd) = (1e-3, .constant, true)
        ($0.metricForBestModel, $0.greaterIsBetter) = ("loss", true)
      }
      let state = try JSON(file: directory.appending(path: "a/trainer_state.json"))
      let losses = try #require(state["log_history"]?.array).compactMap { entry in
        entry["eval_loss"]?.double
      }
      let best = try #require(losses.indices.max { losses[$0] < losses[$1] }) + 1
      #expect(losses.count == 4 && best < 4)
      #expect(
        text.contains(
          "## Evaluations\n\nThe weights are those of step \(best), whose evaluation was the best.\n"))
      #expect(text.contains("| 4 | \(NumberText.number(losses[3])) |"), "\(text)")
      let last = try trained("sequence-classification", in: directory.appending(path: "b"), on: rows) {
        $0.learningRate = 3
      }
      #expect(!last.contains("The weights are those"))
    }
  }

  @Test("the card says by which thresholds the model decides, and that its scores are those before")
  func thresholds() throws {
    let labels = try registry.open(Support.fixture("multi-label")).checkpoint.configuration.labels()
    let rows = (0..<12).map {
      TextRow(
        "a \($0 % 5) b \($0 % 3) c",
        label: .list([[labels[0]], [labels[1], labels[2]], [labels[1]]][$0 % 3]))
    }
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "a")
      let text = try trained("multi-label", in: output, on: rows) { $0.thresholdTuning = .label }
      let kept = try #require(registry.open(output).checkpoint.configuration["decision_threshold"]?.array)
      let told = zip(labels, kept.compactMap(\.double)).map {
        "`\($0)` \(NumberText.trimmed($1.rounded(digits: 4)))"
      }
      #expect(
        text.contains(
          "\n\nThe model decides by `decision_threshold` in `config.json`: \(told.joined(separator: ", ")). This was chosen on "
            + "the data that it is evaluated on; the scores here are those before.\n"), "\(text)")
      #expect(
        !(try trained("multi-label", in: directory.appending(path: "b"), on: rows) { _ in }).contains(
          "decides by"))
    }
  }

  @Test(
    "training takes out what a card says of weights of eight bits, and a swap the scores of the other head")
  func quantizedWeights() throws {
    try withTemporaryDirectory { directory in
      let (model, swapped, same) = (
        directory.appending(path: "model"), directory.appending(path: "swapped"),
        directory.appending(path: "same")
      )
      let rows = (0..<8).map { TextRow(["he can do it so", "they can"][$0 % 2], label: .text("\($0 % 2)")) }
      _ = try quantizeModel(
        Support.fixture("sequence-classification"), to: model, registry: registry,
        measuring: { try quantizationCost(of: $0, $1, on: rows, backend) })
      let text = try card(model)
      let sections = try #require(text.range(of: "## Weights of eight bits"))
      #expect(
        text[sections.upperBound...].contains("on 8 texts accuracy is") && text.contains("| accuracy |"))
      try swapHead(model, to: "masked-lm", registry: registry).checkpoint.write(
        to: swapped, registry: registry)
      #expect(try card(swapped).contains("12 linear layers of the encoder"))
      #expect(try !card(swapped).contains("accuracy"))
      try swapHead(model, to: "sequence-classification", registry: registry).checkpoint.write(
        to: same, registry: registry)
      #expect(try card(same).contains("on 8 texts accuracy is"))
      var options = TrainingOptions()
      options.maxSteps = 1
      let output = directory.appending(path: "trained")
      _ = try train(
        registry.open(model).checkpoint, on: TrainingData(rows, named: ["rows.csv"]), options: options,
        output: output, backend: backend, registry: registry)
      #expect(try registry.open(output).checkpoint.quantizedCount == 0)
      #expect(try !card(output).contains("eight bits") && !card(output).contains("accuracy"))
    }
  }

  @Test(
    "an export says what other tools do not know of: windows, ends of texts, thresholds",
    arguments: [
      (
        LongTexts.windows,
        "long texts are read in windows; other tools cut their end off, and answer otherwise"
      ),
      (
        .headTail,
        "the start and the end of a long text are read; other tools cut its end off, and answer otherwise"
      ),
    ])
  func otherTools(_ longTexts: LongTexts, _ note: String) throws {
    let thresholds =
      "labels are given by the thresholds under 'decision_threshold' in config.json; other tools have one half for all"
    try withTemporaryDirectory { directory in
      let (model, output) = (directory.appending(path: "model"), directory.appending(path: "out"))
      var checkpoint = try registry.open(Support.fixture("multi-label")).checkpoint
      try checkpoint.setLongTexts(longTexts)
      try checkpoint.setThresholds([0.3])
      try checkpoint.write(to: model, registry: registry)
      let report = try exportModel(model, to: output, options: OutputOptions(), registry: registry)
      #expect(report.notes.suffix(2) == [note, thresholds])
      #expect(try card(output).contains("## In other tools\n\n- \(note)\n- \(thresholds)\n"))
      let file = try exportModel(
        model, to: directory.appending(path: "m.onnx"), options: OutputOptions(format: "onnx"),
        registry: registry)
      #expect(file.notes.contains(note) && file.notes.contains(thresholds))
      // What is no longer so is no longer said.
      var back = try registry.open(output).checkpoint
      try back.setLongTexts(.truncate)
      try back.setThresholds([0.5])
      let (plain, again) = (directory.appending(path: "plain"), directory.appending(path: "again"))
      try back.write(to: plain, registry: registry)
      let other = try exportModel(plain, to: again, options: OutputOptions(), registry: registry)
      #expect(!other.notes.contains { $0.contains("other tools") })
      #expect(try !card(again).contains("In other tools"))
    }
  }

  @Test func labelsAreWhole() throws {
    try withTemporaryDirectory { directory in
      let (swapped, output) = (directory.appending(path: "swapped"), directory.appending(path: "out"))
      try swapHead(
        Support.fixture("masked-lm"), to: "sequence-classification", labels: ["Sci/Tech", "I/O"],
        registry: registry
      ).checkpoint.write(to: swapped, registry: registry)
      try exportModel(swapped, to: output, options: OutputOptions(), registry: registry)
      #expect(try card(output).contains(" for the labels `Sci/Tech`, `I/O`."))
    }
  }

  @Test(arguments: [
    ("acme/tiny-bert", true), ("q3", false), ("/models/q3", false), ("./q3", false), ("models/a/b", false),
  ])
  func theBaseModelIsARepository(name: String, isRepository: Bool) throws {
    try withTemporaryDirectory { directory in
      let (model, output) = (directory.appending(path: "model"), directory.appending(path: "out"))
      try FileManager.default.copyItem(at: Support.fixture("masked-lm"), to: model)
      let file = model.appending(path: "config.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      try Data("{\"_name_or_path\": \"\(name)\", \(text.drop { $0 != "{" }.dropFirst())".utf8).write(to: file)
      try exportModel(model, to: output, options: OutputOptions(), registry: registry)
      #expect(try card(output).contains("base_model: \(name)\n") == isRepository)
      #expect(try card(output).contains("base_model") == isRepository)
    }
  }

  @Test func whatCannotBeReadIsLeftOutAndSaid() throws {
    try withModel("masked-lm") { model, directory in
      let file = model.appending(path: "README.md")
      if FileManager.default.fileExists(atPath: file.path) { try FileManager.default.removeItem(at: file) }
      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
      let folder = try importModel(model, to: directory.appending(path: "folder"), registry: registry)
      #expect(folder.notes.contains { $0.hasPrefix("README.md is left out: ") && !$0.contains("UTF-8") })
      try FileManager.default.removeItem(at: file)
      try Data(repeating: 0x61, count: 1 << 21).write(to: file)
      let large = try importModel(model, to: directory.appending(path: "large"), registry: registry)
      let note = try #require(large.notes.first { $0.hasPrefix("README.md is left out") })
      #expect(
        note.hasPrefix("README.md is left out: too large for a file of its kind; expected at most ")
          && note.hasSuffix(" bytes, found 2097152"))
    }
  }

  @Test func whatIsNoTextIsLeftOutAndSaid() throws {
    try withModel("masked-lm") { model, directory in
      try Data([0xFF, 0xFE, 0]).write(to: model.appending(path: "README.md"))
      let report = try importModel(model, to: directory.appending(path: "out"), registry: registry)
      #expect(report.notes.contains("README.md is left out: not text in UTF-8"))
      #expect(!FileManager.default.fileExists(atPath: directory.appending(path: "out/README.md").path))
    }
  }
}
