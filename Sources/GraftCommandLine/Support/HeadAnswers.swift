import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

extension Predict {
  /// Asks several heads, and prints what each says about each text.
  ///
  /// - Throws: `GraftError` when the checkpoint has not these heads, or one was never trained.
  func answer(_ opened: Checkpoint, _ heads: String, _ registry: Registry) throws {
    let names = heads.split(separator: ",").map(String.init)
    let selected = try names.map { try opened.selecting(head: $0) }
    for checkpoint in selected { try untrained.check(checkpoint, output.console) }
    var answering = try opened.makeHeads(names)
    if let model = answering.first?.model { length.check(model, output.console) }
    for index in answering.indices {
      if let maxLength = length.maxLength { answering[index].maxLength = maxLength }
      if let stride = stride.stride { answering[index].stride = stride }
    }
    let rows = try input.rows(like: selected.first?.trainedInputs, output.console)
    for checkpoint in selected { try inputs.check(rows, for: checkpoint, output.console) }
    let bar = ProgressBar("predicting", unit: "texts", total: rows.count, console: output.console)
    let found = try answers(
      to: rows, of: answering, batchSize: batch.batchSize, backend: backend.make(registry, output.console)
    ) { done, total in bar.update(rows.count * done / max(1, total)) }
    bar.clear()
    guard !output.json else {
      return try Output.print(
        .array(
          zip(rows, found).map { row, answers in
            let own = zip(names, answers).map { ($0, $1.json) }
            return .object(
              row.textMembers + [("heads", .object(OrderedDictionary(uniqueKeysWithValues: own)))])
          }))
    }
    let lines = zip(rows, found).enumerated().flatMap { number, answered in
      zip(names, answered.1).flatMap { name, answer in
        answer.lines(for: answered.0).map { "\(number + 1)\t\(name)\t\($0)" }
      }
    }
    try Output.print(lines.joined(separator: "\n"))
  }
}

extension HeadAnswer {
  /// The answer for machines, as `predict` and `tag` have it.
  fileprivate var json: JSON {
    switch self {
    case .prediction(let prediction): .object(prediction.members)
    case .entities(let entities): ["entities": .array(entities.map(\.json))]
    }
  }

  /// The answer for people, its parts separated by tabs: one line, or one for each entity.
  fileprivate func lines(for row: TextRow) -> [String] {
    switch self {
    case .prediction(let prediction):
      let texts = [row.text, row.pair].compactMap { $0.map(Format.oneLine) }
      return [(prediction.columns + texts).joined(separator: "\t")]
    case .entities(let entities):
      let scalars = Array(row.text.unicodeScalars)
      return entities.map { entity in
        let text = String(String.UnicodeScalarView(scalars[entity.offsets]))
        return "\(Format.oneLine(entity.label))\t\(Format.score(entity.score))\t\(Format.oneLine(text))"
      }
    }
  }
}

extension TaggedEntity {
  /// The entity for machines.
  var json: JSON {
    var members: [(String, JSON)] = [
      ("label", .string(label)), ("score", JSON(score)), ("word", .string(word)),
      ("start", JSON(offsets.lowerBound)), ("end", JSON(offsets.upperBound)),
    ]
    if let index { members.insert(("index", JSON(index)), at: 2) }
    return .object(members)
  }
}
