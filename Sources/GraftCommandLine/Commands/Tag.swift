import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

extension EntityAggregation: ExpressibleByArgument {}

/// `graft tag`
struct Tag: RunsOnRanks {
  static let configuration = CommandConfiguration(
    commandName: "tag",
    abstract: "Find entities in texts: label, score and place of each.",
    discussion: """
      Prints a table for each text. Places count characters as Python does, from 0. A text that is longer than the \
      model takes is read in windows that overlap, and joined again. With --json each text has a list 'entities', which \
      'graft train' reads as labels.

      Started by mpirun, ranks share the work; rank 0 alone reads the texts and prints.

      AGGREGATION
        none     every token by itself
        simple   neighbouring tokens of one type are one entity
        first    words have the label of their first token, then as simple
        average  words have the label with the highest mean score, then as simple
        max      words have the label of their surest token, then as simple

      EXAMPLES
        graft tag ner 'Ada Lovelace lived in London'
        graft tag ner --input texts.txt --aggregation first --json > entities.json
        mpirun -n 4 --bind-to none graft tag ner --input texts.txt --json-lines
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: SingleTextInput
  @OptionGroup var head: AnsweringHeadFlag

  @Option(
    help: ArgumentHelp(
      "How tokens become entities. (default: first for a head that learnt from the first tokens of words, else simple)",
      valueName: "HOW"))
  var aggregation: EntityAggregation?

  @Option(
    help: ArgumentHelp(
      "Labels or types of entities to leave out, separated by commas, in place of O; 'none' leaves out none.",
      valueName: "A,B"))
  var ignoreLabels = "O"

  @OptionGroup var stride: StrideFlag
  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var untrained: UntrainedFlag
  @OptionGroup var backend: BackendFlags
  @OptionGroup var ranks: RankFlags
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var results: ResultFlags
  @OptionGroup var output: OutputFlags

  func validate() throws { _ = try results.printer(output) }

  func run() throws {
    ranks.noteWhatIsIgnored([], output.console)
    let registry = try GraftTool.registry()
    let opened = try head.select(in: checkpoint.open(registry, strictness, output.console))
    let model = try opened.makeModel()
    length.check(model, output.console)
    var options = TaggingOptions()
    options.aggregation = aggregation
    options.ignoredLabels =
      ignoreLabels == "none" ? [] : Set(ignoreLabels.commaSeparatedNames)
    options.maxLength = length.maxLength(for: opened)
    options.stride = stride.stride(for: opened)
    options.batchSize = batch.batchSize
    let session = try precision.session(
      model, on: backend.make(registry, output.console), strictness, output.console)
    try Ranks.requireSame(opened, session)
    let feed = try input.feed("tagging", for: [opened], batchSize: batch.batchSize, output.console)
    let task = model.heads.first?.task
    var printer = try results.printer(output)
    try printer.whole { printer in
      let form = printer
      var number = 0
      try feed.answer({ rows in
        let shown = try rows.map { row in try task.map { try row.shown(by: $0) } ?? row }
        let found = try tag(
          rows: shown, with: session, options: options, progress: { feed.update($0, of: $1) })
        // Only now: that a head does not label tokens at all is the more useful thing to say.
        try untrained.check(opened, feed.console)
        return zip(shown.map(\.text), found).map { text, entities in
          PrintedAnswer(results: [
            form.isJSON
              ? form.text(of: ["text": .string(text), "entities": .array(entities.map(\.json))])
              : Self.table(entities, of: text)
          ])
        }
      }) { _, answers in
        try printer.print(
          answers.flatMap(\.results).enumerated().map { index, result in
            if form.isJSON || feed.isAlone { return result }
            let place = number + index
            return "\(place > 0 ? "\n" : "")text \(place + 1)\n\(result)"
          })
        number += answers.count
      }
    }
  }

  private static func table(_ entities: [TaggedEntity], of text: String) -> String {
    guard !entities.isEmpty else { return "no entities" }
    let scalars = Array(text.unicodeScalars)
    return Format.table(
      entities.map { entity in
        [
          Format.score(entity.score), Format.oneLine(entity.label),
          "\(entity.offsets.lowerBound)–\(entity.offsets.upperBound)",
          Format.oneLine(String(String.UnicodeScalarView(scalars[entity.offsets]))),
        ]
      },
      header: ["score", "label", "offsets", "text"], alignments: [.right, .left, .left])
  }
}
