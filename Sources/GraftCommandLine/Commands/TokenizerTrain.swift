import ArgumentParser
import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors

/// `graft tokenizer train`
struct TokenizerTrain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Learn a tokenizer from texts, as Hugging Face tokenizers' trainers do.",
    discussion: """
      The tokenizer is like that of a family: the same pipeline, the same special tokens. --type alone takes the \
      usual family of the type. Texts are the rows of the files, so that tokens are learnt from what a model is \
      trained on later; the same files and options give the same tokenizer everywhere.

      Data files are CSV, TSV, JSON Lines or one text a line, each also gzipped. 'ag_news' and 'ag_news:test' are \
      data sets known by name.

      EXAMPLES
        graft tokenizer train domain.txt --type wordpiece --output tokenizer
        graft tokenizer train news.csv.gz --text-column 2,3 --family roberta \\
          --vocab-size 50000 --output news-tokenizer
        graft tokenizer train domain.txt --type wordpiece --cased \\
          --special-tokens '[E1],[E2]' --output cased
      """)

  @Argument(help: ArgumentHelp("Files with texts.", valueName: "FILE"))
  var files: [Path]

  @Option(
    help: ArgumentHelp(
      "What is learnt; 'graft plugins' lists it. (default: the family's)", valueName: "TYPE"),
    completion: .list(RegisteredNames.tokenizerTypes))
  var type: String?

  @Option(
    help: ArgumentHelp(
      "The family whose pipeline and special tokens it has. (default: the usual one of the type)",
      valueName: "NAME"), completion: .list(RegisteredNames.families))
  var family: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Tokens to learn, special ones included.", valueName: "N"))
  var vocabSize = 30_000

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How often a pair must occur to become a token; not for unigram. (default: 2)", valueName: "N"))
  var minFrequency: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most characters in the alphabet. (default: 1000 for wordpiece)", valueName: "N"))
  var limitAlphabet: Int?

  @Flag(exclusivity: .exclusive, help: "Make letters lower case, or leave them. (default: as in the family)")
  var letterCase: LetterCase?

  @Option(help: ArgumentHelp("Special tokens beyond the family's.", valueName: "A,B"))
  var specialTokens: String?

  @OptionGroup var parallelism: ThreadsFlag

  @Option(help: ArgumentHelp("The directory to create.", valueName: "DIR"), completion: .directory)
  var output: Path

  @OptionGroup(title: "Data") var columns: ColumnFlags<PairColumnFlag>
  @OptionGroup var flags: OutputFlags

  enum LetterCase: String, EnumerableFlag {
    case lowercase, cased
  }

  func validate() throws {
    if type == nil, family == nil { throw ValidationError("Give --type or --family.") }
    guard (1...10_000_000).contains(vocabSize) else {
      throw ValidationError("--vocab-size must be between 1 and 10000000.")
    }
    if let minFrequency, minFrequency < 0 {
      throw ValidationError("--min-frequency must be at least 0.")
    }
    if let limitAlphabet, limitAlphabet < 1 {
      throw ValidationError("--limit-alphabet must be at least 1.")
    }
    if further.contains("") { throw ValidationError("--special-tokens has an empty token.") }
  }

  private var further: [String] {
    specialTokens?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) ?? []
  }

  func run() throws {
    try DirectoryWriter.checkVacant(output.url)
    var training = try TokenizerTraining(
      type: type, family: family,
      options: TokenizerTrainingOptions(
        vocabularySize: vocabSize, minimumFrequency: minFrequency, alphabetLimit: limitAlphabet,
        lowercase: letterCase.map { $0 == .lowercase }, furtherSpecialTokens: further),
      threads: parallelism.threads, registry: GraftTool.registry())
    let example = try read(into: &training)
    let bar = ProgressBar("learning", unit: "tokens", total: vocabSize, console: flags.console)
    let result = try training.finish { progress in
      bar.update(
        share: Double(progress.done) / Double(max(1, progress.total)), label: progress.stage,
        facts: ["\(Format.grouped(progress.done)) \(progress.unit)"])
    }
    bar.clear()
    let tokenizer = result.tokenizer
    try DirectoryWriter.write(output.url) { try tokenizer.write(to: $0) }
    if tokenizer.vocabularySize < vocabSize {
      flags.console.warn(
        "the texts yield only \(Format.grouped(tokenizer.vocabularySize)) tokens: "
          + "give more text, or a smaller --vocab-size or --min-frequency")
    }
    try show(result, example: example)
  }

  /// Adds the rows of the files, or of the data set that is named instead.
  ///
  /// - Returns: The first text that is not empty.
  private func read(into training: inout TokenizerTraining) throws -> String {
    var example = ""
    var (count, bytes) = (0, 0)
    let options = try columns.options
    let urls = try DataReading.files(files)
    let bar = ProgressBar("reading", unit: "texts", total: 1, console: flags.console)
    // Of compressed files, the size is a guess.
    let size = urls.reduce(0) { $0.addingClamped(Self.size(of: $1)) }
    func add(_ row: TextRow) {
      if example.isEmpty { example = row.text }
      training.add(row)
      count += 1
      bytes += row.text.utf8.count
      guard count.isMultiple(of: 1000), size > 0 else { return }
      bar.update(
        share: min(0.99, Double(bytes) / Double(size)), label: "reading",
        facts: ["\(Format.grouped(count)) texts"])
    }
    if let named = try DataReading.namedRows(files.map(\.url), options, hasColumns: columns.hasColumns) {
      named.rows.forEach(add)
    } else {
      try DataSource(reading: urls, options: options).forEachRow(add)
    }
    bar.clear()
    return example
  }

  /// In bytes; 0 for what is no file.
  private static func size(of url: URL) -> Int {
    var status = stat()
    return stat(url.path, &status) == 0 ? Int(status.st_size) : 0
  }

  private func show(_ result: TokenizerTraining.Result, example: String) throws {
    let tokenizer = result.tokenizer
    let text = Self.beginning(of: example)
    let encoding = tokenizer.encode(text, pair: nil, maximumLength: nil, addSpecialTokens: true)
    let tokens = encoding.ids.map { tokenizer.token(of: $0) ?? "" }
    if !flags.json {
      let learnt = tokenizer.vocabularySize - result.specialTokenCount
      let rows = [
        ["type", "\(result.type), as in \(result.family)"],
        [
          "vocabulary",
          "\(Format.count(tokenizer.vocabularySize, "token")): \(result.specialTokenCount) special, "
            + "\(Format.grouped(learnt)) learnt",
        ],
        ["alphabet", Format.count(result.alphabetSize, "character")],
        [
          "from",
          "\(Format.count(result.textCount, "text")), \(Format.count(result.wordCount, "word")), "
            + "\(Format.grouped(result.distinctWordCount)) of them different",
        ],
        ["example", Format.oneLine(text)], ["", tokens.map(Format.oneLine).joined(separator: " ")],
      ]
      try Output.print(Format.table(rows))
    }
    try OutputSummary.show(
      output.url,
      facts: [
        ("type", .string(result.type)), ("family", .string(result.family)),
        ("vocabulary_size", JSON(tokenizer.vocabularySize)),
        ("special_tokens", JSON(result.specialTokenCount)), ("alphabet", JSON(result.alphabetSize)),
        ("texts", JSON(result.textCount)), ("words", JSON(result.wordCount)),
        ("distinct_words", JSON(result.distinctWordCount)),
        (
          "example",
          [
            "text": .string(text), "tokens": .list(tokens),
            "ids": .array(encoding.ids.map { JSON(Int($0)) }),
          ]
        ),
      ], flags)
  }

  /// The first words of a text, a line's worth.
  private static func beginning(of text: String) -> String {
    guard text.count > 60 else { return text }
    let start = text.prefix(60)
    return String(start.lastIndex(of: " ").map { start[..<$0] } ?? start)
  }
}
