import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import GraftExperiments
@testable import GraftKit

@Suite struct ExperimentPlanTests {
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

  @Test("a precision that the backend lacks is found before anything is computed") func precision() throws {
    try withTemporaryDirectory { directory in
      try Data(SmallExperiment.rows.utf8).write(to: directory.appending(path: "rows.csv"))
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
        message.contains("the backend does not multiply in bfloat16") && message.contains("'test'"),
        "\(message)")
    }
  }

  /// The labels of a head may be those of a data set, which also says what they are.
  @Test func labelsComeFromData() throws {
    try withTemporaryDirectory { directory in
      func swap(_ options: String, rows: String = SmallExperiment.rows, with more: String = "") throws
        -> Experiment
        .Swap?
      {
        let text = """
          stages:
            head: {swap: sequence-classification, labels-from: train\(more)}
            tune: {train: train, epochs: 1}
          arms: {a: [head, tune]}
          """
        let plan = try SmallExperiment.plan(text, in: directory, rows: rows, test: rows, options: options)
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
          && wrong?.contains("every row has the same label") == true)
      #expect(wrong?.contains("Check 'label-column' of the data set 'train', or give 'labels'") == true)
      #expect(
        errorMessage { _ = try swap("", with: ", labels: [a]") }?.contains(
          "'labels-from' has to be left out where there are 'labels' or 'num-labels'") == true)
    }
  }

  /// Rows that are skipped and rows that are taken are two data sets of one file.
  @Test func skippedRowsAreNotRead() throws {
    try withTemporaryDirectory { directory in
      let plan = try SmallExperiment.plan(
        SmallExperiment.twoArms, in: directory, options: ", shuffle-seed: 1, skip: 6")
      #expect(plan.data["train"]?.rows == 10)
      #expect(
        errorMessage {
          _ = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory, options: ", skip: -1")
        }?.contains(
          "'skip' has to be 0 or more") == true)
    }
  }

  @Test func sharedStagesAreDoneOnce() throws {
    try withTemporaryDirectory { directory in
      let plan = try SmallExperiment.plan(SmallExperiment.twoArms, in: directory)
      // Two arms, two seeds, three stages each; the adaptation has a seed of its own.
      #expect(plan.stages.count == 13)
      #expect(plan.stages.count { $0.name == "adapt" } == 1)
      let adapted = plan.arms[1].runs.map { $0.stages[0].index }
      #expect(adapted[0] == adapted[1])
      #expect(plan.arms[1].runs[0].stages.map(\.name) == ["adapt", "head", "tune", "test"])
      // The same arm under another name adds nothing.
      let more = SmallExperiment.twoArms.replacing("arms: {", with: "arms: {again: [head, tune, test], ")
      #expect(try SmallExperiment.plan(more, in: directory).stages.count == 13)
    }
  }

  @Test func keysFollowFromAllThatDecides() throws {
    try withTemporaryDirectory { directory in
      func keys(
        _ text: String, rows: String = SmallExperiment.rows, base: String = "masked-lm", options: String = ""
      ) throws -> [String: String] {
        let plan = try SmallExperiment.plan(text, in: directory, rows: rows, base: base, options: options)
        return plan.arms.flatMap { arm in
          arm.runs.flatMap { run in run.stages.map { (arm.name, run.seed, $0) } }
        }
        .reduce(into: [:]) { $0["\($1.0) \($1.1) \($1.2.name)"] = plan.stages[$1.2.index].key }
      }
      let before = try keys(SmallExperiment.twoArms)
      #expect(try keys(SmallExperiment.twoArms) == before)
      func changed(_ after: [String: String]) -> Set<String> {
        Set(before.keys.filter { before[$0] != after[$0] })
      }
      // How often a run saves decides nothing.
      #expect(
        changed(
          try keys(
            SmallExperiment.twoArms.replacing(
              "tune: {train: train, ", with: "tune: {train: train, save-steps: 3, "))
        ).isEmpty)
      #expect(
        changed(try keys(SmallExperiment.twoArms.replacing("seed: 5", with: "seed: 6")))
          == Set(before.keys.filter { $0.hasPrefix("adapted") }))
      #expect(
        changed(try keys(SmallExperiment.twoArms.replacing("use: checkpoint-1", with: "use: checkpoint-2")))
          == Set(before.keys.filter { $0.hasPrefix("adapted") && !$0.hasSuffix("adapt") }))
      #expect(
        changed(
          try keys(
            SmallExperiment.twoArms.replacing(
              "tune: {train: train, epochs: 1", with: "tune: {train: train, epochs: 2")))
          == Set(before.keys.filter { $0.hasSuffix("tune") || $0.hasSuffix("test") }))
      #expect(
        changed(
          try keys(
            SmallExperiment.twoArms, rows: SmallExperiment.rows.replacing("text 3", with: "text three")))
          == Set(before.keys.filter { !($0.hasPrefix("direct") && $0.hasSuffix("head")) }))
      #expect(changed(try keys(SmallExperiment.twoArms, base: "untied-decoder")) == Set(before.keys))
      // The number of the first label decides what labels mean, to heads that learn labels.
      let numbers = SmallExperiment.rows.replacing(",a\n", with: ",0\n").replacing(",b\n", with: ",1\n")
      let (plain, counted) = (
        try keys(SmallExperiment.twoArms, rows: numbers),
        try keys(SmallExperiment.twoArms, rows: numbers, options: ", label-base: 0")
      )
      #expect(
        Set(plain.keys.filter { plain[$0] != counted[$0] })
          == Set(plain.keys.filter { $0.hasSuffix("tune") || $0.hasSuffix("test") }))
      let three =
        SmallExperiment.stages.replacing("[a, b]", with: "[a, b, c]") + "\narms: {direct: [head, tune]}"
      let rows = SmallExperiment.rows.replacing(",a\n", with: ",1\n").replacing(",b\n", with: ",2\n")
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
        let plan = try SmallExperiment.plan(
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
    var rows = SmallExperiment.rows
    var test = SmallExperiment.rows
    let message: String
    var testDescription: String { message }
  }

  static let problems = [
    Problem(
      yaml: SmallExperiment.stages + "\narms: {a: [head, test, tune]}",
      message:
        "arm 'a', stage 'test': the head 'sequence-classification' was never trained: its predictions would be random. Train it with a stage '{train: NAME}' before this one, or pass 'allow-untrained: true'."
    ),
    Problem(
      yaml: SmallExperiment.stages + "\narms: {a: [tune]}", base: "token-classification",
      rows: "text,entities\nhe can,\"[[0, 2, 'B-PER']]\"\n",
      message: "found 'B-PER' at 0 to 2. An entity has a type without the letter of a tag: 'PER'."),
    Problem(
      yaml: SmallExperiment.stages + "\narms: {a: [tune]}", base: "token-classification",
      rows: "text,entities\nhe can,\"[[0, 4, 'PER'], [1, 2, 'PER']]\"\n",
      message: "A word has one label: keep one of them."),
    Problem(
      yaml: SmallExperiment.stages + "\narms: {a: [tune]}", base: "base",
      message:
        "arm 'a', stage 'tune': the checkpoint has no head here. Put one on with a stage '{swap: NAME}' before this one"
    ),
    Problem(
      yaml: SmallExperiment.stages + "\narms: {a: [head, tune, test]}", test: "text,label\nx,a\ny,c\n",
      message: "row 3 of "),
    Problem(
      yaml: SmallExperiment.stages + "\narms: {a: [head, tune, test]}", test: "text,label\nx,a\ny,c\n",
      message: "found 'c'. Check the data set's columns and 'label-base', or 'labels' of the stage "),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "{evaluate: test}", with: "{evaluate: test, pseudo-perplexity: true}")
        + "\narms: {a: [head, tune, test]}",
      message: "arm 'a', stage 'test': the head 'sequence-classification' predicts no tokens, "),
    Problem(
      yaml: SmallExperiment.stages.replacing("{evaluate: test}", with: "{evaluate: test, group-texts: true}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test': the head 'sequence-classification' predicts no tokens, which group-texts is about"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, class-weights: {a: 2, Bb: 3}"
      )
      .replacing("[a, b]", with: "[a, bb]") + "\narms: {a: [head, tune]}",
      rows: SmallExperiment.rows.replacing(",b\n", with: ",bb\n"),
      message:
        "arm 'a', stage 'tune', 'class-weights': there is no label 'Bb'; expected labels of the head: a, bb. Weights go by the names of labels. Did you mean 'bb'?"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, class-weights: balanced"
      )
      .replacing("labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune]}",
      message:
        "stage 'tune', 'class-weights': the head 'sequence-classification' does not choose one of its labels."
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("{evaluate: test}", with: "{evaluate: test, threshold: 0.3}")
        + "\narms: {a: [head, tune, test]}",
      message: "arm 'a', stage 'test': only a head that gives several labels has thresholds"),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "{evaluate: test}", with: "{evaluate: test, threshold: [0.3, 0.4, 0.5]}"
      )
      .replacing("labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test': wrong number of thresholds; expected one, or one for each of 2 labels, found 3"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("{evaluate: test}", with: "{evaluate: test, null-threshold: 0}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test': the head 'sequence-classification' finds no answers. Swap it for one that does: a stage '{swap: NAME}' before this one"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("{evaluate: test}", with: "{evaluate: test, tag-scheme: IOB2}")
        + "\narms: {a: [head, tune, test]}",
      message: "arm 'a', stage 'test': the head 'sequence-classification' does not label tokens"),
    Problem(
      yaml: SmallExperiment.stages + "\narms: {a: [head, tune, test]}", test: "text,mood,more\nx,a,1\n",
      message: "found columns that are not read: 'mood', 'more'."),
    Problem(
      yaml: SmallExperiment.stages.replacing("[a, b]", with: "[a, b, c]") + "\narms: {a: [head, tune, test]}",
      test: "text,label\nx,a\ny,c\n",
      message: "arm 'a', stage 'test': the data set 'test' has the label 'c', which 'train' never has."),
    Problem(
      yaml: SmallExperiment.stages.replacing("use: checkpoint-1", with: "use: checkpoint-3")
        + "\narms: {a: [adapt]}",
      message:
        "the run writes no checkpoint-3; expected a multiple of 1 up to its last step, 2, found 3. Change 'use' or 'save-steps'."
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("{evaluate: test}", with: "{evaluate: test, top-k: [1]}")
        .replacing(
          "labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'top-k': the head 'sequence-classification' has no top-k accuracies. Leave it out"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("{evaluate: test}", with: "{evaluate: test, top-k: [5]}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'top-k': the right label is always among as many as there are; expected numbers from 1 to 1, for 2 labels, found 5"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("{evaluate: test}", with: "{evaluate: test, stride: 4}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'stride': the head 'sequence-classification' does not read long texts in windows. Leave it out, or set 'long-texts' to windows"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "{evaluate: test}", with: "{evaluate: test, long-texts: windows, max-length: 8, stride: 6}")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'stride': no room for a window of a long text; expected less than the 6 tokens of a text that a window of 8 has room for, found 6"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("{evaluate: test}", with: "{evaluate: test, max-length: 8}")
        .replacing(
          "tune: {train: train", with: "tune: {train: train, long-texts: windows, stride: 6, max-length: 32")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'test', 'stride': no room for a window of a long text; expected less than the 6 tokens"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("tune: {train: train", with: "tune: {train: train, stride: 6")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'stride': the head 'sequence-classification' does not read long texts in windows"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, long-texts: windows, stride: 6, max-length: 8")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'stride': no room for a window of a long text"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, long-texts: windows")
        + "\narms: {a: [tune]}",
      message:
        "arm 'a', stage 'tune': the head 'masked-lm' does not label texts as a whole. Leave out 'long-texts'"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, group-texts: true")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune': only texts that a head learns from without labels can be packed. Leave out 'group-texts'"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, eval-data: test, top-k: [1]"
      )
      .replacing(
        "labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'top-k': the head 'sequence-classification' has no top-k accuracies"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, eval-data: test, tune-threshold: global")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'tune-threshold': only a head that gives several labels has thresholds"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, average-last: 3, save-steps: 1")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'average-last': the run writes fewer checkpoints than are averaged; expected at most 2, found 3"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, eval-split: 0.99")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'eval-split': too few rows for a part to train on and one to evaluate on"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("tune: {train: train", with: "tune: {train: train, loss: cosine")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune', 'loss': the head 'sequence-classification' does not learn vectors for texts"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "tune: {train: train", with: "tune: {train: train, tag-scheme: IOB2")
        + "\narms: {a: [head, tune, test]}",
      message:
        "arm 'a', stage 'tune': the head 'sequence-classification' does not label tokens"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing(
        "labels: [a, b]", with: "labels: [a, b], problem-type: multi-label")
        + "\narms: {a: [head, tune, test]}",
      test: "text,label\nx,a\ny,a;b\n",
      message:
        "Say that this stands between labels: 'label-delimiter' ';'"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("labels: [a, b]", with: "labels-from: train")
        + "\narms: {a: [head, tune, test]}",
      rows: "text,label\n" + (0..<8).map { "x\($0),\(["a", "b", "a;b"][$0 % 3])\n" }.joined(),
      message:
        "Say what stands between labels: 'label-delimiter' ';'. Or set 'problem-type' to single-label"
    ),
    Problem(
      yaml: SmallExperiment.stages.replacing("sequence-classification, labels", with: "masked-lm, labels")
        + "\narms: {a: [head]}",
      message: "arm 'a', stage 'head': the head 'masked-lm' has no labels of its own."),
  ]

  @Test(arguments: problems) func whatCannotWorkIsFoundBeforeAnythingIsComputed(_ problem: Problem) throws {
    try withTemporaryDirectory { directory in
      let error = try #require(throws: GraftError.self) {
        try SmallExperiment.plan(
          problem.yaml, in: directory, rows: problem.rows, test: problem.test, base: problem.base)
      }
      #expect(error.description.contains(problem.message), "\(error)")
    }
  }

  @Test("labels of words on a head that labels texts lead to a stage") func labelsOfWords() throws {
    try withTemporaryDirectory { directory in
      let message = errorMessage {
        _ = try SmallExperiment.plan(
          "stages: {tune: {train: train}}\narms: {a: [tune]}", in: directory, rows: "he B-PER\ncan O\n",
          base: "sequence-classification", options: ", data-format: conll")
      }
      #expect(
        message?.contains(
          "A head that labels words learns from them: a stage '{swap: NAME}' before this one; the list of plugins has the names."
        ) == true, "\(message ?? "")")
    }
  }

  @Test("heads that a stage has trained are scored, parked ones too, and others where the stage says so")
  func untrainedHeads() throws {
    try withTemporaryDirectory { directory in
      let text = """
        stages:
          head: {swap: sequence-classification, labels: [a, b]}
          other: {swap: sequence-classification, labels: [c, d]}
          words: {swap: masked-lm}
          tune: {train: train, epochs: 1}
          both: {train: {masked-lm: train, sequence-classification: train}, epochs: 1}
          test: {evaluate: test}
          parked: {evaluate: test, task: sequence-classification}
          random: {evaluate: test, allow-untrained: true}
        arms:
        """
      func plan(_ arm: String) throws -> ExperimentPlan {
        try SmallExperiment.plan("\(text) {a: [\(arm)]}", in: directory)
      }
      for arm in ["head, tune, words, parked", "head, both, test, parked", "head, tune, words, head, test"] {
        #expect(try plan(arm).stages.allSatisfy { $0.notes.allSatisfy { !$0.contains("never trained") } })
      }
      let notes = try #require(plan("head, random, tune, test").stages.dropFirst().first?.notes)
      #expect(
        notes.first
          == "the head 'sequence-classification' was never trained: its predictions would be random",
        "\(notes)")
      // Of heads that learn together, one may find nothing in the data; then it is not scored on such data either.
      let pair = directory.appending(path: "pairs.csv")
      try Data("text,pair,label\na text,another,0\nb text,another,1\n".utf8).write(to: pair)
      func together(_ arm: String) throws -> ExperimentPlan {
        try SmallExperiment.plan(
          """
            pairs: {files: pairs.csv, pair-column: pair}
          stages:
            fresh: {swap: pretraining}
            texts: {train: train, max-steps: 1}
            both: {train: pairs, max-steps: 1}
            test: {evaluate: test}
            related: {evaluate: pairs}
          arms: {a: [\(arm)]}
          """, in: directory, base: "base")
      }
      #expect(try together("fresh, texts, test, both, related").stages.count == 5)
      #expect(
        errorMessage { _ = try together("fresh, texts, related") }?.contains(
          "stage 'related': the head 'next-sentence' was never trained") == true)
      for arm in ["head, words, parked", "head, tune, other, test"] {
        #expect(errorMessage { _ = try plan(arm) }?.contains("was never trained") == true, "\(arm)")
      }
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
      let stages = try SmallExperiment.plan(text, in: directory).stages
      #expect(stages.count == 4)
    }
  }
}
