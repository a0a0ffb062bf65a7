import Foundation
import GraftCore
import OrderedCollections

/// What decides the course of a run: its model, its options, its data and its kernels. It is written beside each checkpoint, so that
/// only the same run is resumed.
struct TrainingArguments: Equatable {
  static let fileName = "training_args.json"

  /// By the name of the flag.
  private let values: OrderedDictionary<String, JSON>

  init(_ run: TrainingRun, data: Dataset, evaluationData: Dataset?) {
    let options = run.options
    func optional(_ value: Int?) -> JSON { value.map { JSON($0) } ?? .null }
    values = [
      "model": JSON(run.store.fingerprint),
      "head": run.model.head.map { JSON(type(of: $0).name) } ?? .null,
      "data": JSON(data.fingerprint),
      "eval-data": evaluationData.map { JSON($0.fingerprint) } ?? .null,
      "epochs": JSON(options.epochs),
      "batch-size": JSON(options.batchSize),
      "gradient-accumulation-steps": JSON(options.gradientAccumulationSteps),
      "max-steps": optional(options.maxSteps),
      "learning-rate": JSON(options.learningRate),
      "lr-scheduler": JSON(options.schedule.rawValue),
      "warmup-steps": JSON(options.warmupSteps),
      "weight-decay": JSON(options.weightDecay),
      "max-grad-norm": JSON(options.maxGradNorm),
      "max-length": JSON(options.maxLength),
      "mlm-probability": JSON(options.maskingProbability),
      "seed": .number(String(options.seed)),
      "dropout": options.dropout.map { JSON($0) } ?? .null,
      "no-shuffle": JSON(!options.shuffles),
      "freeze-backbone": JSON(options.freezesBackbone),
      "eval-strategy": JSON(options.evalStrategy.rawValue),
      "eval-on-start": JSON(options.evalOnStart),
      "eval-steps": optional(options.evalSteps),
      "eval-batch-size": JSON(options.evalBatchSize),
      "logging-steps": JSON(options.loggingSteps),
      "trainer": JSON(options.trainer),
      "backend": JSON(type(of: run.backend).name),
      "precision": JSON(run.backend.precision.rawValue),
    ]
  }

  var document: String { JSON.object(values).text(.pretty) + "\n" }

  /// Makes sure that a directory's run is this one. How often it saves, and how much it keeps, may change.
  ///
  /// - Throws: `GraftError` naming the option that differs.
  func check(against directory: URL) throws {
    let file = directory.appendingPathComponent(TrainingArguments.fileName)
    let stored = try JSON(file: file)
    for (flag, value) in values where stored[flag] != value {
      if flag == "model" {
        throw GraftError(
          .mismatch, "another checkpoint than that of the run that is resumed", file: file.path,
          advice: "Pass the same CKPT, or start a new run in another directory.")
      }
      let isData = flag == "data" || flag == "eval-data"
      throw GraftError(
        .mismatch,
        isData
          ? "other rows or labels than those of the run that is resumed"
          : "differs from the run that is resumed",
        file: file.path,
        subject: "--\(flag)",
        expected: stored[flag].map { TrainingArguments.text($0) } ?? "nothing",
        found: TrainingArguments.text(value),
        advice: isData
          ? "Pass the same files and data flags, or start a new run in another directory."
          : "Pass the same value, or start a new run in another directory.")
    }
  }

  private static func text(_ value: JSON) -> String {
    value == .null ? "nothing" : value.string ?? value.text()
  }
}
