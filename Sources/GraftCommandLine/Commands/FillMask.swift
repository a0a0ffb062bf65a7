import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft fill-mask`
struct FillMask: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fill-mask",
    abstract: "Suggest tokens for each [MASK] of a text.",
    discussion: """
      EXAMPLES
        graft fill-mask bert "Hello I'm a [MASK] model."
        graft fill-mask bert 'Paris is the [MASK] of [MASK].' --top-k 3 --json
        graft fill-mask bert --input cloze.csv --text-column sentence
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @OptionGroup var input: TextInput

  @Option(parsing: .unconditional, help: ArgumentHelp("Suggestions for each mask.", valueName: "K"))
  var topK = 5

  @OptionGroup var untrained: UntrainedFlag
  @OptionGroup var backend: BackendFlags
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var output: OutputFlags

  func validate() throws {
    guard (1...1_000_000).contains(topK) else { throw ValidationError("--top-k must be at least 1.") }
  }

  func run() throws {
    let registry = try GraftTool.registry()
    let opened = try checkpoint.open(registry, strictness, output.console)
    let texts = try input.singleTexts(like: opened.trainedInputs, output.console)
    let model = try opened.makeModel()
    var facts = DatasetFacts(
      rows: texts.count, examples: texts.count, maximumLength: model.backbone.maximumLength)
    let tokenizer = try model.requireTokenizer()
    facts.truncatedRows = texts.indices.filter { tokenizer.encode(texts[$0]).ids.count > facts.maximumLength }
    for sentence in facts.sentences { output.console.warn(sentence) }
    let session = try precision.session(
      model, on: backend.make(registry, output.console), strictness, output.console)
    let found = try texts.map { try fillMask($0, with: session, topK: topK) }
    // Only now: that a head does not predict tokens at all is the more useful thing to say.
    try untrained.check(opened, output.console, where: { $0.predictsTokens })
    if output.json {
      let masks = found.map { JSON.array($0.map { .array($0.map(json)) }) }
      // One text alone has its masks alone.
      return try Output.print(
        input.input.isEmpty && texts.count == 1
          ? masks[0] : .array(zip(texts, masks).map { ["text": .string($0), "masks": $1] }))
    }
    for (index, masks) in found.enumerated() {
      if texts.count > 1 {
        try Output.print("\(index > 0 ? "\n" : "")text \(index + 1): \(Format.oneLine(texts[index]))")
      }
      try show(masks)
    }
  }

  private func show(_ masks: [[MaskFill]]) throws {
    for (index, fills) in masks.enumerated() {
      if masks.count > 1 { try Output.print("\(index > 0 ? "\n" : "")mask \(index + 1)") }
      try Output.print(
        Format.table(
          fills.map { [Format.score($0.score), $0.token, String($0.id), $0.sequence] },
          header: ["score", "token", "id", "text"], alignments: [.right, .left, .right]))
    }
  }

  private func json(_ fill: MaskFill) -> JSON {
    [
      "token": .string(fill.token), "id": JSON(Int(fill.id)), "score": JSON(fill.score),
      "sequence": .string(fill.sequence),
    ]
  }
}
