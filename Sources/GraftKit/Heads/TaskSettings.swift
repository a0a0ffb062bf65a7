import Foundation
import GraftCore
import GraftTensors

extension Configuration {
  /// The key that says whether a head that labels words learns from all tokens of a word, or from the first alone.
  static let labelsAllTokensKey = "label_all_tokens"
  /// The key of the probabilities above which a classifier gives each of several labels.
  static let thresholdKey = "decision_threshold"
}

extension Checkpoint {
  /// The thresholds that are kept with the active head and decide which of several labels it gives; `nil` where there are
  /// none, or all are one half, as everybody has it.
  ///
  /// - Throws: `GraftError` when the configuration cannot be read.
  var keptThresholds: [Double]? {
    get throws {
      let key = Configuration.thresholdKey
      guard hasSetting(key), let value = configuration[key], try configuration.problemType() == .multiLabel
      else { return nil }
      let thresholds = (value.array ?? [value]).compactMap(\.double)
      return thresholds.contains { $0 != 0.5 } ? thresholds : nil
    }
  }
}

extension Checkpoint {
  /// Settles how the active head that labels tokens reads words and tags. It is kept with the head, so that it is
  /// evaluated as it was trained.
  ///
  /// - Parameters:
  ///   - labelsAllTokens: Whether all tokens of a word are learnt from; `false` leaves it as it is.
  ///   - scheme: The scheme of the data's tags; `nil` leaves it as it is.
  /// - Throws: `GraftError` when there is something to settle and no such head, or there is no such scheme.
  package mutating func setTagging(labelsAllTokens: Bool = false, scheme: String? = nil) throws {
    var settings: [String: JSON] = [:]
    if labelsAllTokens { settings[Configuration.labelsAllTokensKey] = true }
    if let scheme { settings["tag_scheme"] = .string(scheme.uppercased()) }
    try settle(
      settings, by: "tag-scheme",
      orThrow: GraftError(
        .refused, problem(ofHead: "does not label tokens"),
        advice: "Leave out \(option: "label-all-tokens") and \(option: "tag-scheme")."))
  }

  /// Settles, before the active head is trained, that it learns from the first token of each word where nothing else was
  /// said. Whoever reads its scores then knows that the other tokens mean nothing.
  mutating func settleLearntTokens() {
    let key = Configuration.labelsAllTokensKey
    guard let task = activeHead?.tasks.first(where: { $0.settingKeys.contains(key) }),
      configuration[key] == nil
    else { return }
    self[task.name]?.settings[key] = false
  }

  /// Settles that the active head learns numbers where it has one label and nothing says what that is, as the classes of
  /// transformers do in training.
  ///
  /// - Throws: `GraftError` when the labels cannot be read.
  package mutating func settleProblemType() throws {
    let key = "problem_type"
    guard let task = activeHead?.tasks.first(where: { $0.settingKeys.contains(key) }),
      configuration[key] == nil, try configuration.labels().count == 1
    else { return }
    self[task.name]?.settings[key] = .string(ProblemType.regression.rawValue)
  }

  /// Settles what the active head does with texts that are longer than the model reads.
  ///
  /// - Parameter longTexts: `nil` leaves it as it is.
  /// - Throws: `GraftError` when there is something to settle and the head does not label texts as a whole.
  package mutating func setLongTexts(_ longTexts: LongTexts?) throws {
    guard let longTexts else { return }
    try settle(
      [LongTexts.key: .string(longTexts.rawValue)],
      orThrow: GraftError(
        .refused, problem(ofHead: "does not label texts as a whole"),
        advice: "Leave out \(option: "long-texts")."))
  }

  /// Settles how the active head chooses answers.
  ///
  /// - Parameters:
  ///   - nBest: How many candidates are considered; `nil` leaves it as it is.
  ///   - longest: The most tokens of an answer; `nil` leaves it as it is.
  ///   - nullThreshold: How much likelier than the best answer none has to be, in logits, to be what is said; `nil`
  ///     leaves it as it is.
  /// - Throws: `GraftError` when the head finds no answers.
  package mutating func setAnswering(nBest: Int? = nil, longest: Int? = nil, nullThreshold: Double?) throws {
    var settings: [String: JSON] = [:]
    if let nBest { settings["n_best_size"] = JSON(nBest) }
    if let longest { settings["max_answer_length"] = JSON(longest) }
    if let nullThreshold { settings["null_score_diff_threshold"] = JSON(nullThreshold) }
    let keys = Set(settings.keys)
    try settle(
      settings,
      orThrow: .noHead(
        activeHead.map { "the head '\($0.name)' finds no answers" }, parked: parkedTasks,
        where: { keys.isSubset(of: $0.settingKeys) }))
  }

  /// Settles above which probability the active head gives each of several labels.
  ///
  /// - Parameter thresholds: One for all labels, or one for each.
  /// - Throws: `GraftError` when the head gives no several labels, or has not as many.
  package mutating func setThresholds(_ thresholds: [Double]) throws {
    let refusal = GraftError.noThresholds(advice: "Leave out \(option: "threshold").")
    guard activeHead?.hasLabels == true, try configuration.problemType() == .multiLabel else { throw refusal }
    let labels = try configuration.labels().count
    guard thresholds.count == 1 || thresholds.count == labels else {
      throw GraftError(
        .mismatch, "wrong number of thresholds", expected: "one, or one for each of \(labels) labels",
        found: "\(thresholds.count)")
    }
    try settle([Configuration.thresholdKey: Self.json(of: thresholds)], orThrow: refusal)
  }

  fileprivate static func json(of thresholds: [Double]) -> JSON {
    Set(thresholds).count == 1 ? JSON(thresholds[0]) : .array(thresholds.map { JSON($0) })
  }

  /// Changes settings of the active head's task that has them all.
  ///
  /// - Parameters:
  ///   - settings: The settings.
  ///   - option: What they come from, where their values are not checked yet.
  ///   - refusal: What is thrown where no task has them.
  private mutating func settle(
    _ settings: [String: JSON], by option: String? = nil, orThrow refusal: GraftError
  ) throws {
    guard !settings.isEmpty else { return }
    guard let task = activeHead?.tasks.first(where: { Set(settings.keys).isSubset(of: $0.settingKeys) })
    else { throw refusal }
    for (key, value) in settings { self[task.name]?.settings[key] = task.written(value, as: key) }
    guard let option else { return }
    do {
      _ = try makeTasks()
    } catch var error as GraftError
      where error.subject.map({ subject in settings.keys.contains { subject == "key '\($0)'" } }) ?? true
    {
      // Nobody has written it into a file.
      (error.file, error.subject, error.option) = (nil, nil, option)
      throw error
    }
  }
}

extension GraftError {
  /// The error of a head that has no thresholds.
  static func noThresholds(option: String? = nil, advice: Advice? = nil) -> GraftError {
    GraftError(
      .refused, "only a head that gives several labels has thresholds", option: option,
      expected: "the problem type multi-label", advice: advice)
  }
}

/// Keeps thresholds in a checkpoint, which uses them from now on. Nothing else of the checkpoint is touched.
///
/// - Parameters:
///   - thresholds: One for each label of a classifier of several labels, or one alone.
///   - checkpoint: A directory with a `config.json`.
///   - head: The parked head whose thresholds they are, as the list of heads shows it; its own configuration is replaced.
///     `nil` is the active head, whose configuration is the checkpoint's.
///   - key: The setting, as ``Evaluation/thresholdKey`` has it; `nil` is that of a classifier of several labels.
/// - Returns: The file.
/// - Throws: `GraftError` when there is none, or it cannot be written.
@discardableResult public func keepThresholds(
  _ thresholds: [Float], in checkpoint: URL, head: String? = nil, key: String? = nil
) throws -> URL {
  let key = key ?? Configuration.thresholdKey
  let directory = head.map { checkpoint.appending(path: ModelDirectory.headsName).appending(path: $0) }
  let file = (directory ?? checkpoint).appending(path: ModelDirectory.configurationName)
  // A link leads into a cache that other tools share.
  var status = stat()
  guard lstat(file.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
    throw GraftError(
      .refused, "the thresholds cannot be kept: this is no checkpoint directory of its own",
      file: checkpoint.path,
      advice: "Import it into a directory of your own first.")
  }
  var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
  configuration[key] = Checkpoint.json(of: thresholds.map { Double("\($0)") ?? Double($0) })
  try FileWriter.write(file, text: configuration.text)
  return file
}
