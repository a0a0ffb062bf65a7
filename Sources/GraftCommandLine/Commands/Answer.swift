import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// `graft answer`
struct Answer: RunsOnRanks {
  static let configuration = CommandConfiguration(
    commandName: "answer",
    abstract: "Find the answer to a question in a context.",
    discussion: """
      Prints the answer with its score and its place in the context, which counts characters as Python does, from 0. \
      A context that is longer than the model takes is read in windows that overlap. A model that was trained on \
      questions without answers says so with --null-threshold, in logits: above it, no answer is what is printed.

      FILE is JSON Lines or a table with 'question' and 'context', or with what --text-column names in the place of the \
      question and --pair-column in that of the context; or a SQuAD document. Files of any size are read piece by piece, \
      and answers are printed as they come, in order. --json prints one list, --json-lines an object a line. An error in \
      a later row leaves the answers before it, in JSON a whole list.

      Started by mpirun, ranks share the work; rank 0 alone reads the questions and prints.

      EXAMPLES
        graft answer qa --question 'Where did Ada live?' \\
          --context 'Ada Lovelace lived in London.'
        graft answer qa --question 'Who wrote it?' --context-file page.txt
        graft answer qa --input questions.jsonl --null-threshold 0 --json-lines
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var head: AnsweringHeadFlag

  @Option(help: ArgumentHelp("The question.", valueName: "TEXT"))
  var question: String?

  @Option(help: ArgumentHelp("The text that the answer is in.", valueName: "TEXT"))
  var context: String?

  @Option(
    help: ArgumentHelp("Read the context from a file; '-' is standard input.", valueName: "FILE"),
    completion: .file())
  var contextFile: Path?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Read questions and contexts from files; '-' is standard input.", valueName: "FILE"),
    completion: .file())
  var input: [Path] = []

  @OptionGroup(title: "Data") var columns: ColumnFlags<PairColumnFlag>

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many answers to print for each question.", valueName: "N"))
  var nBest = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The most tokens of an answer. (default: the model's, or 30)", valueName: "N"))
  var maxAnswerLength: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Print no answer when its score is higher than the best one's by more than this. (default: the model's, else an answer)",
      valueName: "X"))
  var nullThreshold: Double?

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

  func validate() throws {
    _ = try results.printer(output)
    if context != nil, contextFile != nil {
      throw ValidationError("Give --context or --context-file, not both.")
    }
    let hasContext = context != nil || contextFile != nil
    if !input.isEmpty, question != nil || hasContext {
      throw ValidationError(
        "Files have their own questions and contexts: leave out --question, --context and --context-file.")
    }
    guard !input.isEmpty || question != nil && hasContext else {
      throw ValidationError(
        "Give --question with --context or --context-file, or questions with their contexts with --input.")
    }
    if input.isEmpty, let flag = columns.given.first {
      throw ValidationError("--\(flag) is about files: give --input FILE.")
    }
    guard nBest > 0 else { throw ValidationError("--n-best must be at least 1.") }
    if let maxAnswerLength, maxAnswerLength < 1 {
      throw ValidationError("--max-answer-length must be at least 1.")
    }
    if let nullThreshold, !nullThreshold.isFinite {
      throw ValidationError("--null-threshold must be finite.")
    }
  }

  func run() throws {
    ranks.noteWhatIsIgnored([], output.console)
    let registry = try GraftTool.registry()
    var opened = try head.select(in: checkpoint.open(registry, strictness, output.console))
    try opened.setAnswering(
      nBest: max(20, nBest), longest: maxAnswerLength, nullThreshold: nullThreshold)
    try untrained.check(opened, output.console)
    let model = try opened.makeModel()
    length.check(model, output.console)
    let session = try precision.session(
      model, on: backend.make(registry, output.console), strictness, output.console)
    try Ranks.requireSame(opened, session)
    let feed = try self.feed(for: opened)
    var printer = try results.printer(output)
    try printer.whole { printer in
      let form = printer
      var isFirst = true
      try feed.answer({ rows in
        let data = try Dataset(
          rows, for: model, maxLength: length.maxLength(for: opened), stride: stride.stride(for: opened),
          requiringLabels: false, isLengthGiven: false)
        let found = try predict(
          session, on: data, batchSize: batch.batchSize, progress: { feed.update($0, of: data.count) })
        return zip(rows, found).map { row, prediction in
          let answers = FoundAnswers(prediction, most: nBest)
          return PrintedAnswer(results: [form.isJSON ? form.text(of: answers.json(of: row)) : answers.table])
        }
      }) { rows, answers in
        try printer.print(
          zip(rows, answers.flatMap(\.results)).map { row, result in
            if form.isJSON || feed.isAlone { return result }
            defer { isFirst = false }
            return "\(isFirst ? "" : "\n")\(Format.oneLine(row.question))\n\(result)"
          })
      }
    }
  }

  /// The questions with their contexts; of several ranks, rank 0 alone has them.
  private func feed(for checkpoint: Checkpoint) throws -> TextFeed {
    var rows: [TextRow] = []
    if GraftTool.group.leads {
      guard input.isEmpty else {
        return try TextInput.feed(
          of: input, columns, "answering", for: [checkpoint], batchSize: batch.batchSize, output.console)
      }
      let context = try context ?? contextFile.map { try TextInput.text(of: $0) }
      rows = [TextRow(question ?? "", pair: context)]
    }
    return TextFeed(rows, "answering", batchSize: batch.batchSize, console: output.console)
  }
}

extension TextRow {
  /// The question, as a file has it or an argument.
  fileprivate var question: String { replacement(among: ["question"])?.value.string ?? text }
}

/// What a task says about a question, of which the first few answers are kept.
private struct FoundAnswers {
  private let members: OrderedDictionary<String, JSON>

  init(_ prediction: any TaskPrediction, most: Int) {
    var members = prediction.members
    var all = members["candidates"]?.array ?? []
    // What is said is the first to be shown, also where it is no answer.
    if let index = all.firstIndex(where: { $0["start"] == members["start"] && $0["end"] == members["end"] }) {
      all.insert(all.remove(at: index), at: 0)
    }
    if members["candidates"] != nil { members["candidates"] = .array(Array(all.prefix(most))) }
    self.members = members
  }

  /// What is said of a row, for machines.
  func json(of row: TextRow) -> JSON {
    .object(
      (row.fields["id"].map { [("id", $0)] } ?? []) + [("question", .string(row.question))]
        + members.map { ($0.key, $0.value) })
  }

  private var candidates: [JSON] { members["candidates"]?.array ?? [] }

  var table: String {
    guard !candidates.isEmpty else { return "no answer" }
    return Format.table(
      candidates.map { candidate in
        let (start, end) = (candidate["start"]?.int, candidate["end"]?.int)
        return [
          Format.score(Float(candidate["score"]?.double ?? 0)),
          start.flatMap { start in end.map { "\(start)–\($0)" } } ?? "",
          start == nil ? "no answer" : Format.oneLine(candidate["answer"]?.string ?? ""),
        ]
      }, header: ["score", "offsets", "answer"], alignments: [.right, .left])
  }
}
