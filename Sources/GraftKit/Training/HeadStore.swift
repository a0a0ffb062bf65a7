import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// Writes the heads of a run, which share a backbone, as one checkpoint: the first head is active, the others are parked
/// with their own settings.
struct HeadStore: ModelStore {
  private let heads: [PreparedHead]
  private let turns: HeadTurns?
  private let output: OutputOptions
  private let registry: Registry

  /// - Parameters:
  ///   - heads: The heads; the models of all but the first share its backbone.
  ///   - plan: Says how many of the run's steps each has had.
  init(_ heads: [PreparedHead], _ plan: TrainingPlan, output: OutputOptions, _ registry: Registry) {
    (self.heads, turns, self.output, self.registry) = (heads, plan.turns, output, registry)
  }

  var fingerprint: String {
    var checkpoint = heads[0].checkpoint
    for head in heads.dropFirst() { take(head, head.checkpoint, into: &checkpoint) }
    return checkpoint.specificationHash
  }

  func write(_ model: Model, into directory: URL, steps: Int, trained: Set<String>) throws {
    let counts = turns?.counts(after: steps) ?? [steps]
    var written = heads[0].checkpoint
    for (index, head) in heads.enumerated() {
      var own = head.checkpoint
      try own.takeWeights(of: head.model)
      let names = head.model.parameters.entries.filter { trained.contains($0.parameter.name) }
      own.markTrained(on: head.record(steps: counts[index]), parameters: Set(names.map(\.name)))
      if index == 0 { written = own } else { take(head, own, into: &written) }
    }
    var facts: OrderedDictionary<String, JSON> = [:]
    facts["head"] = written.activeHead.map { .string($0.name) }
    facts["heads"] = .array(
      zip(heads, counts).map { head, steps in
        [
          "head": .string(head.name ?? ""), "data": .array(head.training.names.map { .string($0) }),
          "data_hash": .string(head.data.fingerprint), "examples": JSON(head.training.rows.count),
          "steps": JSON(steps),
        ]
      })
    facts["steps"] = JSON(steps)
    written.lineage.append(LineageStep("train", facts))
    try written.write(into: directory, output.resolve(registry, for: written.family))
  }

  func writeCard(into directory: URL, _ facts: TrainingFacts) throws {
    let first = heads[0].checkpoint
    let counts = turns?.counts(after: facts.step) ?? [facts.step]
    let rows = zip(heads, counts).map { head, steps in
      let score = head.facts(facts).scores.first
      return [
        head.name ?? "", ModelCard.fileNames(head.training.names).joined(separator: ", "),
        NumberText.grouped(head.training.rows.count),
        NumberText.grouped(steps), score.map { "\($0.name.lowercased()) \($0.value)" } ?? "–",
      ]
    }
    let table = TextTable(header: ["Head", "Data", "Rows", "Steps", "Score"], rows: rows, words: 2)
    var names: [String] = []
    for name in heads.flatMap(\.training.names) where !names.contains(name) { names.append(name) }
    let card = try ModelCard.trained(
      first, dialect: output.resolve(registry, for: first.family).dialect, data: names, facts,
      heads: (table, heads.map { $0.checkpoint.pipelineTag }))
    try FileWriter.write(directory.appendingPathComponent(ModelCard.fileName), text: card.text)
  }

  func read(_ model: Model, from directory: URL) throws {
    let stored = try registry.open(directory).checkpoint
    for head in heads {
      let id = idInFirst(head)
      guard stored.heads.contains(where: { $0.id == id }) else {
        throw GraftError(
          .mismatch, "not the model that is trained", file: directory.path, subject: "head '\(id)'",
          found: "nothing", advice: "Start a new run in another directory.")
      }
      try stored.selecting(head: id).put(into: head.model, from: directory)
    }
  }

  /// Puts a head, and a pooler that it has trained, into the checkpoint in which the first head is active.
  private func take(_ head: PreparedHead, _ own: Checkpoint, into checkpoint: inout Checkpoint) {
    guard let name = own.activeHead?.name, var component = own[name] else { return }
    component.id = idInFirst(head)
    checkpoint[component.id] = component
    if let pooler = own[Component.pooler], case .trained = pooler.history,
      checkpoint[Component.pooler]?.history == heads[0].checkpoint[Component.pooler]?.history
    {
      checkpoint[Component.pooler]?.history = pooler.history
    }
  }

  /// What a head is called where the first is active, which may have traded ids for that.
  private func idInFirst(_ head: PreparedHead) -> String {
    let (active, first, own) = (heads[0].checkpoint.activeHead?.name ?? "", heads[0].name, head.name ?? "")
    return own == first ? active : own == active ? first ?? own : own
  }
}

extension CheckpointStore {
  /// Writes what becomes of one head, or of another checkpoint that learns beside it.
  init(
    _ head: PreparedHead, of checkpoint: Checkpoint? = nil, output: OutputOptions, _ registry: Registry
  ) {
    self.init(
      checkpoint ?? head.checkpoint, output: output, data: head.training.names,
      examples: head.training.rows.count, dataHash: head.data.fingerprint, inputs: head.inputs,
      registry: registry)
  }
}

extension PreparedHead {
  /// What the head was trained on, after so many of its steps.
  fileprivate func record(steps: Int) -> Component.Training {
    Component.Training(
      data: training.names, examples: training.rows.count, steps: steps, inputs: inputs)
  }

  /// What a run did for this head: its scores under the names that they have in a run of one head.
  fileprivate func facts(_ facts: TrainingFacts) -> TrainingFacts {
    var own = facts
    guard let name else { return own }
    own.evaluations = facts.evaluations.compactMap { set in
      guard let title = set.name, title == name || title.hasPrefix("\(name)_") else { return nil }
      var set = set
      set.name = title == name ? nil : String(title.dropFirst(name.count + 1))
      return set
    }
    let prefix = "eval_\(name)_"
    own.history = facts.history.map { entry in
      entry.reduce(into: [:]) { named, value in
        if value.key.hasPrefix(prefix) {
          named["eval_\(value.key.dropFirst(prefix.count))"] = value.value
        } else if !value.key.hasPrefix("eval_") {
          named[value.key] = value.value
        }
      }
    }
    return own
  }
}
