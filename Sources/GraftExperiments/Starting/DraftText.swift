import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors

extension ExperimentDraft {
  /// The experiment's file.
  ///
  /// - Parameters:
  ///   - directory: Where it will be; paths are relative to it where they lie below it.
  ///   - title: Comments at its top, without `#`.
  public func text(in directory: URL, title: [String] = []) -> String {
    let isLabelled = choices.kind != .texts
    return
      (title.map { "# \($0)" } + settings(directory) + [""] + dataLines(directory) + [""]
      + (vectors.map { vectorStages($0.task, $0.columns) }
        ?? (isLabelled ? labelledStages + labelledArms : textStages)) + [""]).joined(separator: "\n")
  }

  /// What stands at the top.
  private func settings(_ directory: URL) -> [String] {
    let base = base.hasPrefix("/") ? Self.path(URL(fileURLWithPath: base), from: directory) : base
    return [
      "name: \(Self.scalar(name))", "# The checkpoint that every arm starts from.",
      "base: \(Self.scalar(base))",
      "# Each arm runs once with each seed; [42, 1, 2] shows how much chance does.", "seeds: [42]",
    ] + metricLines
  }

  /// What arms are compared by, where it is not the usual score of the task.
  private var metricLines: [String] {
    guard isImbalanced else { return [] }
    return [
      "# Some labels are rare: arms are compared by macro F1, in which each label counts alike.",
      "metric: f1_macro",
    ]
  }

  /// Whether rare labels should count more than they do in accuracy.
  private var isImbalanced: Bool { choices.imbalance.map { $0 >= DraftChoices.muchImbalance } == true }

  // MARK: Data

  private func dataLines(_ directory: URL) -> [String] {
    var lines = ["data:"]
    let isHeldOut = evaluation.isEmpty
    if isHeldOut {
      lines.append(
        "  # \(Self.count(rows, "row")); there is no file to evaluate on, so \(Self.count(evaluationRows, "row")) \(evaluationRows == 1 ? "is" : "are") held out"
          + (isStratified ? "," : ".")
      )
      if isStratified { lines.append("  # of each label the same share.") }
      lines += repeatedLines + untrainedLines + unusedLines
    } else {
      lines.append("  # \(Self.count(rows, "row")).")
      lines += unusedLines
    }
    lines.append("  train:")
    lines += fileLines(training, layout, directory)
    if isHeldOut { lines += ["    test-size: \(evaluationRows)", "    part: train"] }
    if !isHeldOut {
      lines.append("  # \(Self.count(evaluationRows, "row")).")
      lines += repeatedLines + untrainedLines
    }
    lines.append("  test:")
    lines += fileLines(isHeldOut ? training : evaluation, evaluationLayout, directory)
    if isHeldOut { lines += ["    test-size: \(evaluationRows)", "    part: test"] }
    return lines
  }

  private var repeatedLines: [String] {
    switch repeated {
    case 0: []
    case 1: ["  # Of them 1 text stands in 'train' as well: its score is too good."]
    default: ["  # Of them \(repeated) texts stand in 'train' as well: their scores are too good."]
    }
  }

  private var untrainedLines: [String] { untrained.isEmpty ? [] : ["  # \(untrainedSentence)"] }

  private var unusedLines: [String] {
    guard !unused.isEmpty else { return [] }
    let names = unused.map { Self.oneLine($0.description) }.joined(separator: ", ")
    // A task with columns of its own reads no pair beside them.
    guard !isOfTask, layout.options.pairColumn == nil else {
      return ["  # Columns that are not used: \(names)."]
    }
    return [
      "  # Columns that are not used: \(names);", "  # 'pair-column' names a second text of each row.",
    ]
  }

  private var isOfTask: Bool { if case .ofTask = choices.kind { true } else { false } }

  private func fileLines(_ files: [URL], _ layout: DataLayout, _ directory: URL) -> [String] {
    let paths = files.map { Self.scalar(Self.path($0, from: directory)) }
    var lines = ["    files: \(paths.count == 1 ? paths[0] : "[\(paths.joined(separator: ", "))]")"]
    func add(_ key: String, _ columns: [Column]) {
      let names = columns.map { column in
        if case .number = column { column.description } else { Self.scalar(column.description) }
      }
      guard !names.isEmpty else { return }
      lines.append("    \(key): \(names.count == 1 ? names[0] : "[\(names.joined(separator: ", "))]")")
    }
    let options = layout.options
    if layout.format != .lines, layout.format != .squad {
      add("text-column", options.textColumns)
      add("pair-column", [options.pairColumn].compactMap { $0 })
      add("label-column", options.labelColumns)
    }
    if let labelDelimiter = options.labelDelimiter {
      lines.append("    label-delimiter: \(JSON(labelDelimiter).text())")
    }
    if let labelBase = layout.labelBase { lines.append("    label-base: \(labelBase)") }
    if let format = options.format { lines.append("    data-format: \(format.rawValue)") }
    if let delimiter = options.delimiter {
      lines.append("    delimiter: \(JSON(String(decoding: [delimiter], as: UTF8.self)).text())")
    }
    if let quoting = options.quoting { lines.append("    quoting: \(quoting.rawValue)") }
    return lines
  }

  /// A path as seen from a directory that it lies below, else the whole of it.
  private static func path(_ file: URL, from directory: URL) -> String {
    let (path, root) = (file.standardizedFileURL.path, directory.standardizedFileURL.path)
    let prefix = root.hasSuffix("/") ? root : root + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }

  // MARK: Stages

  /// Longer lists of labels are taken from the data.
  static let mostLabels = 30

  private var labelledStages: [String] {
    var lines = ["stages:"]
    lines += headLines.map { "  \($0)" }
    lines.append("  fine-tune:")
    lines.append("    train: train")
    lines += trainingLines(epochs: choices.epochs, isOfHead: true).map { "    \($0)" }
    if isImbalanced {
      lines.append("    # Rare labels count as much as frequent ones.")
      lines.append("    class-weights: balanced")
    }
    lines += choiceLines.map { "    \($0)" }
    lines += [
      "  test:",
      "    evaluate: test",
    ]
    if let languageModel {
      lines += [
        "  # For the arm 'adapted': the model learns the language of the texts first, without labels.",
        "  language-model:",
        "    swap: \(languageModel)",
        "  adapt:",
        "    train: train",
      ]
      lines += trainingLines(epochs: 1).map { "    \($0)" }
    }
    return lines
  }

  /// Keys that choose an epoch, and thresholds, by rows that are held out; comments where it is not worth such rows.
  private var choiceLines: [String] {
    let split = "eval-split: \(choices.evalSplit)"
    let best = ["load-best-model-at-end: true", "metric-for-best-model: \(choices.score)"]
    let patience = "# early-stopping-patience: \(choices.patience)"
    let isOfSeveral = if case .several = choices.kind { true } else { false }
    var lines: [String] = []
    if choices.tunesThresholds {
      lines += [
        "# A label is given from the probability on that is best for it, by rows that are held out of 'train':",
        "# a half is too much for rare ones.", split, "tune-threshold: label",
      ]
    }
    if choices.keepsBest {
      lines +=
        choices.tunesThresholds
        ? ["# So is the best of all epochs."]
        : ["# The best of all epochs is kept, by rows that are held out of 'train'.", split]
      return lines + best + [
        "save-total-limit: 1", "# To stop when so many epochs have brought nothing better:", patience,
      ]
    }
    if choices.tunesThresholds {
      lines.append("# To end with the best of all epochs as well:")
    } else {
      lines += [
        "# To end with the best of all epochs, chosen on rows that are held out of 'train':", "# \(split)",
      ]
      if isOfSeveral { lines.append("# tune-threshold: label") }
    }
    return lines + best.map { "# \($0)" } + [patience]
  }

  private var headLines: [String] {
    let head = DefaultPlugins.classificationHead
    var lines: [String] = []
    let pairs = choices.hasPairs ? " The texts are pairs." : ""
    switch choices.kind {
    case .classes(let labels, let counts):
      lines.append("# \(Self.count(labels.count, "label")), one for each text.\(pairs)")
      lines += Self.balance(labels, counts, imbalance: choices.imbalance) + Self.numberLines(labels)
      if choices.hasPairs, labels == ["0", "1"] {
        lines += [
          "# Texts that are sorted by a query want one score each. For such a cross-encoder write 'num-labels: 1' in place",
          "# of labels and problem-type, and 'loss: binary-cross-entropy' below the next 'train'.",
        ]
      }
      lines += ["head:", "  swap: \(head)", "  \(Self.labelLine(labels))", "  problem-type: single-label"]
    case .several(let labels, let counts):
      lines.append("# \(Self.count(labels.count, "label")), any number for each text.\(pairs)")
      lines += Self.balance(labels, counts, imbalance: nil)
      lines += ["head:", "  swap: \(head)", "  \(Self.labelLine(labels))", "  problem-type: multi-label"]
    case .values(let labels, let range, let scale):
      lines.append("# Labels are numbers, from \(range.lowerBound) to \(range.upperBound).\(pairs)")
      if let scale { lines.append("# \(scale.sentence.capitalizedFirst).") }
      lines += ["head:", "  swap: \(head)"]
      lines.append(labels.count == 1 ? "  num-labels: 1" : "  \(Self.labelLine(labels))")
      lines.append("  problem-type: regression")
    case .ofTask(let name, let labels):
      if !labels.isEmpty { lines.append("# \(Self.count(labels.count, "label")).") }
      lines += Self.numberLines(labels)
      lines += ["head:", "  swap: \(name)"]
      if !labels.isEmpty { lines.append("  \(Self.labelLine(labels, inFull: !untrained.isEmpty))") }
    case .texts: break
    }
    if let replaced { lines.insert("# \(replaced)", at: 0) }
    return lines
  }

  /// - Parameter inFull: Whether the training data lack some.
  private static func labelLine(_ labels: [String], inFull: Bool = false) -> String {
    labels.count > mostLabels && !inFull
      ? "labels-from: train" : "labels: [\(labels.map(scalar).joined(separator: ", "))]"
  }

  /// That labels which are numbers from 0 may have names.
  private static func numberLines(_ labels: [String]) -> [String] {
    guard labels.count > 1, labels.count <= mostLabels, labels == labels.indices.map({ "\($0)" }) else {
      return []
    }
    return ["# The data have their numbers: write their names in place of these, in the same order."]
  }

  /// How many rows each label has; of many the most and the least frequent.
  private static func balance(_ labels: [String], _ counts: [Int], imbalance: Double?) -> [String] {
    var lines = ["# Rows of each: \(NumberText.balance(labels, counts))."]
    lines += InferredLabels.remarks(on: labels, counts: counts).map { "# \($0.capitalizedFirst)." }
    if let imbalance {
      let times = "# The most frequent has \(number(imbalance)) times as many as the rarest"
      lines.append(
        imbalance < DraftChoices.littleImbalance ? "# They are about equally frequent." : "\(times).")
    }
    return lines
  }

  /// - Parameters:
  ///   - isOfHead: Whether the head of the data's task is trained, which may read long texts in windows.
  ///   - canGroup: Whether texts may be packed into pieces.
  func trainingLines(
    epochs: Int, batchSize: Int? = nil, isOfHead: Bool = false, canGroup: Bool = false
  ) -> [String] {
    let lengths = choices.lengths
    let unit = lengths.areTokens ? "tokens" : "tokens, guessed from words"
    let batchSize = batchSize ?? choices.batchSize
    var lines = epochs > choices.usualEpochs ? choices.stepLines(epochs, batchSize) : []
    lines += [
      "epochs: \(epochs)", "batch-size: \(batchSize)",
      "learning-rate: \(choices.learningRate)",
      "# Half of the texts have at most \(lengths.median) \(unit); 99 of 100 have \(lengths.most), the longest \(lengths.longest).",
      "max-length: \(choices.maxLength)",
    ]
    if choices.readsWindows, isOfHead {
      lines.append("# Longer ones are read in windows.")
    } else if groupsTexts, canGroup {
      lines += [
        "# Longer ones are read in pieces of that length, so that no part of them is lost.",
        "group-texts: true",
      ]
    } else if choices.hasLongTexts {
      let canWindow = isOfHead && !isOfTask
      lines.append(
        "# More than one text of a hundred is cut.\(canWindow ? " To read all of each, in more time:" : "")")
      if canWindow { lines.append("# long-texts: windows") }
    }
    return lines
  }

  private var labelledArms: [String] {
    var lines = ["", "arms:", "  fine-tuned: [head, fine-tune, test]"]
    if languageModel != nil {
      lines.append("  # A second arm makes it a comparison, which ends in a verdict:")
      if isLanguageModelNew {
        lines.append(
          "  # (the checkpoint has no weights for the head '\(languageModel ?? "")': it starts from new ones)"
        )
      }
      lines.append("  # adapted: [language-model, adapt, head, fine-tune, test]")
    }
    return lines
  }

  /// Whether texts without labels are packed into pieces, because some are too long.
  private var groupsTexts: Bool { choices.kind == .texts && choices.hasLongTexts && !choices.hasPairs }

  /// Without labels, a model is adapted to the texts.
  private var textStages: [String] {
    let head = languageModel ?? DefaultPlugins.pretrainingHead
    let before =
      isLanguageModelNew
      ? ["  # The checkpoint has no weights for the head '\(head)', and nothing to compare with."]
      : ["  # The checkpoint as it is, to compare with.", "  before: [language-model, test]"]
    return [
      "stages:", "  # There are no labels: the model learns the language of the texts.", "  language-model:",
      "    swap: \(head)", "  adapt:", "    train: train",
    ] + trainingLines(epochs: choices.usualEpochs, canGroup: true).map { "    \($0)" } + [
      "  test:", "    evaluate: test",
    ] + (groupsTexts ? ["    max-length: \(choices.maxLength)", "    group-texts: true"] : []) + [
      "", "arms:",
    ] + before + ["  adapted: [language-model, adapt, test]"]
  }

  // MARK: Spelling

  private static let words: Set<String> = [
    "true", "false", "yes", "no", "on", "off", "null", "y", "n",
  ]

  /// A text as YAML has it: in quotes where it would be something else without.
  static func scalar(_ text: String) -> String {
    let plain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_./ -".contains($0)) }
    let begins = text.first.map { $0.isLetter || "_./".contains($0) } == true
    guard plain, begins, text.last != " ", !words.contains(text.lowercased()), text != ".",
      Double(text) == nil
    else { return JSON(text).text() }
    return text
  }

  static func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 }.prefix(40))
  }

  private static func count(_ number: Int, _ unit: String) -> String {
    "\(number) \(unit)\(number == 1 ? "" : "s")"
  }

  private static func number(_ value: Double) -> String {
    value >= 10 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
  }
}
