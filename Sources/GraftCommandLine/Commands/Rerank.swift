import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// `graft rerank`
struct Rerank: RunsOnRanks {
  static let configuration = CommandConfiguration(
    commandName: "rerank",
    abstract: "Sort texts by how well they answer a query.",
    discussion: """
      CKPT is a classifier of pairs, such as a CrossEncoder of sentence-transformers: it reads the query with each \
      text. Prints score, number and text, the best first; texts are numbered from 0 in the order they were given. \
      Started by mpirun, ranks share the work; rank 0 alone reads the texts and prints.

      EXAMPLES
        graft rerank cross-encoder/ms-marco-MiniLM-L-6-v2 --query 'who scored?' \\
          'He scored twice.' 'Stocks fell.'
        graft rerank reranker --query 'who scored?' --input texts.txt --top-k 10
        graft rerank entailment --label entailment --query 'A man sleeps.' --input claims.txt
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: SingleTextInput
  @OptionGroup var head: AnsweringHeadFlag

  @Option(help: ArgumentHelp("What the texts are sorted by.", valueName: "TEXT"))
  var query: String

  @Option(parsing: .unconditional, help: ArgumentHelp("Texts to print. (default: all)", valueName: "N"))
  var topK: Int?

  @Option(help: ArgumentHelp("The label whose score counts, of a head that has several.", valueName: "NAME"))
  var label: String?

  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var untrained: UntrainedFlag
  @OptionGroup var backend: BackendFlags
  @OptionGroup var ranks: RankFlags
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var output: OutputFlags

  func validate() throws {
    if let topK, topK < 1 { throw ValidationError("--top-k must be at least 1.") }
    if query.isBlank { throw ValidationError("--query has nothing to read.") }
  }

  func run() throws {
    ranks.noteWhatIsIgnored([], output.console)
    let registry = try GraftTool.registry()
    let opened = try head.select(in: checkpoint.open(registry, strictness, output.console))
    try untrained.check(opened, output.console)
    let model = try opened.makeModel()
    let place = try rankingOutput(of: model, label)
    let scorer = try opened.pairScorer()
    length.check(model, output.console)
    var texts: [String] = []
    try GraftTool.group.onLeader { texts = try input.rows(output.console).map(\.text) }
    if opened.trainedInputs?.pairs == false {
      output.console.warn("the head was trained on single texts, and these are pairs")
    }
    var truncated: Set<Int> = []
    try GraftTool.group.onLeader {
      let facts = try truncatedRows(
        texts.map { TextRow(query, pair: $0) }, for: model,
        maxLength: length.maxLength ?? scorer.maximumLength)
      for sentence in facts.sentences { output.console.warn(sentence) }
      truncated = Set(facts.truncatedRows)
    }
    if let label, scorer.activation == .identity, try opened.configuration.labels().count > 1 {
      output.console.note(
        "sorted by the logits of '\(Format.oneLine(label))', which is not always the order of its probabilities"
      )
    }
    let session = try precision.session(
      model, on: backend.make(registry, output.console), strictness, output.console)
    try Ranks.requireSame(opened, session)
    let feed = TextFeed(
      texts.map { TextRow($0) }, "scoring", batchSize: batch.batchSize, beginsSmall: false,
      console: output.console)
    var scores: [Score] = []
    try feed.answer({ rows in
      try pairScores(
        rows.map(\.text), query: query, with: session, scorer, output: place, batchSize: batch.batchSize,
        maximumLength: length.maxLength, progress: { feed.update($0, of: rows.count) }
      ).map { Score(score: $0) }
    }) { _, answers in
      scores += answers
    }
    guard GraftTool.group.leads else { return }
    let shown = ranked(scores.map(\.score)).prefix(topK ?? .max)
    if output.json {
      return try Output.print(
        .array(
          shown.map { text in
            .object(
              [
                ("index", JSON(text.index)), ("score", JSON(text.score)),
                ("text", .string(texts[text.index])),
              ]
                + (truncated.contains(text.index) ? [("truncated", true)] : []))
          }))
    }
    let lines = shown.map {
      "\(String(format: "%.4f", $0.score))\t\($0.index)\t\(Format.oneLine(texts[$0.index]))"
    }
    try Output.print(lines.joined(separator: "\n"))
  }
}

/// A text's.
private struct Score: RowAnswer, Codable {
  let score: Float
}
