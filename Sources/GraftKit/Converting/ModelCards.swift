import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

extension ModelCard {
  private static let rest =
    "What follows is the card of the checkpoint that this one was made from, and is about that one."

  /// The card of a checkpoint that is exported: as it is, or a short one when there is none.
  static func exported(_ checkpoint: Checkpoint, as name: String, dialect: Dialect) throws -> ModelCard {
    var card = checkpoint.card ?? ModelCard()
    card.setFacts(of: checkpoint, library: checkpoint.library(in: dialect))
    if checkpoint.card == nil {
      card.set("base_model", checkpoint.repository.map { .string($0) })
      card.setGenerated("# \(name)\n\n\(try summary(checkpoint))", rest: rest)
    }
    let notes = try checkpoint.notesOnOtherTools
    card.setSection(
      elsewhere,
      notes.isEmpty ? nil : "## In other tools\n\n\(notes.map { "- \($0)" }.joined(separator: "\n"))")
    return card
  }

  private static let quantized = "quantization"
  private static let quantizationCost = "quantization-cost"
  private static let elsewhere = "elsewhere"

  /// The card of a checkpoint whose encoder has linear layers in int8.
  ///
  /// - Parameters:
  ///   - checkpoint: After it was quantized.
  ///   - quantization: What became of its layers.
  ///   - cost: What rounding costs, where that was measured.
  static func quantized(
    _ checkpoint: Checkpoint, as name: String, dialect: Dialect, _ quantization: Quantization,
    _ cost: QuantizationCost?
  ) throws -> ModelCard {
    var card = try exported(checkpoint, as: name, dialect: dialect)
    if let repository = checkpoint.repository {
      card.set("base_model", .string(repository))
      card.set("base_model_relation", "quantized")
    }
    // The section that is put in last comes first.
    card.setSection(quantizationCost, cost.map { "\($0.verdict)\n\n\(Markdown.table($0.comparison))" })
    card.setSection(quantized, "## Weights of eight bits\n\n\(quantization.sentences(code))")
    return card
  }

  /// Takes out what is said of weights of eight bits.
  mutating func removeQuantization() {
    for section in [Self.quantized, Self.quantizationCost] { setSection(section, nil) }
  }

  /// Takes out what sections say of a head that is no longer the active one.
  mutating func removeFormerHead() {
    for section in [Self.quantizationCost, Self.elsewhere] { setSection(section, nil) }
  }

  /// The card of a checkpoint that was trained. Metadata of the checkpoint that it was made from stay, as its
  /// licence and languages do, except for those that training changes: base model, data and results.
  ///
  /// - Parameters:
  ///   - checkpoint: What was trained.
  ///   - data: The names of the training data.
  ///   - facts: What the run did.
  ///   - heads: What each of several heads was trained on, and what it does, as the Hub calls it; `nil` of a run with one.
  static func trained(
    _ checkpoint: Checkpoint, dialect: Dialect, data: [String], _ facts: TrainingFacts,
    heads: (table: TextTable, pipelineTags: [String?])? = nil
  ) throws -> ModelCard {
    var card = checkpoint.card ?? ModelCard()
    let source = checkpoint.repository ?? checkpoint.source
    card.setFacts(of: checkpoint, library: checkpoint.library(in: dialect))
    // Training writes floating-point numbers, and other answers than those that were told of.
    card.removeQuantization()
    card.removeFormerHead()
    card.set("base_model", checkpoint.repository.map { .string($0) })
    // They are about the making of another model.
    for key in ["base_model_relation", "co2_eq_emissions", "new_version", "eval_results"] { card[key] = nil }
    card.set("datasets", .array(fileNames(data).map { .string($0) }))
    let metrics = OrderedSet(facts.scores.map(\.type))
    card.set("metrics", metrics.isEmpty ? nil : .array(metrics.map { .string($0) }))
    card.set("model-index", modelIndex(facts, heads?.pipelineTags ?? [checkpoint.pipelineTag]))
    card.setGenerated(
      """
      # \(Markdown.escaped(facts.name))

      \(try summary(checkpoint)) It was trained by Graft\(source.map { " from \(code($0))" } ?? "") on \
      \(NumberText.count(facts.examples, "row")) of \(list(data))\(results(facts)).\
      \(heads.map { "\n\n## Heads\n\nSeveral heads were trained on one backbone; the first is the active one.\n\n\(Markdown.table($0.table))" } ?? "")

      ## Training

      \(Markdown.table(try settings(checkpoint, facts)))\(try thresholds(checkpoint, facts))
      \(progress(facts).map { "\n## Evaluations\n\n\(best(facts))\(Markdown.table($0))" } ?? "")
      """.trimmingCharacters(in: .whitespacesAndNewlines), rest: rest)
    return card
  }

  // MARK: Metadata

  private mutating func set(_ key: String, _ value: JSON?) {
    self[key] = value.map { YAMLText.render(.object([key: $0])) }
  }

  private mutating func setFacts(of checkpoint: Checkpoint, library: String?) {
    if checkpoint.quantizedCount == 0 { removeQuantization() }
    removeOtherTasks(
      than: checkpoint.pipelineTag, checkpoint.parkedHeads.compactMap { $0.task?.pipelineTag },
      library: library)
    set("library_name", library.map { .string($0) })
    if checkpoint.activeHead != nil || checkpoint.pipelineTag.map({ names(task: $0) }) != true {
      set("pipeline_tag", checkpoint.pipelineTag.map { .string($0) })
    }
  }

  /// - Parameter tags: What the heads that were trained do, as the Hub calls it.
  private static func modelIndex(_ facts: TrainingFacts, _ tags: [String?]) -> JSON? {
    let results = facts.evaluations.compactMap { set -> JSON? in
      let (files, scores) = (fileNames(set.files), facts.scores(of: set))
      guard !scores.isEmpty, let file = files.first, let task = tags[set.head] else { return nil }
      return [
        "task": ["type": .string(task)],
        "dataset": ["name": .string(set.name ?? files.joined(separator: ", ")), "type": .string(file)],
        "metrics": .array(
          scores.map { ["type": .string($0.type), "name": .string($0.name), "value": JSON($0.value)] }),
      ]
    }
    return results.isEmpty ? nil : [["name": .string(facts.name), "results": .array(results)]]
  }

  // MARK: Text

  private static func summary(_ checkpoint: Checkpoint) throws -> String {
    let parameters = try checkpoint.activeWeights().elementCount
    var labels = ""
    if checkpoint.activeHead?.hasLabels == true {
      // Whole, for a label such as Sci/Tech is no path.
      let names = try checkpoint.configuration.labels().prefix(50).map(code)
      labels = ", for the labels \(names.joined(separator: ", "))"
    }
    return
      "This is a model of the class \(code(checkpoint.architecture)) with \(NumberText.count(parameters, "parameter"))\(labels)."
  }

  private static func results(_ facts: TrainingFacts) -> String {
    let parts = facts.evaluations.compactMap { set -> String? in
      guard let first = facts.scores(of: set).first else { return nil }
      let name = set.name.map { " (\(Markdown.escaped($0)))" } ?? ""
      return
        "\(first.name.lowercased()) \(first.value) on \(NumberText.count(set.rows, "row")) of \(list(set.files))\(name)"
    }
    return parts.isEmpty ? "" : ", and has \(parts.joined(separator: " and "))"
  }

  private static let mostEvaluations = 50

  private static func progress(_ facts: TrainingFacts) -> TextTable? {
    let sets = facts.evaluations.enumerated().flatMap { place, set in
      let own = facts.history(of: set)
      return own.enumerated().map { index, entry in
        // What was evaluated last is the mean.
        (set: place, scores: entry, isOfMean: !facts.mean.isEmpty && index == own.count - 1)
      }
    }
    let evaluations = sets.sorted {
      ($0.scores["step"] ?? 0, $0.isOfMean ? 1 : 0, $0.set) < (
        $1.scores["step"] ?? 0, $1.isOfMean ? 1 : 0, $1.set
      )
    }.suffix(mostEvaluations)
    guard !evaluations.isEmpty else { return nil }
    let names = facts.evaluations.map { $0.name ?? "–" }
    let areNamed = facts.evaluations.contains { $0.name != nil }
    let scores = [
      ("eval_loss", "Loss"), ("eval_accuracy", "Accuracy"), ("eval_f1", "F1"), ("eval_f1_micro", "Micro F1"),
      ("eval_f1_macro", "Macro F1"), ("eval_exact_match", "Exact match"), ("eval_exact", "Exact match"),
      ("eval_pearson", "Pearson"), ("eval_spearman", "Spearman"),
      ("eval_spearman_cosine", "Spearman of cosines"), ("eval_ndcg@10", "nDCG@10"),
    ]
    let searches = VectorSimilarity.allCases.map { ("eval_\($0.name(ofSearch: "ndcg@10"))", "nDCG@10") }
    let columns = (scores + searches)
      .filter { key, _ in evaluations.contains { $0.scores[key] != nil } }
    return TextTable(
      header: (areNamed ? ["Set"] : []) + ["Epoch", "Step"] + columns.map(\.1),
      rows: evaluations.map { set, entry, isOfMean in
        (areNamed ? [names[set]] : [])
          + [
            NumberText.number(entry["epoch"] ?? 0),
            isOfMean ? "mean" : JSON(count: entry["step"] ?? 0).text(),
          ] + columns.map { key, _ in entry[key].map(NumberText.number) ?? "–" }
      }, words: areNamed ? 1 : 0)
  }

  /// Which of the evaluations is that of the weights, where it is not the last.
  private static func best(_ facts: TrainingFacts) -> String {
    if !facts.mean.isEmpty {
      let steps = facts.mean.map(NumberText.grouped)
      return
        "The weights are the mean of those of steps \(steps.dropLast().joined(separator: ", ")) and \(steps.last ?? ""), whose evaluation is the last.\n\n"
    }
    let steps = facts.evaluations.flatMap { facts.history(of: $0) }.compactMap { $0["step"] }
    guard steps.contains(where: { $0 > Double(facts.step) }) else { return "" }
    return
      "The weights are those of step \(NumberText.grouped(facts.step)), whose evaluation was the best.\n\n"
  }

  /// By which thresholds the model decides, where they were chosen in the end.
  private static func thresholds(_ checkpoint: Checkpoint, _ facts: TrainingFacts) throws -> String {
    guard let (values, key) = facts.thresholds else { return "" }
    let numbers = values.map { NumberText.trimmed(Double($0).rounded(digits: 4)) }
    let names = try checkpoint.configuration.labels()
    let told =
      numbers.count == names.count && Set(numbers).count > 1
      ? zip(names, numbers).map { "\(code($0)) \($1)" }.joined(separator: ", ") : numbers[0]
    return
      "\n\nThe model decides by `\(key)` in `config.json`: \(told). This was chosen on the data that it is evaluated on; "
      + "the scores here are those before."
  }

  /// The names without their directories, which are private.
  static func fileNames(_ paths: [String]) -> [String] {
    paths.map { ($0 as NSString).lastPathComponent }
  }

  private static func list(_ paths: [String]) -> String {
    fileNames(paths).map(code).joined(separator: ", ")
  }

  static func code(_ text: String) -> String {
    text.contains("`") || text.contains("\n") ? Markdown.escaped(text) : "`\(text)`"
  }
}
