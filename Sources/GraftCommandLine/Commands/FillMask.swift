import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft fill-mask`
struct FillMask: RunsOnRanks {
  static let configuration = CommandConfiguration(
    commandName: "fill-mask",
    abstract: "Suggest tokens for each [MASK] of a text.",
    discussion: """
      Started by mpirun, ranks share the work; rank 0 alone reads the texts and prints.

      EXAMPLES
        graft fill-mask bert "Hello I'm a [MASK] model."
        graft fill-mask bert 'Paris is the [MASK] of [MASK].' --top-k 3 --json
        graft fill-mask bert --input cloze.csv --text-column sentence
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @OptionGroup var input: SingleTextInput
  @OptionGroup var head: AnsweringHeadFlag

  @Option(parsing: .unconditional, help: ArgumentHelp("Suggestions for each mask.", valueName: "K"))
  var topK = 5

  @OptionGroup var untrained: UntrainedFlag
  @OptionGroup var backend: BackendFlags
  @OptionGroup var ranks: RankFlags
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var output: OutputFlags

  func validate() throws {
    guard (1...1_000_000).contains(topK) else { throw ValidationError("--top-k must be at least 1.") }
  }

  func run() throws {
    ranks.noteWhatIsIgnored([], output.console)
    let registry = try GraftTool.registry()
    let opened = try head.select(in: checkpoint.open(registry, strictness, output.console))
    var texts: [String] = []
    try GraftTool.group.onLeader {
      texts = try input.rows(like: opened.trainedInputs, output.console).map(\.text)
    }
    let model = try opened.makeModel()
    let tokenizer = try model.requireTokenizer()
    try GraftTool.group.onLeader {
      var facts = DatasetFacts(
        rows: texts.count, examples: texts.count, maximumLength: model.backbone.maximumLength)
      facts.truncatedRows = texts.indices.filter {
        tokenizer.encode(texts[$0]).ids.count > facts.maximumLength
      }
      for sentence in facts.sentences { output.console.warn(sentence) }
    }
    let session = try precision.session(
      model, on: backend.make(registry, output.console), strictness, output.console)
    try Ranks.requireSame(opened, session)
    var found: [String] = []
    let feed = TextFeed(texts.map { TextRow($0) }, "filling", console: Console(isQuiet: true))
    try feed.answer({ rows in
      try rows.map { row in
        let masks = try fillMask(row.text, with: session, topK: topK)
        return PrintedAnswer(
          results: [output.json ? JSON.array(masks.map { .array($0.map(json)) }).text() : tables(masks)])
      }
    }) { _, answers in
      found += answers.flatMap(\.results)
    }
    // Only now: that a head does not predict tokens at all is the more useful thing to say.
    try untrained.check(opened, output.console, where: { $0.predictsTokens })
    guard GraftTool.group.leads else { return }
    if output.json {
      let masks = try found.map { try JSON(parsing: Array($0.utf8)) }
      // One text alone has its masks alone.
      return try Output.print(
        input.input.isEmpty && texts.count == 1
          ? masks[0] : .array(zip(texts, masks).map { ["text": .string($0), "masks": $1] }))
    }
    for (index, tables) in found.enumerated() {
      if texts.count > 1 {
        try Output.print("\(index > 0 ? "\n" : "")text \(index + 1): \(Format.oneLine(texts[index]))")
      }
      try Output.print(tables)
    }
  }

  private func tables(_ masks: [[MaskFill]]) -> String {
    masks.enumerated().map { index, fills in
      (masks.count > 1 ? "\(index > 0 ? "\n" : "")mask \(index + 1)\n" : "")
        + Format.table(
          fills.map { [Format.score($0.score), $0.token, String($0.id), $0.sequence] },
          header: ["score", "token", "id", "text"], alignments: [.right, .left, .right])
    }.joined(separator: "\n")
  }

  private func json(_ fill: MaskFill) -> JSON {
    [
      "token": .string(fill.token), "id": JSON(Int(fill.id)), "score": JSON(fill.score),
      "sequence": .string(fill.sequence),
    ]
  }
}
