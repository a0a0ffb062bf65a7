import GraftCore
import GraftTensors

extension Checkpoint {
  /// Settles how the active head that labels tokens reads words and tags. It is kept with the head, so that it is
  /// evaluated as it was trained.
  ///
  /// - Parameters:
  ///   - labelsAllTokens: Whether all tokens of a word are learnt from; `false` leaves it as it is.
  ///   - scheme: The scheme of the data's tags; `nil` leaves it as it is.
  /// - Throws: `GraftError` when there is something to settle and no such head.
  package mutating func setTagging(labelsAllTokens: Bool = false, scheme: String? = nil) throws {
    var settings: [String: JSON] = [:]
    if labelsAllTokens { settings["label_all_tokens"] = true }
    if let scheme { settings["tag_scheme"] = .string(scheme.uppercased()) }
    try settle(
      settings,
      orThrow: GraftError(
        .refused, "the active head does not label tokens",
        advice: "Leave out \(option: "label-all-tokens") and \(option: "tag-scheme")."))
  }

  /// Settles how the active head chooses answers.
  ///
  /// - Parameters:
  ///   - nBest: How many candidates are considered.
  ///   - longest: The most tokens of an answer; `nil` leaves it as it is.
  ///   - nullThreshold: How much likelier than the best answer none has to be, in logits, to be what is said; `nil`
  ///     leaves it as it is.
  /// - Throws: `GraftError` when the head finds no answers.
  package mutating func setAnswering(nBest: Int, longest: Int?, nullThreshold: Double?) throws {
    var settings: [String: JSON] = ["n_best_size": JSON(nBest)]
    if let longest { settings["max_answer_length"] = JSON(longest) }
    if let nullThreshold { settings["null_score_diff_threshold"] = JSON(nullThreshold) }
    try settle(
      settings,
      orThrow: GraftError(
        .mismatch, "the active head finds no answers",
        advice: "Swap it for one that does: \(action: .swapHead(to: "NAME"))."))
  }

  /// Changes settings of the active head's task that has them all.
  private mutating func settle(_ settings: [String: JSON], orThrow refusal: GraftError) throws {
    guard !settings.isEmpty else { return }
    guard let task = activeHead?.tasks.first(where: { Set(settings.keys).isSubset(of: $0.settingKeys) })
    else { throw refusal }
    for (key, value) in settings { self[task.name]?.settings[key] = value }
  }
}
