import GraftCore
import GraftTensors
import OrderedCollections
import Testing

@testable import GraftCommandLine
@testable import GraftExperiments
@testable import GraftKit

/// The table of training options, and what is made of it.
@Suite struct TrainingSettingsTests {
  /// For each setting a text other than the default, and the value that it means.
  private static let samples:
    KeyValuePairs<String, (text: String, change: @Sendable (inout TrainingOptions) -> Void)> =
      [
        "epochs": ("1.5", { $0.epochs = 1.5 }),
        "batch-size": ("4", { $0.batchSize = 4 }),
        "gradient-accumulation-steps": ("2", { $0.gradientAccumulationSteps = 2 }),
        "head-weights": ("a=2,b=0.5", { $0.headWeights = ["a": 2, "b": 0.5] }),
        "max-steps": ("7", { $0.maxSteps = 7 }),
        "learning-rate": ("3e-4", { $0.learningRate = 3e-4 }),
        "head-learning-rate": ("1e-3", { $0.headLearningRate = 1e-3 }),
        "layer-decay": ("0.9", { $0.layerDecay = 0.9 }),
        "unfreeze-every-n-steps": ("9", { $0.unfreezeEverySteps = 9 }),
        "ema-decay": ("0.99", { $0.emaDecay = 0.99 }),
        "average-last": ("3", { $0.averageLast = 3 }),
        "lr-scheduler": ("cosine", { $0.schedule = .cosine }),
        "lr-scheduler-kwargs": ("num_cycles=2", { $0.scheduleShape.cycles = 2 }),
        "warmup-steps": ("10", { $0.warmupSteps = 10 }),
        "warmup-ratio": ("0.1", { $0.warmupRatio = 0.1 }),
        "weight-decay": ("0.01", { $0.weightDecay = 0.01 }),
        "label-smoothing-factor": ("0.1", { $0.labelSmoothingFactor = 0.1 }),
        "class-weights": ("A=1.5", { $0.classWeights = .given(["A": 1.5]) }),
        "focal-gamma": ("2", { $0.focalGamma = 2 }),
        "max-grad-norm": ("0.5", { $0.maxGradNorm = 0.5 }),
        "max-length": ("64", { $0.maxLength = 64 }),
        "stride": ("8", { $0.stride = 8 }),
        "long-texts": ("head-tail", { $0.longTexts = .headTail }),
        "label-all-tokens": ("true", { $0.labelsAllTokens = true }),
        "tag-scheme": ("IOB2", { $0.tagScheme = "IOB2" }),
        "loss": ("triplet", { $0.sentenceLoss.loss = .triplet }),
        "loss-scale": ("10", { $0.sentenceLoss.scale = 10 }),
        "loss-similarity": ("dot", { $0.sentenceLoss.similarity = .dot }),
        "triplet-margin": ("0.5", { $0.sentenceLoss.margin = 0.5 }),
        "matryoshka": ("5,3=0.5", { $0.sentenceLoss.widths = MatryoshkaWidths([5: 1, 3: 0.5]) }),
        "pooling": ("cls", { $0.pooling = .cls }),
        "mlm-probability": ("0.3", { $0.mlmProbability = 0.3 }),
        "generator": ("gen", { $0.generator = "gen" }),
        "train-generator": ("true", { $0.trainsGenerator = true }),
        "discriminator-weight": ("20", { $0.discriminatorWeight = 20 }),
        "group-texts": ("true", { $0.groupsTexts = true }),
        "seed": ("18446744073709551615", { $0.seed = .max }),
        "dropout": ("0", { $0.dropout = 0 }),
        "no-shuffle": ("true", { $0.shuffles = false }),
        "freeze-backbone": ("true", { $0.freezesBackbone = true }),
        "save-strategy": ("epoch", { $0.saveStrategy = .epoch }),
        "save-steps": ("100", { $0.saveSteps = 100 }),
        "save-total-limit": ("3", { $0.saveTotalLimit = 3 }),
        "eval-strategy": ("steps", { $0.evalStrategy = .steps }),
        "eval-split": ("0.1", { $0.evalSplit = 0.1 }),
        "eval-on-start": ("true", { $0.evalOnStart = true }),
        "eval-steps": ("25", { $0.evalSteps = 25 }),
        "eval-batch-size": ("16", { $0.evalBatchSize = 16 }),
        "top-k": ("2,7", { $0.topRanks = [2, 7] }),
        "tune-threshold": ("label", { $0.thresholdTuning = .label }),
        "load-best-model-at-end": ("true", { $0.loadsBestModelAtEnd = true }),
        "metric-for-best-model": ("f1_macro", { $0.metricForBestModel = "f1_macro" }),
        "greater-is-better": ("false", { $0.greaterIsBetter = false }),
        "early-stopping-patience": ("2", { $0.earlyStoppingPatience = 2 }),
        "early-stopping-threshold": ("0.5", { $0.earlyStoppingThreshold = 0.5 }),
        "logging-steps": ("5", { $0.loggingSteps = 5 }),
        "optimizer": ("other", { $0.optimizer = "other" }),
        "report-to": ("one,two", { $0.reportTo = ["one", "two"] }),
      ]

  /// Settings that mean something only beside another.
  private static let companions = [
    "lr-scheduler-kwargs": [("lr-scheduler", "cosine")],
    "early-stopping-threshold": [("early-stopping-patience", "1")],
    "triplet-margin": [("loss", "triplet")],
    "train-generator": [("generator", "gen")],
    "discriminator-weight": [("generator", "gen"), ("train-generator", "true")],
  ]

  /// The options of a sample, with what it stands beside.
  private func expected(_ name: String, _ change: (inout TrainingOptions) -> Void) throws -> TrainingOptions {
    var options = changed(change)
    for (other, text) in Self.companions[name] ?? [] {
      let setting = try #require(TrainingOptions.settings.first { $0.name == other })
      #expect(setting.assign(text, &options))
    }
    return options
  }

  /// Options with one setting changed.
  private func changed(_ change: (inout TrainingOptions) -> Void) -> TrainingOptions {
    var options = TrainingOptions()
    change(&options)
    return options
  }

  private func experiment(_ yaml: String) throws -> TrainingOptions {
    let diagnostics = Diagnostics()
    var options = TrainingOptions(
      reading: MappingReader(try YAMLValue(parsing: Array(yaml.utf8)), "a stage", diagnostics))
    try diagnostics.check()
    // Experiments have defaults of their own.
    if yaml.contains("eval-split") { options.evalStrategy = TrainingOptions().evalStrategy }
    if !yaml.contains("save-total-limit") { options.saveTotalLimit = TrainingOptions().saveTotalLimit }
    return options
  }

  @Test func everySettingIsSampled() {
    #expect(TrainingOptions.settings.map(\.name) == Self.samples.map(\.key))
  }

  @Test func everySettingIsAFlag() throws {
    let declared = try TrainingFlags.parse([]).names
    #expect(declared.sorted() == (TrainingOptions.settings.map(\.name) + ["precision"]).sorted())
    #expect(try TrainingFlags.parse([]).options(evaluating: false) == TrainingOptions())
    #expect(try TrainingFlags.parse([]).options(evaluating: true) == changed { $0.evalStrategy = .epoch })
    for (name, sample) in Self.samples {
      var arguments = sample.text == "true" ? ["--\(name)"] : ["--\(name)", sample.text]
      for (other, text) in Self.companions[name] ?? [] {
        arguments += text == "true" ? ["--\(other)"] : ["--\(other)", text]
      }
      let options = try TrainingFlags.parse(arguments).options(evaluating: false)
      #expect(try options == expected(name, sample.change) && options != TrainingOptions(), "\(name)")
    }
    #expect(try TrainingFlags.parse(["--report-to", "none"]).options(evaluating: false).reportTo == [])
    #expect(throws: (any Error).self) { try TrainingFlags.parse(["--optimizer", ""]) }
  }

  @Test func everySettingIsAKeyOfExperiments() throws {
    #expect(try experiment("{}") == TrainingOptions())
    for (name, sample) in Self.samples {
      let isList = TrainingOptions.settings.first { $0.name == name }?.isList == true
      let text = sample.text.contains(",") ? "'\(sample.text)'" : sample.text
      let value = isList ? "[\(sample.text)]" : text
      let companion = (Self.companions[name] ?? []).map { ", \($0.0): \($0.1)" }.joined()
      #expect(
        try experiment("{\(name): \(value)\(companion)}") == expected(name, sample.change), "\(name)")
    }
    #expect(try experiment("{report-to: none}").reportTo == [])
  }

  @Test func assigningWhatIsNoValueChangesNothing() throws {
    for setting in TrainingOptions.settings
    where !["tag-scheme", "metric-for-best-model", "generator", "optimizer", "report-to"].contains(
      setting.name)
    {
      var options = TrainingOptions()
      #expect(!setting.assign("?", &options) && options == TrainingOptions(), "\(setting.name)")
    }
  }

  /// What version 0.1 wrote, but for the optimizer, which it called a trainer.
  @Test func theRecordOfAStageStaysAsItIs() {
    #expect(
      JSON.object(TrainingOptions().stageRecord).text()
        == #"{"epochs":3.0,"batch-size":8,"gradient-accumulation-steps":1,"max-steps":null,"learning-rate":5e-05,"#
        + #""lr-scheduler":"linear","warmup-steps":0,"weight-decay":0.0,"max-grad-norm":1.0,"max-length":512,"#
        + #""mlm-probability":0.15,"seed":42,"dropout":null,"no-shuffle":false,"freeze-backbone":false,"#
        + #""eval-strategy":"no","eval-on-start":false,"eval-steps":null,"eval-batch-size":32,"logging-steps":50,"#
        + #""optimizer":"adamw"}"#)
    let all = Self.samples.reduce(into: TrainingOptions()) { options, sample in sample.value.change(&options)
    }
    #expect(
      JSON.object(all.stageRecord).text()
        == #"{"epochs":1.5,"batch-size":4,"gradient-accumulation-steps":2,"head-weights":{"a":2.0,"b":0.5},"max-steps":7,"learning-rate":0.0003,"#
        + #""head-learning-rate":0.001,"layer-decay":0.9,"unfreeze-every-n-steps":9,"ema-decay":0.99,"average-last":3,"#
        + #""lr-scheduler":"cosine","lr-scheduler-kwargs":{"num_cycles":2.0},"warmup-steps":10,"#
        + #""warmup-ratio":0.1,"weight-decay":0.01,"label-smoothing-factor":0.1,"#
        + #""class-weights":{"A":1.5},"focal-gamma":2.0,"max-grad-norm":0.5,"max-length":64,"#
        + #""stride":8,"long-texts":"head-tail","label-all-tokens":true,"tag-scheme":"IOB2","#
        + #""loss":"triplet","loss-scale":10.0,"loss-similarity":"dot","triplet-margin":0.5,"#
        + #""matryoshka":{"5":1.0,"3":0.5},"pooling":"cls","#
        + #""mlm-probability":0.3,"generator":"gen","train-generator":true,"discriminator-weight":20.0,"group-texts":true,"seed":18446744073709551615,"dropout":0.0,"no-shuffle":true,"#
        + #""freeze-backbone":true,"eval-strategy":"steps","eval-split":0.1,"eval-on-start":true,"eval-steps":25,"#
        + #""eval-batch-size":16,"top-k":[2,7],"tune-threshold":"label","load-best-model-at-end":true,"metric-for-best-model":"f1_macro","#
        + #""greater-is-better":false,"early-stopping-patience":2,"early-stopping-threshold":0.5,"#
        + #""logging-steps":5,"optimizer":"other"}"#)
  }

  /// Also the values that earlier versions did not have, so that a run is resumed with the same ones.
  @Test func theRecordOfARunIsWhole() {
    #expect(
      TrainingOptions().record.keys.elementsEqual(
        TrainingOptions.settings.filter(\.decidesResult).map(\.name)))
  }

  @Test func whatDoesNotDecideTheResultIsNotRecorded() {
    let left = TrainingOptions.settings.filter { !$0.decidesResult }.map(\.name)
    #expect(left == ["save-strategy", "save-steps", "save-total-limit", "report-to"])
  }
}
