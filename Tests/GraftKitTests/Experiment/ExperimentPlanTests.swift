import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

@Suite struct ExperimentPlanTests {
  /// A plan over a tiny masked-language model and a few labelled rows.
  private func plan(
    _ text: String, in directory: URL, rows: String = Self.rows, test: String = Self.rows,
    base: String = "masked-lm", options: String = ""
  ) throws -> ExperimentPlan {
    try Data(rows.utf8).write(to: directory.appending(path: "train.csv"))
    try Data(test.utf8).write(to: directory.appending(path: "test.csv"))
    let registry = try Support.registry()
    let experiment = try Experiment(
      parsing: Array(
        """
        base: \(Support.fixture(base).path)
        data:
          train: {files: train.csv\(options)}
          test: {files: test.csv}
        \(text)
        """.utf8), relativeTo: directory, registry: registry)
    return try ExperimentPlan(experiment, on: Self.machine(registry), registry: registry)
  }

  static func machine(_ registry: Registry) -> ExperimentMachine {
    ExperimentMachine { try registry.makeBackend("reference", threads: 1, precision: $0) }
  }

  /// A backend on a CPU without bfloat16.
  private struct PlainBackend: ComputeBackend {
    static let name = "plain"
    let threads = ThreadPool(count: 1)
    let kernels: any Kernels = PlainKernels()

    init() {}
    init(threads: Int) throws {}

    func gemm(
      _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
      to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
    ) {
      preconditionFailure("nothing is computed")
    }
  }

  private struct PlainKernels: Kernels {
    func panels(for precision: WeightPrecision) -> (any PanelKernels)? { nil }
  }

  @Test("a precision that the CPU lacks is found before anything is computed") func precision() throws {
    try withTemporaryDirectory { directory in
      try Data(Self.rows.utf8).write(to: directory.appending(path: "rows.csv"))
      let text = """
        base: \(Support.fixture("sequence-classification").path)
        data: {test: {files: rows.csv, label-column: text}}
        stages: {test: {evaluate: test, precision: bfloat16}}
        arms: {one: [test]}
        """
      let experiment = try Experiment(
        parsing: Array(text.utf8), relativeTo: directory, registry: Support.registry())
      let error = #expect(throws: GraftError.self) {
        try ExperimentPlan(
          experiment, on: ExperimentMachine { _ in PlainBackend() }, registry: Support.registry())
      }
      let message = error.map { "\($0)" } ?? ""
      #expect(
        message.contains("this CPU has no instructions for bfloat16") && message.contains("'test'"),
        "\(message)")
    }
  }

  static let rows = "text,label\n" + (0..<16).map { "a small text \($0),\(["a", "b"][$0 % 2])\n" }.joined()

  static let stages = """
    stages:
      adapt: {train: train, epochs: 1, seed: 5, save-steps: 1, use: checkpoint-1}
      head: {swap: sequence-classification, labels: [a, b]}
      tune: {train: train, epochs: 1}
      test: {evaluate: test}
    """

  static let twoArms =
    stages + "\nseeds: [1, 2]\narms: {direct: [head, tune, test], adapted: [adapt, head, tune, test]}"

  /// The labels of a head may be those of a data set, which also says what they are.
  @Test func labelsComeFromData() throws {
    try withTemporaryDirectory { directory in
      func swap(_ options: String, rows: String = Self.rows, with more: String = "") throws -> Experiment
        .Swap?
      {
        let text = """
          stages:
            head: {swap: sequence-classification, labels-from: train\(more)}
            tune: {train: train, epochs: 1}
          arms: {a: [head, tune]}
          """
        let plan = try plan(text, in: directory, rows: rows, test: rows, options: options)
        guard case .swap(let swap)? = plan.stages.first?.task else { return nil }
        return swap
      }
      let one = try #require(try swap(""))
      #expect(one.labels == ["a", "b"] && one.problemType == .singleLabel)
      let several = "text,x,y\n" + (0..<8).map { "a text \($0),\($0 % 2),1\n" }.joined()
      let both = try #require(try swap(", label-column: [x, y]", rows: several))
      #expect(both.labels == ["x", "y"] && both.problemType == .multiLabel)
      let values = "text,label\n" + (0..<8).map { "a text \($0),\(Double($0) / 3)\n" }.joined()
      #expect(try swap("", rows: values)?.problemType == .regression)
      let wrong = errorMessage { _ = try swap("", rows: "text,label\na,b\nc,b\n") }
      #expect(
        wrong?.contains("stage 'head'") == true
          && wrong?.contains("the labels are not clearly classes") == true)
      #expect(wrong?.contains("Check 'label-column' of the data set 'train', or give 'labels'") == true)
      #expect(
        errorMessage { _ = try swap("", with: ", labels: [a]") }?.contains(
          "'labels-from' has to be left out where there are 'labels' or 'num-labels'") == true)
    }
  }

  /// Rows that are skipped and rows that are taken are two data sets of one file.
  @Test func skippedRowsAreNotRead() throws {
    try withTemporaryDirectory { directory in
      let plan = try plan(Self.twoArms, in: directory, options: ", shuffle-seed: 1, skip: 6")
      #expect(plan.data["train"]?.rows == 10)
      #expect(
        errorMessage { _ = try self.plan(Self.twoArms, in: directory, options: ", skip: -1") }?.contains(
          "'skip' has to be 0 or more") == true)
    }
  }

  @Test func sharedStagesAreDoneOnce() throws {
    try withTemporaryDirectory { directory in
      let plan = try plan(Self.twoArms, in: directory)
      // Two arms, two seeds, three stages each; the adaptation has a seed of its own.
      #expect(plan.stages.count == 13)
      #expect(plan.stages.count { $0.name == "adapt" } == 1)
      let adapted = plan.arms[1].runs.map { $0.stages[0].index }
      #expect(adapted[0] == adapted[1])
      #expect(plan.arms[1].runs[0].stages.map(\.name) == ["adapt", "head", "tune", "test"])
      // The same arm under another name adds nothing.
      let more = Self.twoArms.replacing("arms: {", with: "arms: {again: [head, tune, test], ")
      #expect(try self.plan(more, in: directory).stages.count == 13)
    }
  }

  @Test func keysFollowFromAllThatDecides() throws {
    try withTemporaryDirectory { directory in
      func keys(
        _ text: String, rows: String = Self.rows, base: String = "masked-lm", options: String = ""
      ) throws -> [String: String] {
        let plan = try plan(text, in: directory, rows: rows, base: base, options: options)
        return plan.arms.flatMap { arm in
          arm.runs.flatMap { run in run.stages.map { (arm.name, run.seed, $0) } }
        }
        .reduce(into: [:]) { $0["\($1.0) \($1.1) \($1.2.name)"] = plan.stages[$1.2.index].key }
      }
      let before = try keys(Self.twoArms)
      #expect(try keys(Self.twoArms) == before)
      func changed(_ after: [String: String]) -> Set<String> {
        Set(before.keys.filter { before[$0] != after[$0] })
      }
      // How often a run saves decides nothing.
      #expect(
        changed(
          try keys(
            Self.twoArms.replacing("tune: {train: train, ", with: "tune: {train: train, save-steps: 3, "))
        ).isEmpty)
      #expect(
        changed(try keys(Self.twoArms.replacing("seed: 5", with: "seed: 6")))
          == Set(before.keys.filter { $0.hasPrefix("adapted") }))
      #expect(
        changed(try keys(Self.twoArms.replacing("use: checkpoint-1", with: "use: checkpoint-2")))
          == Set(before.keys.filter { $0.hasPrefix("adapted") && !$0.hasSuffix("adapt") }))
      #expect(
        changed(
          try keys(
            Self.twoArms.replacing("tune: {train: train, epochs: 1", with: "tune: {train: train, epochs: 2")))
          == Set(before.keys.filter { $0.hasSuffix("tune") || $0.hasSuffix("test") }))
      #expect(
        changed(try keys(Self.twoArms, rows: Self.rows.replacing("text 3", with: "text three")))
          == Set(before.keys.filter { !($0.hasPrefix("direct") && $0.hasSuffix("head")) }))
      #expect(changed(try keys(Self.twoArms, base: "untied-decoder")) == Set(before.keys))
      // The number of the first label decides what labels mean, to heads that learn labels.
      let numbers = Self.rows.replacing(",a\n", with: ",0\n").replacing(",b\n", with: ",1\n")
      let (plain, counted) = (
        try keys(Self.twoArms, rows: numbers),
        try keys(Self.twoArms, rows: numbers, options: ", label-base: 0")
      )
      #expect(
        Set(plain.keys.filter { plain[$0] != counted[$0] })
          == Set(plain.keys.filter { $0.hasSuffix("tune") || $0.hasSuffix("test") }))
      let three = Self.stages.replacing("[a, b]", with: "[a, b, c]") + "\narms: {direct: [head, tune]}"
      let rows = Self.rows.replacing(",a\n", with: ",1\n").replacing(",b\n", with: ",2\n")
      #expect(
        try keys(three, rows: rows, options: ", label-base: 0")
          != keys(three, rows: rows, options: ", label-base: 1"))
    }
  }

  /// A generator decides by what it is, not by where it is.
  @Test func keysFollowFromGenerators() throws {
    try withTemporaryDirectory { directory in
      let files = FileManager.default
      let folder = Support.fixture("../electra-tiny")
      func keys(_ generator: String, at name: String) throws -> [String] {
        let path = directory.appending(path: name)
        try? files.removeItem(at: path)
        try files.copyItem(at: folder.appending(path: generator), to: path)
        let plan = try plan(
          """
          stages:
            tune: {train: train, epochs: 1, generator: \(name)}
            test: {evaluate: test, generator: \(name)}
          arms: {one: [tune, test]}
          """, in: directory, base: "../electra-tiny/replaced-token-detection")
        return plan.stages.map(\.key)
      }
      let before = try keys("masked-lm", at: "one")
      #expect(try keys("masked-lm", at: "another") == before)
      let after = try keys("untied-decoder", at: "one")
      #expect(zip(before, after).allSatisfy { $0 != $1 })
    }
  }

  struct Problem: Sendable, CustomTestStringConvertible {
    let yaml: String
    var base = "masked-lm"
    var rows = ExperimentPlanTests.rows
    var test = ExperimentPlanTests.rows
    let message: String
    var testDescription: String { message }
  }

  static let problems = [
    Problem(
      yaml: stages + "\narms: {a: [tune]}", base: "base",
      message: "arm 'a', stage 'tune': the model has no head here. Put a stage 'swap: NAME' before this one."),
    Problem(
      yaml: stages + "\narms: {a: [head, tune, test]}", test: "text,label\nx,a\ny,c\n",
      message: "row 3 of "),
    Problem(
      yaml: stages + "\narms: {a: [head, tune, test]}", test: "text,label\nx,a\ny,c\n",
      message: "found 'c'. Check the data set's columns and 'label-base', or 'labels' of the stage "),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, pseudo-perplexity: true}")
        + "\narms: {a: [head, tune, test]}",
      message: "arm 'a', stage 'test': the head 'sequence-classification' predicts no tokens, "),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, group-texts: true}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test': the head 'sequence-classification' predicts no tokens, which group-texts is about"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, class-weights: {a: 2, Bb: 3}")
        .replacing("[a, b]", with: "[a, bb]") + "\narms: {a: [head, tune]}",
      rows: rows.replacing(",b\n", with: ",bb\n"),
      message:
        "arm 'a', stage 'tune', 'class-weights': there is no label 'Bb'; expected labels of the head: a, bb. Weights go by the names of labels. Did you mean 'bb'?"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, class-weights: balanced")
        .replacing("labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune]}",
      message:
        "stage 'tune', 'class-weights': the head 'sequence-classification' does not choose one of its labels."
    ),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, threshold: 0.3}")
        + "\narms: {a: [head, tune, test]}",
      message: "arm 'a', stage 'test': only a head that gives several labels has thresholds"),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, threshold: [0.3, 0.4, 0.5]}")
        .replacing("labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test': wrong number of thresholds; expected one, or one for each of 2 labels, found 3"
    ),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, null-threshold: 0}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test': the active head finds no answers. Swap it for one that does: a stage '{swap: NAME}' before this one"
    ),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, tag-scheme: IOB2}")
        + "\narms: {a: [head, tune, test]}",
      message: "arm 'a', stage 'test': the active head does not label tokens"),
    Problem(
      yaml: stages + "\narms: {a: [head, tune, test]}", test: "text,mood,more\nx,a,1\n",
      message: "found columns that are not read: 'mood', 'more'."),
    Problem(
      yaml: stages.replacing("[a, b]", with: "[a, b, c]") + "\narms: {a: [head, tune, test]}",
      test: "text,label\nx,a\ny,c\n",
      message: "arm 'a', stage 'test': the data set 'test' has the label 'c', which 'train' never has."),
    Problem(
      yaml: stages.replacing("use: checkpoint-1", with: "use: checkpoint-3") + "\narms: {a: [adapt]}",
      message:
        "the run writes no checkpoint-3; expected a multiple of 1 up to its last step, 2, found 3. Change 'use' or 'save-steps'."
    ),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, top-k: [1]}").replacing(
        "labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'top-k': the head 'sequence-classification' has no top-k accuracies. Leave it out"
    ),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, top-k: [5]}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'top-k': the right label is always among as many as there are; expected numbers from 1 to 1, for 2 labels, found 5"
    ),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, stride: 4}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'stride': the head 'sequence-classification' does not read long texts in windows. Leave it out, or set 'long-texts' to windows"
    ),
    Problem(
      yaml: stages.replacing(
        "{evaluate: test}", with: "{evaluate: test, long-texts: windows, max-length: 8, stride: 6}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'stride': no room for a window of a long text; expected less than the 6 tokens of a text that a window of 8 has room for, found 6"
    ),
    Problem(
      yaml: stages.replacing("{evaluate: test}", with: "{evaluate: test, max-length: 8}")
        .replacing(
          "tune: {train: train", with: "tune: {train: train, long-texts: windows, stride: 6, max-length: 32")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'stride': no room for a window of a long text; expected less than the 6 tokens"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, stride: 6")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'stride': the head 'sequence-classification' does not read long texts in windows"
    ),
    Problem(
      yaml: stages.replacing(
        "tune: {train: train", with: "tune: {train: train, long-texts: windows, stride: 6, max-length: 8")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'stride': no room for a window of a long text"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, long-texts: windows")
        + "\narms: {a: [tune]}",
      message:
        "arm 'a', stage 'tune': the active head does not label texts as a whole. Leave out 'long-texts'"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, group-texts: true")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune': only texts that a head learns from without labels can be packed. Leave out 'group-texts'"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, eval-data: test, top-k: [1]")
        .replacing(
          "labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'top-k': the head 'sequence-classification' has no top-k accuracies"
    ),
    Problem(
      yaml: stages.replacing(
        "tune: {train: train", with: "tune: {train: train, eval-data: test, tune-threshold: global")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'tune-threshold': only a head that gives several labels has thresholds"
    ),
    Problem(
      yaml: stages.replacing(
        "tune: {train: train", with: "tune: {train: train, average-last: 3, save-steps: 1")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'average-last': the run writes fewer checkpoints than are averaged; expected at most 2, found 3"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, eval-split: 0.99")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'eval-split': too few rows for a part to train on and one to evaluate on"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, loss: cosine")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'loss': the active head does not learn vectors for texts"
    ),
    Problem(
      yaml: stages.replacing("tune: {train: train", with: "tune: {train: train, tag-scheme: IOB2")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune': the active head does not label tokens"
    ),
    Problem(
      yaml: stages.replacing("labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune, test]}",
      test: "text,label\nx,a\ny,a;b\n",
      message:
        "Say that this stands between labels: 'label-delimiter' ';'"
    ),
    Problem(
      yaml: stages.replacing("labels: [a, b]", with: "labels-from: train")
        + "\narms: {a: [head, tune, test]}",
      rows: "text,label\n" + (0..<8).map { "x\($0),\(["a", "b", "a;b"][$0 % 3])\n" }.joined(),
      message:
        "Say what stands between labels: 'label-delimiter' ';'. Or set 'problem-type' to single-label"
    ),
    Problem(
      yaml: stages.replacing("sequence-classification, labels", with: "masked-lm, labels")
        + "\narms: {a: [head]}",
      message: "arm 'a', stage 'head': the head 'masked-lm' has no labels of its own."),
  ]

  @Test(arguments: problems) func whatCannotWorkIsFoundBeforeAnythingIsComputed(_ problem: Problem) throws {
    try withTemporaryDirectory { directory in
      let error = try #require(throws: GraftError.self) {
        try plan(problem.yaml, in: directory, rows: problem.rows, test: problem.test, base: problem.base)
      }
      #expect(error.description.contains(problem.message), "\(error)")
    }
  }

  @Test(
    "a head that was put on anew does not read as the one before it, and windows make steps that rows do not tell"
  )
  func windowsOfTheHead() throws {
    try withTemporaryDirectory { directory in
      let text = """
        stages:
          head: {swap: sequence-classification, labels: [a, b]}
          tune: {train: train, epochs: 1, long-texts: windows, stride: 6, max-length: 12, save-steps: 1, use: checkpoint-9}
          test: {evaluate: test, max-length: 8}
        arms: {a: [head, tune, head, test]}
        """
      let stages = try plan(text, in: directory).stages
      #expect(stages.count == 4)
    }
  }

  // MARK: The cache

  private func run(_ plan: ExperimentPlan, _ output: URL, maximumDisk: Int? = nil) throws -> [String] {
    let registry = try Support.registry()
    var done: [String] = []
    let outcome = try runExperiment(
      plan, output: output, on: Self.machine(registry), registry: registry, maximumDisk: maximumDisk
    ) { event in
      if case .finished(let stage, _, _) = event { done.append(stage.name) }
    }
    guard case .finished = outcome else {
      Issue.record("not finished")
      return done
    }
    return done
  }

  @Test func onlyWhatChangedIsDoneAgain() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let first = try plan(Self.twoArms, in: directory)
      #expect(try run(first, output).count == 13)
      #expect(try run(first, output) == [])
      let record = try JSON(file: output.appending(path: "experiment.json"))
      #expect(record["arms"]?.array?.count == 2)

      let third = try plan(Self.twoArms.replacing("[1, 2]", with: "[1, 3]"), in: directory)
      #expect(try run(third, output) == ["head", "tune", "test", "head", "tune", "test"])

      // Without its last file a stage is not finished, and no other is in doubt.
      let cache = StageCache(output)
      let test = try #require(first.stages.firstIndex { $0.name == "test" })
      try FileManager.default.removeItem(at: cache.url(first.stages[test]).appending(path: "stage.json"))
      #expect(cache.pending(first) == [test])
      #expect(try run(first, output) == ["test"])

      // What is broken is not taken for finished either.
      let tune = try #require(first.stages.firstIndex { $0.name == "tune" })
      try Data("{".utf8).write(to: cache.url(first.stages[tune]).appending(path: "stage.json"))
      #expect(cache.pending(first) == [tune])
    }
  }

  @Test func finishedStagesKeepNoMoreThanTheirModels() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try plan(Self.twoArms, in: directory)
      _ = try run(plan, output)
      let files = FileManager.default.enumerator(atPath: output.path)?.compactMap { $0 as? String } ?? []
      #expect(
        !files.contains { $0.contains("optimizer") || $0.contains("clock.json") || $0.contains(".partial") })
      #expect(files.filter { $0.hasSuffix("checkpoint-1") }.count == 1)
      #expect(!files.contains { $0.hasSuffix("checkpoint-2") })
    }
  }

  @Test func aCapOnTheDiskRemovesWhatServedItsPurpose() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      // Without checkpoints of its own a run needs room for its model alone.
      let text = Self.twoArms.replacing(
        "tune: {train: train, ", with: "tune: {train: train, save-strategy: no, "
      )
      .replacing("[1, 2]", with: "[1, 2, 3]")
      let plan = try plan(text, in: directory)
      // All models take 2 MB, and the adaptation 1.2 MB while it runs.
      let cap = 1_700_000
      _ = try run(plan, output, maximumDisk: cap)
      let cache = StageCache(output)
      #expect(try cache.size <= cap)
      #expect(cache.pending(plan).isEmpty)
      // Arms keep the models that they end with.
      for arm in plan.arms {
        for run in arm.runs {
          #expect(cache.hasModel(plan.stages[run.stages[run.stages.count - 2].index], step: nil))
        }
      }
      let heads = plan.stages.filter { $0.name == "head" }
      #expect(heads.contains { !cache.hasModel($0, step: nil) })
      // What needs a model that was removed makes it again.
      let longer = try self.plan(text.replacing("no, epochs: 1", with: "no, epochs: 2"), in: directory)
      #expect(try run(longer, output).contains("head"))

      let error = try #require(throws: GraftError.self) {
        try run(longer, directory.appending(path: "small"), maximumDisk: 1000)
      }
      #expect(
        error.description.contains(
          "the run would take more disk space than it may; expected at most 1000 bytes"))
      #expect(!FileManager.default.fileExists(atPath: directory.appending(path: "small").path))
    }
  }

  @Test func whatIsKeptAboveTheCapIsSaid() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try plan(Self.twoArms, in: directory)
      let registry = try Support.registry()
      func excess(_ cap: Int?) throws -> GraftError? {
        let outcome = try runExperiment(
          plan, output: output, on: Self.machine(registry), registry: registry, maximumDisk: cap)
        guard case .finished(let results) = outcome else { return nil }
        return results.excess
      }
      #expect(try excess(nil) == nil)
      #expect(
        try excess(10_000)?.description.hasPrefix(
          "\(output.path): what is kept takes more disk space than it may; expected at most 10000 bytes, found "
        ) == true)
      #expect(try excess(StageCache(output).size) == nil)
    }
  }

  @Test func whatAStoppedRunWroteIsNotCountedTwice() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try plan(
        "stages: {adapt: {train: train, epochs: 4, save-steps: 1}}\narms: {a: [adapt]}", in: directory)
      let registry = try Support.registry()
      let (cache, cap) = (StageCache(output), plan.stages[0].work.largestBytes)
      let control = TrainingControl()
      var saved = 0
      let stopped = try runExperiment(
        plan, output: output, on: Self.machine(registry), registry: registry, maximumDisk: cap,
        control: control
      ) { event in
        guard case .training(.saved) = event else { return }
        saved += 1
        if saved == 2 { control.requestStop() }
      }
      guard case .interrupted = stopped else {
        Issue.record("not interrupted")
        return
      }
      #expect(try cache.held(plan.stages[0]) > 0)
      #expect(try run(plan, output, maximumDisk: cap) == ["adapt"])
    }
  }

  @Test func onlyLinksToModelsAreReplaced() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try plan(Self.twoArms, in: directory)
      _ = try run(plan, output)
      let models = output.appending(path: "models")
      try Data("mine".utf8).write(to: models.appending(path: "notes.txt"))
      // Of an arm that is no more.
      try FileManager.default.createSymbolicLink(
        atPath: models.appending(path: "old-1").path, withDestinationPath: "../stages/swap-0")
      _ = try run(plan, output)
      let names = try FileManager.default.contentsOfDirectory(atPath: models.path).sorted()
      #expect(names == ["adapted-1", "adapted-2", "direct-1", "direct-2", "notes.txt"])
      for name in names.dropLast() {
        let configuration = models.appending(path: "\(name)/config.json")
        #expect(FileManager.default.fileExists(atPath: configuration.path))
      }

      let taken = models.appending(path: "direct-1")
      try FileManager.default.removeItem(at: taken)
      try Data("mine".utf8).write(to: taken)
      let error = try #require(throws: GraftError.self) { try run(plan, output) }
      #expect(
        error.description.hasPrefix(
          "\(taken.path): something stands where the link to an arm's model belongs."))
      #expect(try String(contentsOf: taken, encoding: .utf8) == "mine")
    }
  }

  @Test func onlyALockThatIsHeldIsAnotherRun() throws {
    try withTemporaryDirectory { directory in
      let lock = try RunLock(directory)
      let held = try #require(throws: GraftError.self) { try RunLock(directory) }
      #expect(held.kind == .refused && held.problem.hasPrefix("another run is at work"))
      withExtendedLifetime(lock) {}
      let failure = RunLock.failure(ENOLCK, directory)
      #expect(failure.kind == .system && failure.problem.hasPrefix("cannot be locked ("))
      let nowhere = directory.appending(path: "nowhere")
      #expect(throws: GraftError.self) { try RunLock(nowhere) }
    }
  }

  @Test func aDirectoryOfSomethingElseIsLeftAlone() throws {
    try withTemporaryDirectory { directory in
      let plan = try plan(Self.twoArms, in: directory)
      let error = try #require(throws: GraftError.self) { try run(plan, directory) }
      #expect(error.description.contains("the output directory exists and is not empty"))
    }
  }

  @Test func whatIsMeasuredCountsPairsAndTheOnlyBatch() throws {
    let rows = [TextRow("abc", pair: "d"), TextRow("e")]
    #expect(ExperimentSchedule.timedBytes(rows, batchSize: 1) == 1)
    #expect(ExperimentSchedule.timedBytes(rows, batchSize: 2) == 5)
    try withTemporaryDirectory { directory in
      let plan = try plan("stages: {test: {evaluate: test}}\narms: {a: [test]}", in: directory)
      let registry = try Support.registry()
      var schedule = try ExperimentSchedule(plan, output: directory.appending(path: "out"))
      try schedule.measure(on: Self.machine(registry), registry: registry)
      #expect(try #require(schedule.estimate) > 0)
    }
  }

  /// The place of the right choice is no class: it need not be trained on, and each fold need not have it. Its texts, which
  /// stand in columns of the task, take time.
  @Test func placesOfChoicesAreNoClasses() throws {
    func rows(_ answers: [Int]) -> String {
      answers.enumerated().map { row, answer in
        #"{"question": "which one \#(row)", "choices": ["a", "b", "c", "d"], "label": \#(answer)}"#
      }.joined(separator: "\n")
    }
    try withTemporaryDirectory { directory in
      let registry = try Support.registry()
      for (name, answers) in [
        ("train", [0, 0, 1, 1, 0, 1]), ("test", [2, 3]), ("all", [0, 0, 1, 1, 0, 3]),
      ] {
        try Data(rows(answers).utf8).write(to: directory.appending(path: "\(name).jsonl"))
      }
      func plan(_ data: String, _ train: String, _ test: String) throws -> ExperimentPlan {
        let text = """
          base: \(Support.fixture("masked-lm").path)
          data: \(data)
          stages:
            head: {swap: multiple-choice}
            tune: {train: \(train), epochs: 1}
            test: {evaluate: \(test)}
          arms: {a: [head, tune, test]}
          """
        let experiment = try Experiment(
          parsing: Array(text.utf8), relativeTo: directory, registry: registry)
        return try ExperimentPlan(experiment, on: Self.machine(registry), registry: registry)
      }
      let two = try plan(
        "{train: {files: train.jsonl}, test: {files: test.jsonl}}", "train", "test")
      #expect(two.stages.count == 3)
      #expect(try plan("{all: {files: all.jsonl, folds: 2}}", "all", "all").stages.count == 5)
      #expect(TextRow("ab", pair: "c").byteCount == 3)
      var schedule = try ExperimentSchedule(two, output: directory.appending(path: "out"))
      try schedule.measure(on: Self.machine(registry), registry: registry)
      #expect(try #require(schedule.estimate) > 0)
    }
  }

  @Test func timesAreEstimatedFromWhatWasMeasured() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "out")
      let plan = try plan(Self.twoArms, in: directory)
      let registry = try Support.registry()
      var schedule = try ExperimentSchedule(plan, output: output)
      #expect(schedule.estimate == nil && schedule.pending.count == 13)
      try schedule.measure(on: Self.machine(registry), registry: registry)
      #expect(try #require(schedule.estimate) > 0)
      _ = try run(plan, output)
      let longer = try self.plan(
        Self.twoArms.replacing("tune: {train: train, epochs: 1", with: "tune: {train: train, epochs: 40"),
        in: directory)
      let after = try ExperimentSchedule(longer, output: output)
      #expect(after.pending.count == 8)
      let tunes = longer.stages.indices.filter { longer.stages[$0].name == "tune" }
      let (long, short) = (
        try #require(after.estimate(tunes[0])),
        try #require(try ExperimentSchedule(plan, output: output).estimate(tunes[0]))
      )
      #expect(abs(long / short - 40) < 0.01)
    }
  }
}
