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

      FILE is JSON Lines with 'question' and 'context', or with what --text-column names in the place of the \
      question and --pair-column in that of the context; or a SQuAD document.

      Started by mpirun, ranks share the work; rank 0 alone reads the questions and prints.

      EXAMPLES
        graft answer qa --question 'Where did Ada live?' \\
          --context 'Ada Lovelace lived in London.'
        graft answer qa --question 'Who wrote it?' --context-file page.txt
        graft answer qa --input questions.jsonl --null-threshold 0 --json
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

  @OptionGroup(title: "Data") var reading: DataFlags

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
  @OptionGroup var output: OutputFlags

  func validate() throws {
    let contexts = [context != nil, contextFile != nil].count { $0 }
    guard input.isEmpty ? question != nil && contexts == 1 : question == nil && contexts == 0 else {
      throw ValidationError(
        "Give --question with --context or --context-file, or questions with their contexts with --input.")
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
    var opened = try checkpoint.open(registry, strictness, output.console)
    try head.select(in: &opened)
    try opened.setAnswering(
      nBest: max(20, nBest), longest: maxAnswerLength, nullThreshold: nullThreshold)
    try untrained.check(opened, output.console)
    let model = try opened.makeModel()
    func dataset(_ rows: [TextRow]) throws -> Dataset {
      try Dataset(
        rows, for: model, maxLength: length.maxLength(for: opened), stride: stride.stride(for: opened),
        requiringLabels: false, isLengthGiven: length.maxLength != nil)
    }
    var rows: [TextRow] = []
    try GraftTool.group.onLeader {
      rows = try self.rows(for: opened.activeHead)
      // Every row is checked before the first is answered.
      for sentence in try dataset(rows).facts.sentences { output.console.warn(sentence) }
    }
    let session = try precision.session(
      model, on: backend.make(registry, output.console), strictness, output.console)
    try Ranks.requireSame(opened, session)
    let feed = TextFeed(
      rows, "answering", batchSize: batch.batchSize, beginsSmall: false, console: output.console)
    var found: [FoundAnswers] = []
    try feed.answer({ rows in
      let data = try dataset(rows)
      return try predict(
        session, on: data, batchSize: batch.batchSize, progress: { feed.update($0, of: data.count) }
      ).map { FoundAnswers($0, most: nBest) }
    }) { _, answers in
      found += answers
    }
    guard GraftTool.group.leads else { return }
    let questions = rows.map { $0.fields["question"]?.string ?? $0.text }
    if output.json {
      return try Output.print(
        .array(
          zip(rows, zip(questions, found)).map { row, pair in
            .object(
              (row.fields["id"].map { [("id", $0)] } ?? []) + [("question", .string(pair.0))]
                + pair.1.members.map { ($0.key, $0.value) })
          }))
    }
    for (index, (question, found)) in zip(questions, found).enumerated() {
      if rows.count > 1 { try Output.print("\(index > 0 ? "\n" : "")\(Format.oneLine(question))") }
      try Output.print(found.table)
    }
  }

  private func rows(for heads: HeadSet?) throws -> [TextRow] {
    if !input.isEmpty { return try reading.read(input, for: heads, output.console).rows }
    let context = try context ?? contextFile.map { try TextInput.text(of: $0) }
    return [TextRow(question ?? "", pair: context)]
  }
}

/// What a task says about a question, of which the first few answers are kept.
private struct FoundAnswers: RowAnswer {
  let members: OrderedDictionary<String, JSON>

  private init(_ members: OrderedDictionary<String, JSON>) { self.members = members }

  init(_ prediction: any TaskPrediction, most: Int) {
    var members = prediction.members
    var all = members["candidates"]?.array ?? []
    // What is said is the first to be shown, also where it is no answer.
    if let index = all.firstIndex(where: { $0["start"] == members["start"] && $0["end"] == members["end"] }) {
      all.insert(all.remove(at: index), at: 0)
    }
    if members["candidates"] != nil { members["candidates"] = .array(Array(all.prefix(most))) }
    self.init(members)
  }

  static func bytes(of answers: [FoundAnswers]) -> [UInt8] {
    Array(JSON.array(answers.map { .object($0.members) }).text().utf8)
  }

  static func answers(of bytes: [UInt8]) throws -> [FoundAnswers] {
    (try JSON(parsing: bytes).array ?? []).map { FoundAnswers($0.object ?? [:]) }
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
