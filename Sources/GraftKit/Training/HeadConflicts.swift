import GraftCore
import GraftTensors

extension TrainingOptions {
  /// Makes sure that what is said about heads makes sense for those that are trained, before their rows are read.
  ///
  /// - Parameter heads: The checkpoint as each head has it, with what the options settle.
  /// - Throws: `GraftError` naming the option.
  package func checkHeads(_ heads: [Checkpoint]) throws {
    try checkClassLosses(of: heads)
    let tasks = try heads.compactMap { try $0.makeTasks().first }
    _ = try topRanks(of: tasks)
    if let thresholdTuning {
      for task in tasks { try task.checkThresholds(thresholdTuning) }
    }
    if groupsTexts, !heads.contains(where: \.learnsFromTexts) { throw GraftError.textsAreNotPacked }
    // Where no head predicts tokens, the first head's error says so.
    let hides = heads.contains { $0.activeHead?.tasks.contains { $0.needsTokens } == true }
    if mlmProbability != TrainingOptions().mlmProbability, !hides { try heads.first?.checkHiding() }
    // Where no head reads windows, the first head's error says so.
    let able = try heads.filter { try $0.splitsLongRows }
    try (able.first ?? heads.first)?.checkStride(isGiven: stride != nil)
    for head in able { try head.checkRoom(stride: stride, maxLength: maxLength) }
    for head in heads { try head.checkWidths(sentenceLoss.widths) }
  }
}

extension GraftError {
  static var textsAreNotPacked: GraftError {
    GraftError(
      .refused, "only texts that a head learns from without labels can be packed",
      advice: "Leave out \(option: "group-texts").")
  }
}

extension Checkpoint {
  /// Makes sure that a share of hidden tokens is given only where an active head predicts them.
  package func checkHiding() throws {
    guard activeHead?.tasks.contains(where: { $0.needsTokens }) != true else { return }
    throw GraftError(
      .refused, problem(ofHead: "predicts no hidden tokens"),
      option: "mlm-probability",
      advice: "Leave it out.")
  }

  /// Whether the active head reads a long row in several windows.
  package var splitsLongRows: Bool {
    get throws { try makeTasks().first?.splitsLongRows == true }
  }

  /// Makes sure that something is said about windows only where the active head reads them.
  ///
  /// - Parameter isGiven: Whether it is said how many tokens they share.
  package func checkStride(isGiven: Bool) throws {
    guard isGiven, try !splitsLongRows else { return }
    guard let head = activeHead else {
      throw GraftError(
        .refused, "without a head no long texts are read in windows", option: "stride",
        advice: "Leave it out.")
    }
    let canSplit = head.tasks.contains { $0.settingKeys.contains(LongTexts.key) }
    throw GraftError(
      .refused, "the head '\(head.name)' does not read long texts in windows", option: "stride",
      advice: canSplit
        ? "Leave it out, or set \(option: "long-texts") to \(LongTexts.windows.rawValue)." : "Leave it out.")
  }

  /// Makes sure that vectors for texts have as many numbers as they are cut to.
  fileprivate func checkWidths(_ widths: MatryoshkaWidths?) throws {
    guard let largest = widths?.weights.keys.max(), let sentences, activeHead?.readsSentenceVectors == true
    else { return }
    let width = sentences.width(hiddenSize: try makeBackbone().hiddenSize)
    guard largest > width else { return }
    throw GraftError(
      .mismatch, "vectors do not have that many numbers", option: "matryoshka",
      expected: "at most \(width)", found: "\(largest)")
  }

  /// Makes sure that a window of one text has room for more than what it repeats of the one before it.
  ///
  /// - Parameters:
  ///   - stride: How many tokens windows share; `nil` is a part that leaves room.
  ///   - maxLength: The most tokens of a text; `nil` is the model's limit.
  package func checkRoom(stride: Int?, maxLength: Int?) throws {
    guard let stride, try splitsLongRows, let tokenizer else { return }
    let task = try makeTasks().first
    let length = min(maxLength ?? .max, try makeBackbone().maximumLength, task?.maximumLength ?? .max)
    let added = tokenizer.encode("", pair: nil, maximumLength: nil, addSpecialTokens: true).ids.count
    guard stride >= length - added else { return }
    throw GraftError(
      .mismatch, "no room for a window of a long text", option: "stride",
      expected:
        "less than the \(max(0, length - added)) tokens of a text that a window of \(length) has room for",
      found: "\(stride)")
  }
}
