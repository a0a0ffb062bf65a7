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
    let session = try precision.session(
      answering[0].model, on: backend.make(registry, output.console), strictness, output.console)
    let feed = try input.feed(
      "predicting", like: selected.first?.trainedInputs, for: selected.compactMap(\.activeHead),
      output.console)
    var printer = try results.printer(output)
    var cut = names.map { _ in CutTexts() }
    var number = 0
    while let rows = try feed.next() {
      for checkpoint in selected { try inputs.check(rows, for: checkpoint, feed.console) }
      let (found, facts) = try answers(
        to: rows, of: answering, batchSize: batch.batchSize, session: session,
        progress: { feed.update($0, of: $1) })
      for index in cut.indices { cut[index].add(facts[index]) }
      feed.clear()
      if printer.isJSON {
        try printer.print(
          zip(rows, found).map { row, answers in
            let own = zip(names, answers).map { ($0, $1.json) }
            return .object(
              row.textMembers + [("heads", .object(OrderedDictionary(uniqueKeysWithValues: own)))])
          })
      } else {
        try printer.print(
          zip(rows, found).enumerated().flatMap { index, answered in
            zip(names, answered.1).flatMap { name, answer in
              answer.lines(for: answered.0).map { "\(number + index + 1)\t\(name)\t\($0)" }
            }
          })
      }
      number += rows.count
    }
    try printer.finish()
    for (name, cut) in zip(names, cut) {
      if let sentence = cut.sentence { output.console.warn("\(name): \(sentence)") }
    }
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
