import Foundation
import GraftCore
import GraftData
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftCommandLine
@testable import GraftExperiments
@testable import GraftKit

@Suite struct ExperimentSchemaTests {
  /// An experiment that has no mistake; `stages` and `arms` may be others.
  static func yaml(
    data: String = "{files: train.csv}", stage: String = "{train: texts}", more: String = "",
    arms: String = "{a: [x]}"
  ) -> String {
    """
    base: base
    data:
      texts: \(data)
    stages:
      x: \(stage)
    arms: \(arms)
    \(more)
    """
  }

  private func parse(
    _ text: String, dataDirectory: URL? = nil, locate: ((String) throws -> URL)? = nil
  ) throws -> Experiment {
    try withTemporaryDirectory { directory in
      for name in ["base", "train.csv"] { try Data().write(to: directory.appending(path: name)) }
      return try Experiment(
        parsing: Array(text.utf8), relativeTo: directory, dataDirectory: dataDirectory,
        registry: Support.registry(), locate: locate)
    }
  }

  @Test func everyPartIsRead() throws {
    let experiment = try parse(
      """
      name: whole
      base: base
      seeds: [42, 1, 18446744073709551615]
      data:
        texts:
          files: [train.csv, train.csv]
          text-column: 2,3
          label-column: 1
          label-base: 1
          shuffle-seed: 42
          take: 1000
      stages:
        head: {swap: sequence-classification, labels: [no, 1e3, "x"], problem-type: multi-label, seed: 7}
        adapt:
          train: texts
          eval-data: texts
          learning-rate: 5e-5
          lr-scheduler: cosine
          no-shuffle: true
          dropout: 0.25
          save-steps: 100
          use: checkpoint-100
        test: {evaluate: texts, batch-size: 4, mlm-probability: 0.2}
        out: {export: npz, dtype: float32}
      arms:
        one: [head, adapt]
        two: [adapt, head, test, out]
      """)
    #expect(experiment.name == "whole" && experiment.base.lastPathComponent == "base")
    #expect(experiment.seeds == [42, 1, .max])
    let data = try #require(experiment.data["texts"])
    guard case .files(let files, labelBase: 1) = data.source else {
      Issue.record("another source than was written")
      return
    }
    #expect(files.map(\.lastPathComponent) == ["train.csv", "train.csv"])
    #expect(
      data.options
        == DataOptions(
          textColumns: [.number(2), .number(3)], labelColumns: [.number(1)], shuffleSeed: 42, take: 1000))
    #expect(
      experiment.arms.keys == ["one", "two"] && experiment.arms["two"] == ["adapt", "head", "test", "out"])
    guard case .swap(let swap) = experiment.stages["head"]?.task,
      case .train(let training) = experiment.stages["adapt"]?.task,
      case .evaluate(let scoring) = experiment.stages["test"]?.task,
      case .export(let output) = experiment.stages["out"]?.task
    else {
      Issue.record("other kinds than were written")
      return
    }
    #expect(swap.labels == ["no", "1e3", "x"] && swap.problemType == .multiLabel && swap.seed == 7)
    #expect(training.usedStep == 100 && !training.hasOwnSeed && training.heads[0].evaluationData == "texts")
    #expect(training.options.learningRate == 5e-5 && training.options.schedule == .cosine)
    #expect(!training.options.shuffles && training.options.dropout == 0.25)
    #expect(training.options.evalStrategy == .epoch && training.options.saveTotalLimit == 1)
    #expect(scoring.options.batchSize == 4 && scoring.options.mlmProbability == 0.2)
    #expect(output.format == "npz" && output.dtype == "float32")
    #expect(experiment.document["seeds"]?.array?.last == .number("18446744073709551615"))
  }

  @Test func checkpointsThatAreAveragedAreKept() throws {
    func training(_ options: String) throws -> TrainingOptions? {
      let experiment = try parse(Self.yaml(stage: "{train: texts, \(options)}"))
      guard case .train(let training)? = experiment.stages["x"]?.task else { return nil }
      return training.options
    }
    #expect(try training("average-last: 3")?.saveTotalLimit == 3)
    #expect(try training("average-last: 3, save-total-limit: 5")?.saveTotalLimit == 5)
    #expect(
      errorMessage { _ = try training("average-last: 3, save-total-limit: 2") }?.contains(
        "fewer checkpoints are kept than are averaged") == true)
    #expect(try training("eval-split: 0.5, top-k: [2, 7]")?.topRanks == [2, 7])
    #expect(
      errorMessage { _ = try training("top-k: [2, 2]") }?.contains("different positive numbers") == true)
    guard
      case .evaluate(let scoring)? = try parse(Self.yaml(stage: "{evaluate: texts, top-k: 2}")).stages["x"]?
        .task
    else { throw CancellationError() }
    #expect(scoring.options.topRanks == [2])
    #expect(
      errorMessage { _ = try parse(Self.yaml(stage: "{evaluate: texts, top-k: [0]}")) }?.contains(
        "'top-k' has to be different positive numbers") == true)
  }

  struct Mistake: Sendable, CustomTestStringConvertible {
    let yaml: String
    let message: String
    var testDescription: String { message }

    init(_ yaml: String, _ message: String) { (self.yaml, self.message) = (yaml, message) }
  }

  static let mistakes = [
    Mistake(yaml(more: "seed: [1]"), "7:1: an experiment has no key 'seed'; the nearest is 'seeds'."),
    Mistake(yaml(more: "colour: red"), "7:1: an experiment has no key 'colour'; known: name, base, seeds, "),
    Mistake(yaml(more: "seeds: [1, one]"), "7:12: 'seeds' has to be a whole number, 0 or more; found 'one'."),
    Mistake(yaml(more: "seeds: [1, 1]"), "7:8: a seed is given twice."),
    Mistake(yaml(more: "seeds: []"), "7:8: 'seeds' is an empty list."),
    Mistake(
      yaml(data: "{files: nothing.csv}"), "3:18: there is no 'nothing.csv' ("),
    Mistake(yaml(data: "{file: train.csv}"), "3:11: a data set has no key 'file'; the nearest is 'files'"),
    Mistake(
      yaml(data: "train.csv"), "3:10: a data set has to be a mapping of keys to values; found 'train.csv'."),
    Mistake(
      yaml(data: "{files: ag_news:dev}"),
      "3:18: the data set 'ag_news' has no part of that name; expected one of train, test, found 'dev'."),
    Mistake(
      yaml(data: "{files: ag_news:test}"),
      "3:18: 'ag_news': the data set's file test.csv is not on this machine; expected it in one of "),
    Mistake(yaml(data: "{files: train.csv, take: 0}"), "3:35: 'take' has to be at least 1."),
    Mistake(
      yaml(data: "{files: train.csv, take: 1.5}"), "3:35: 'take' has to be a whole number; found '1.5'."),
    Mistake(
      yaml(stage: "{train: text}"), "5:14: there is no data set 'text'; the nearest is 'texts'."),
    Mistake(
      yaml(stage: "{trian: texts}"),
      "5:6: a stage needs one of the keys import, train, swap, evaluate, export; found 'trian'; the nearest is 'train'."
    ),
    Mistake(
      yaml(stage: "{train: texts, swap: masked-lm}"),
      "5:6: a stage needs one of the keys import, train, swap, evaluate, export; found train and swap."),
    Mistake(
      yaml(stage: "{train: texts, epoch: 1}"),
      "5:21: a stage of kind 'train' has no key 'epoch'; the nearest is 'epochs'."),
    Mistake(
      yaml(stage: "{train: texts, learning-rate: fast}"),
      "5:36: 'learning-rate' has to be a number; found 'fast'."),
    Mistake(
      yaml(stage: "{train: texts, no-shuffle: yes}"),
      "5:33: 'no-shuffle' has to be true or false; found 'yes'."),
    Mistake(
      yaml(stage: "{train: texts, batch-size: 0}"),
      "5:33: 'batch-size': wrong value; expected a positive number, found 0."),
    Mistake(
      yaml(stage: "{train: texts, eval-strategy: epoch}"),
      "5:36: 'eval-strategy' needs the key 'eval-data' or 'eval-split'."),
    Mistake(yaml(stage: "{train: texts, use: best}"), "5:26: 'use' has to be checkpoint-N; found 'best'."),
    Mistake(
      yaml(stage: "{train: texts, use: checkpoint-1, save-strategy: no}"),
      "5:26: 'use' needs checkpoints, and 'save-strategy' is no."),
    Mistake(
      yaml(stage: "{train: texts, optimizer: adam}"),
      "5:32: there is no optimizer 'adam'; the nearest is 'adamw'."),
    Mistake(yaml(stage: "{swap: masked}"), "5:13: there is no head 'masked'; the nearest is 'masked-lm'."),
    Mistake(
      yaml(stage: "{swap: sequence-classification, labels: [a, a]}"), "5:46: a label is given twice."),
    Mistake(
      yaml(stage: "{swap: sequence-classification, labels: [a], num-labels: 2}"),
      "5:63: 'num-labels' has to be left out where there are 'labels'."),
    Mistake(
      yaml(stage: "{evaluate: texts, mlm-probability: 0}"),
      "5:41: 'mlm-probability' has to be above 0, at most 1."),
    Mistake(
      yaml(stage: "{evaluate: texts, threshold: [0.5, 1]}"),
      "5:35: 'threshold' has to be a number from 0 to below 1, or one for each label."),
    Mistake(yaml(stage: "{evaluate: texts, stride: -1}"), "5:32: 'stride' has to be at least 0."),
    Mistake(
      yaml(stage: "{evaluate: texts, null-threshold: nan}"),
      "5:40: 'null-threshold' has to be a number; found 'nan'."),
    Mistake(
      yaml(stage: "{evaluate: texts, tune-threshold: label}"),
      "5:40: 'tune-threshold' is for stages that train: an evaluation leaves the model as it is."),
    Mistake(
      yaml(stage: "{evaluate: texts, corpus: all.jsonl}"),
      "5:32: 'corpus' is for the command 'evaluate': no stage searches texts of a file."),
    Mistake(
      yaml(stage: "{evaluate: texts, tresholds: 1}"),
      "a stage of kind 'evaluate' has no key 'tresholds'; the nearest is 'threshold'."),
    Mistake(yaml(stage: "{export: floppy}"), "5:15: there is no weight format 'floppy'; known: "),
    Mistake(yaml(stage: "{import: nowhere}"), "5:15: there is no 'nowhere' ("),
    Mistake(yaml(arms: "{a: [y]}"), "6:12: there is no stage 'y'; known: x."),
    Mistake(yaml(arms: "{a: x}"), "6:11: an arm has to be a list of stages; found 'x'."),
    Mistake(yaml(arms: "{a: []}"), "6:11: an arm has to be a list of stages; found an empty one."),
    Mistake(
      yaml(arms: "{a: [{train: texts}]}"),
      "6:12: an arm names stages, which stand under 'stages'; found a mapping."),
    Mistake(
      yaml(arms: "{../a: [x]}"), "6:8: an arm's name has to be at most 100 bytes, none of them '/'."),
    Mistake(yaml(arms: "{}"), "6:7: an experiment needs an arm."),
    Mistake("base: base\nbase: other\n", "1:1: 'base' is given twice."),
    Mistake("base: [1\n", "2:1: did not find expected ',' or ']'."),
    Mistake("", "the file is empty; expected an experiment."),
    Mistake("- base\n", "1:1: an experiment has to be a mapping of keys to values; found a list."),
    Mistake("base: &b base\nname: *b\n", "1:7: anchors and aliases are not read. Write the value itself; "),
    Mistake(
      "base: " + String(repeating: "[", count: 20) + String(repeating: "]", count: 20), "nested too deeply"),
    Mistake("base: " + String(repeating: "[", count: 100_000), "Maximum nesting level reached"),
  ]

  @Test(arguments: mistakes) func aMistakeIsNamedWithItsPlace(_ mistake: Mistake) throws {
    let error = try #require(throws: GraftError.self) { try parse(mistake.yaml) }
    #expect(error.description.contains(mistake.message), "\(error)")
  }

  @Test func allMistakesAreNamedAtOnceInTheirOrder() throws {
    let error = try #require(throws: GraftError.self) {
      try parse(Self.yaml(stage: "{train: text, epoch: 1, batch-size: 0}", more: "seed: 1", arms: "{a: [y]}"))
    }
    #expect(
      error.description == """
        5 mistakes:
          5:14: there is no data set 'text'; the nearest is 'texts'.
          5:20: a stage of kind 'train' has no key 'epoch'; the nearest is 'epochs'.
          5:42: 'batch-size': wrong value; expected a positive number, found 0.
          6:12: there is no stage 'y'; known: x.
          7:1: an experiment has no key 'seed'; the nearest is 'seeds'.
        """)
  }

  @Test func aCheckpointThatIsNowhereHasItsPlace() throws {
    func message(_ base: String, stage: String = "{train: texts}") throws -> String {
      let text = Self.yaml(stage: stage).replacing("base: base", with: "base: \(base)")
      // What is no model's name comes back as a path.
      return try #require(throws: GraftError.self) {
        try parse(text) { URL(fileURLWithPath: "/nowhere/\($0)") }
      }.description
    }
    #expect(try message("/nowhere/model") == "1:7: there is no '/nowhere/model' (/nowhere/model).")
    #expect(try message("model.npz").hasPrefix("1:7: there is no 'model.npz' ("))
    #expect(
      try message("/nowhere/model", stage: "{train: text}") == """
        2 mistakes:
          1:7: there is no '/nowhere/model' (/nowhere/model).
          5:14: there is no data set 'text'; the nearest is 'texts'.
        """)
  }

  @Test func placesOfDataAreNamedOnceWithEveryWayToNameThem() throws {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
    let message = try #require(throws: GraftError.self) {
      try parse(Self.yaml(data: "{files: ag_news:test}"), dataDirectory: here)
    }.description
    #expect(message.components(separatedBy: here.appending(path: "ag_news").path).count == 2, "\(message)")
    #expect(message.hasSuffix("name the directory above with 'data-dir' or GRAFT_DATA."))
  }

  @Test(.timeLimit(.minutes(5))) func aliasesDoNotExpandWithoutBound() throws {
    var lines = ["x0: &x0 [a,a,a,a,a,a,a,a]"]
    for level in 1..<40 {
      let aliases = Array(repeating: "*x\(level - 1)", count: 8).joined(separator: ",")
      lines.append("x\(level): &x\(level) [\(aliases)]")
    }
    // As a key it would be hashed, all of it.
    lines.append("? *x39\n: 1")
    let error = try #require(throws: GraftError.self) { try parse(lines.joined(separator: "\n")) }
    #expect(error.description.contains("anchors and aliases are not read"))
  }

  @Test func whatIsTooLargeIsRefused() throws {
    let error = try #require(throws: GraftError.self) {
      try parse("name: " + String(repeating: "x", count: 1 << 20))
    }
    #expect(error.description.contains("too large for an experiment; expected at most 1048576 bytes"))
  }

  @Test func everyOptionOfTrainIsOneOfAStage() throws {
    let help = Train.helpMessage(columns: 100)
    let section = try #require(
      help.components(separatedBy: "TRAINING:\n").last?.components(separatedBy: "\n\n").first)
    let names = section.split(separator: "\n").compactMap { line -> String? in
      line.hasPrefix("  --") ? String(line.dropFirst(4).prefix { $0 != " " }) : nil
    }
    #expect(names.count > 20)
    for name in names {
      // Of the wrong type for any of them: what is named is the value, not the key.
      let error = #expect(throws: GraftError.self) {
        try parse(Self.yaml(stage: "{train: texts, \(name): [[]]}"))
      }
      #expect(
        error?.description.contains("'\(name)' has to be") == true, "\(name): \(String(describing: error))")
    }
  }

  @Test func readyMadeExperimentsAreWithoutMistakes() throws {
    try withTemporaryDirectory { directory in
      let folder = directory.appending(path: "ag_news")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for name in ["train.csv", "test.csv"] { try Data().write(to: folder.appending(path: name)) }
      for known in ReadyMadeExperiment.allCases {
        let experiment = try Experiment(
          parsing: Array(known.text.utf8), relativeTo: directory, base: Support.fixture("masked-lm"),
          dataDirectory: directory, registry: Support.registry())
        #expect(experiment.arms.keys == ["direct", "adapted"] && experiment.name == known.rawValue)
      }
    }
  }

  @Test(arguments: [
    ("lr-scheduler-type", "lr-scheduler"), ("num-train-epochs", "epochs"), ("epoch", "epochs"),
    ("per-device-train-batch-size", "batch-size"), ("evaluation-strategy", "eval-strategy"),
    ("lerning-rate", "learning-rate"), ("frobnicate", nil), ("x", nil),
  ])
  func theNearestNameIsFound(_ name: String, _ nearest: String?) {
    #expect(NearestName.find(name, among: TrainingOptions.settings.map(\.name)) == nearest)
  }

  @Test func distancesCountEdits() {
    for (first, second, distance) in [
      ("", "", 0), ("a", "", 1), ("epoch", "epochs", 1), ("trian", "train", 1), ("kitten", "sitting", 3),
    ] {
      #expect(
        NearestName.distance(first, second) == distance && NearestName.distance(second, first) == distance)
    }
  }
}
