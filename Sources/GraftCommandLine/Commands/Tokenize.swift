import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// `graft tokenize`
struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Show how texts become tokens: each with its id and its place in the text.",
    discussion: """
      Offsets count Unicode scalars from 0; the end is exclusive. Added special tokens have none.

      EXAMPLES
        graft tokenize bert 'Hello, my dog is cute'
        graft tokenize bert --input texts.txt --json
        graft tokenize bert --input articles.csv --text-column title,body --count
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: TextInput
  @OptionGroup var length: LengthFlag

  @Flag(help: "Leave out [CLS] and [SEP].")
  var noSpecialTokens = false

  @Flag(help: "Print only how many texts and tokens there are, the longest, unknown ones, and the rate.")
  var count = false

  @OptionGroup var parallelism: ThreadsFlag

  @OptionGroup var output: OutputFlags

  func run() throws {
    let tokenizer = try tokenizer()
    for note in tokenizer.notes { output.console.note("note: \(note)") }
    let texts = try input.rows(output.console)
    if count { return try printCounts(of: texts, tokenizer) }
    let encodings = try inParallel(texts, threads: parallelism.threads) { part in
      part.map { encode($0, tokenizer) }
    }.flatMap(\.self)
    if output.json {
      try Output.print(
        .array(zip(texts, encodings).map { text, encoding in json(text, encoding, tokenizer) }))
      return
    }
    for (index, (text, encoding)) in zip(texts, encodings).enumerated() {
      if texts.count > 1 { try Output.print("\(index > 0 ? "\n" : "")\(Format.oneLine(text.text))") }
      let scalars = [text.text, text.pair ?? ""].map { Array($0.unicodeScalars) }
      let rows = encoding.ids.indices.map { place in
        let range = encoding.offsets[place]
        let sequence = scalars[encoding.sequence(ofToken: place) ?? 0]
        let piece = String(String.UnicodeScalarView(sequence[range.clamped(to: 0..<sequence.count)]))
        return [
          String(encoding.ids[place]), tokenizer.token(of: encoding.ids[place]) ?? "",
          range.isEmpty ? "" : "\(range.lowerBound)–\(range.upperBound)", Format.oneLine(piece),
        ]
      }
      try Output.print(Format.table(rows, header: ["id", "token", "offsets", "text"], alignments: [.right]))
    }
  }

  private func encode(_ row: TextRow, _ tokenizer: any Tokenizer) -> Encoding {
    tokenizer.encode(
      row.text, pair: row.pair, maximumLength: length.maxLength, addSpecialTokens: !noSpecialTokens)
  }

  private func printCounts(of texts: [TextRow], _ tokenizer: any Tokenizer) throws {
    let unknownID = tokenizer.specialTokens.unknown
    let start = ContinuousClock.now
    let counts = try inParallel(texts, threads: parallelism.threads) { part in
      var (tokens, longest, unknown) = (0, 0, 0)
      for text in part {
        let ids = encode(text, tokenizer).ids
        tokens += ids.count
        longest = max(longest, ids.count)
        unknown += ids.count { $0 == unknownID }
      }
      return (tokens: tokens, longest: longest, unknown: unknown)
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let tokens = counts.reduce(0) { $0 + $1.tokens }
    let longest = counts.map(\.longest).max() ?? 0
    let unknown = counts.reduce(0) { $0 + $1.unknown }
    let rate =
      Double(texts.reduce(0) { $0 + $1.text.utf8.count + ($1.pair?.utf8.count ?? 0) }) / 1e6 / seconds
    if output.json {
      let document: JSON = [
        "texts": JSON(texts.count), "tokens": JSON(tokens), "longest": JSON(longest),
        "unknown": JSON(unknown), "megabytes_per_second": JSON(rate),
      ]
      return try Output.print(document)
    }
    let rows = [("texts", texts.count), ("tokens", tokens), ("longest", longest), ("unknown", unknown)]
    try Output.print(
      Format.table(
        rows.map { [$0, Format.grouped($1)] } + [["rate", "\(Format.rate(rate)) MB/s"]]))
  }

  /// The checkpoint's tokenizer; its weights need not be there.
  private func tokenizer() throws -> any Tokenizer {
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, output.console)
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
      throw GraftError(.missing, "no such file or directory", file: url.path)
    }
    let directory = isDirectory.boolValue ? url : url.deletingLastPathComponent()
    if let tokenizer = try registry.loadTokenizer(from: directory) { return tokenizer }
    // A file alone may be a whole model.
    if !isDirectory.boolValue,
      let tokenizer = try registry.loadTokenizer(
        describedBy: registry.openModelFile(url).file.attributes)
    {
      return tokenizer
    }
    throw GraftError(
      .missing, "no tokenizer files", file: directory.path,
      advice: "Put vocab.txt or tokenizer.json beside the weights.")
  }

  private func json(_ row: TextRow, _ encoding: Encoding, _ tokenizer: any Tokenizer) -> JSON {
    .object(
      row.textMembers + [
        ("tokens", .list(encoding.ids.map { tokenizer.token(of: $0) ?? "" })),
        ("ids", .array(encoding.ids.map { JSON(Int($0)) })),
        ("offsets", .array(encoding.offsets.map { [JSON($0.lowerBound), JSON($0.upperBound)] })),
      ])
  }
}
