import GraftCore
import GraftKit
import GraftTensors

extension Predict {
  /// Asks several heads, and prints what each says about each text.
  ///
  /// - Throws: `GraftError` when the checkpoint has not these heads, or one was never trained.
  func answer(_ opened: Checkpoint, _ heads: String, _ registry: Registry) throws {
    let names = heads.commaSeparatedNames
    let selected = try names.map { try opened.selecting(head: $0) }
    for checkpoint in selected { try untrained.check(checkpoint, output.console) }
    let able = try selected.first { try $0.splitsLongRows } ?? selected.first
    try able?.checkStride(isGiven: stride.stride != nil)
    var answering = try opened.makeHeads(names)
    if let model = answering.first?.model { length.check(model, output.console) }
    for index in answering.indices {
      if let maxLength = length.maxLength { answering[index].maxLength = maxLength }
      if let stride = stride.stride { answering[index].stride = stride }
    }
    let session = try precision.session(
      answering[0].model, on: backend.make(registry, output.console), strictness, output.console)
    try Ranks.requireSame(opened, session)
    let feed = try input.feed("predicting", for: selected, batchSize: batch.batchSize, output.console)
    let tasks = try answering.map { try $0.model.requireHead().task }
    var printer = try results.printer(output)
    var cut = names.map { _ in CutTexts() }
    try printer.whole { printer in
      let form = printer
      var number = 0
      try feed.answer(preparing: { rows in
        for checkpoint in selected { try inputs.check(rows, for: checkpoint, feed.console) }
      }) { rows in
        let (found, facts) = try answers(
          to: rows, of: answering, batchSize: batch.batchSize, session: session,
          progress: { feed.update($0, of: $1) })
        let limits = facts.map(\.limits)
        return try rows.indices.map { index in
          let answered = AnsweredRow(
            row: rows[index],
            answers: try names.indices.map { head in
              .init(
                head: names[head], read: try rows[index].shown(by: tasks[head]),
                isTruncated: limits[head][index] != nil, answer: found[index][head])
            })
          return PrintedAnswer(
            results: form.isJSON ? [form.text(of: answered.json)] : answered.lines,
            limits: limits.map { $0[index] })
        }
      } _: { _, answers in
        for answer in answers {
          for (head, limit) in answer.limits.enumerated() { cut[head].add(limit) }
        }
        try printer.print(
          answers.enumerated().flatMap { index, answer in
            answer.results.map { form.isJSON ? $0 : "\(number + index + 1)\t\($0)" }
          })
        number += answers.count
      }
    }
    for (name, cut) in zip(names, cut) {
      if let sentence = cut.sentence { output.console.warn("\(name): \(sentence)") }
    }
  }
}

/// A row with what some heads say about it.
private struct AnsweredRow {
  struct Answer {
    let head: String
    /// The row as the head read it.
    let read: TextRow
    let isTruncated: Bool
    let answer: HeadAnswer
  }

  let row: TextRow
  let answers: [Answer]

  /// The answers for machines, as `predict` and `tag` have them. A head that read another text than the others says which.
  var json: JSON {
    let shown = row.text.isEmpty ? answers.map(\.read).first { !$0.text.isEmpty } ?? row : row
    let members = answers.map { own -> (String, JSON) in
      var members: [(String, JSON)] = own.read.text == shown.text ? [] : own.read.textMembers
      if own.isTruncated { members.append(("truncated", true)) }
      switch own.answer {
      case .prediction(let prediction): members += prediction.members.map { ($0.key, $0.value) }
      case .entities(let entities, _): members.append(("entities", .array(entities.map(\.json))))
      }
      return (own.head, .object(members))
    }
    return .object(shown.textMembers + [("heads", .object(members))])
  }

  /// The answers for people, their parts separated by tabs: one line for each, or one for each entity.
  var lines: [String] {
    answers.flatMap { own in own.lines.map { "\(own.head)\t\($0)" } }
  }
}

extension AnsweredRow.Answer {
  fileprivate var lines: [String] {
    switch answer {
    case .prediction(let prediction):
      let texts = [read.text, read.pair].compactMap { $0.map(Format.oneLine) }
      return [(prediction.columns + texts).joined(separator: "\t")]
    case .entities(let entities, let text):
      let scalars = Array(text.unicodeScalars)
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
