import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftTensors
import NPY

/// `graft embed`
struct Embed: RunsOnRanks {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract:
      "Write one vector for each text: a NumPy array, float32 [texts, width], or sparse ones as JSON Lines.",
    discussion: """
      Vectors are those of sentence-transformers where the checkpoint comes from its folder: pooling, dense layers, \
      lengths, prompts and the length limit are the folder's. Of another checkpoint they are the mean over tokens.

      --sparse makes SPLADE's vectors from the scores of a masked-lm head, which a folder of sentence-transformers' \
      SparseEncoder does by itself: a line of JSON for each text, with the weight of each token, the largest first.

      Started by mpirun, ranks share the work; rank 0 alone reads the texts and writes.

      FILE.json beside the file has the texts and how the vectors were made, for 'graft search'. A file that exists is \
      not replaced.

      EXAMPLES
        graft embed all-MiniLM-L6-v2 --input texts.txt --output vectors.npy
        graft embed e5 'how much protein?' --prompt-name query --output query.npy
        graft embed bert 'a text' --pooling cls --normalize --output vectors.npy
        graft embed splade --input texts.txt --top-k 64 --output vectors.jsonl
        mpirun -n 4 --bind-to none graft embed e5 --input texts.txt --output v.npy
      """)

  @OptionGroup var checkpoint: CheckpointArgument
  @OptionGroup var input: TextInput
  @OptionGroup var head: AnsweringHeadFlag

  @Option(
    help: ArgumentHelp(
      "How tokens become one vector, whatever the checkpoint says: \(SentencePooling.Mode.names).",
      valueName: "MODE"))
  var pooling: SentencePooling.Mode?

  @Option(help: ArgumentHelp("Put this before each text.", valueName: "TEXT"))
  var prompt: String?

  @Option(
    help: ArgumentHelp(
      "Put the checkpoint's prompt of this name before each text. (default: the one it names)",
      valueName: "NAME"))
  var promptName: String?

  @Flag(help: "Divide each vector by its length.")
  var normalize = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep the first N numbers of each vector. (default: all)", valueName: "N"))
  var truncateDim: Int?

  @Flag(help: "Make sparse vectors by SPLADE: max over tokens, unless the checkpoint says otherwise.")
  var sparse = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep the N largest weights of each sparse vector. (default: all)", valueName: "N"))
  var topK: Int?

  @Option(help: ArgumentHelp("The .npy or .jsonl file to write.", valueName: "FILE"), completion: .file())
  var output: Path

  @OptionGroup var batch: BatchFlag
  @OptionGroup var length: LengthFlag
  @OptionGroup var inputs: TrainedInputsFlags
  @OptionGroup var backend: BackendFlags
  @OptionGroup var ranks: RankFlags
  @OptionGroup var precision: PrecisionFlag
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    if prompt != nil, promptName != nil {
      throw ValidationError("Give --prompt or --prompt-name, not both.")
    }
    if let truncateDim, truncateDim < 1 { throw ValidationError("--truncate-dim must be at least 1.") }
    if let topK, topK < 1 { throw ValidationError("--top-k must be at least 1.") }
    if sparse, let flag = denseFlag { throw ValidationError("--\(flag) has no meaning with --sparse.") }
  }

  /// A flag of dense vectors that was given.
  private var denseFlag: String? {
    let flags = [
      ("pooling", pooling != nil), ("normalize", normalize), ("truncate-dim", truncateDim != nil),
    ]
    return flags.first { $0.1 }?.0
  }

  func run() throws {
    let group = GraftTool.group
    ranks.noteWhatIsIgnored([], flags.console)
    let claim = try group.leads ? IndexRecord.claim(output.url) : nil
    defer { withExtendedLifetime(claim) {} }
    let registry = try GraftTool.registry()
    let opened = try head.select(in: checkpoint.open(registry, strictness, flags.console))
    let own = opened.sentences ?? SentencePipeline(pooling: .mean)
    let isSparse = sparse || own.splade != nil && pooling == nil
    if isSparse, let flag = denseFlag {
      throw GraftError(
        .refused, "the checkpoint makes sparse vectors", option: flag, advice: "Leave out this option.")
    }
    if !isSparse, let flag = topK != nil ? "top-k" : head.task != nil ? "task" : nil {
      throw GraftError(
        .refused, "the checkpoint makes dense vectors", option: flag,
        advice: "Leave it out, or pass --sparse.")
    }
    let (expected, found) = (isSparse ? "jsonl" : "npy", output.url.pathExtension)
    guard found.isEmpty || found.lowercased() == expected else {
      throw GraftError(
        .refused, "\(isSparse ? "sparse" : "dense") vectors have another file", file: output.url.path,
        option: "output", expected: "a name that ends with .\(expected)", found: ".\(found)")
    }
    let pipeline = pooling.map { SentencePipeline(pooling: $0) } ?? own
    let limit = length.maxLength ?? own.maximumLength
    let options = EmbeddingOptions(
      pipeline, prompt: try prompt ?? own.prompt(promptName),
      maximumLength: limit ?? length.maxLength(for: opened), width: truncateDim, normalizes: normalize,
      batchSize: batch.batchSize)
    let model = try opened.makeModel()
    length.check(model, flags.console)
    let session = try precision.session(
      model, on: backend.make(registry, flags.console), strictness, flags.console)
    try Ranks.requireSame(opened, session)
    let feed = try input.feed("embedding", for: [opened], batchSize: batch.batchSize, flags.console)
    let tokenizer = try isSparse ? model.requireTokenizer() : nil
    let windows = EmbeddedWindows(feed: feed, options: options, session: session) { rows in
      try inputs.check(rows, for: opened, feed.console)
    } vectors: { rows in
      func progress(_ done: Int) { feed.update(done, of: rows.count) }
      guard let tokenizer else {
        return try embed(rows, with: session, options, progress: progress).vectors
      }
      return try embedSparse(rows, with: session, options, keeping: topK, progress: progress).map {
        EmbeddedText($0, tokenizer: tokenizer)
      }
    }
    guard group.leads else { return try windows.answer { _, _ in } }
    let written =
      try isSparse
      ? writeSparse(windows)
      : writeDense(windows, width: pipeline.width(hiddenSize: model.backbone.hiddenSize))
    if let sentence = written.cut.sentence { flags.console.warn(sentence) }
    if flags.json {
      try Output.print(
        .object(
          [("output", JSON(output.url)), ("texts", JSON(written.texts))] + [written.size] + [
            ("truncated_texts", JSON(written.cut.count)), ("pooling", .string(written.pooling)),
            ("prompt", .string(options.prompt)),
          ]))
    } else {
      try Output.print("wrote \(output.url.displayPath) (\(written.description))")
    }
  }

  /// The record beside the vectors.
  private func record(_ windows: EmbeddedWindows) -> IndexRecord {
    IndexRecord(
      checkpoint: checkpoint.checkpoint.anywhere, head: head.task, pooling: pooling,
      maxLength: windows.options.maximumLength, width: truncateDim, normalizes: normalize,
      precision: windows.session.precision)
  }

  /// Writes vectors and their record. The record, which is there first, goes where the vectors then cannot be written.
  private func writeBoth(_ body: (_ recorded: () -> Void) throws -> Int) throws -> Int {
    var hasRecord = false
    do {
      return try body { hasRecord = true }
    } catch {
      if hasRecord { try? FileManager.default.removeItem(at: IndexRecord.file(beside: output.url)) }
      throw error
    }
  }

  /// Writes the array of vectors while they are made.
  private func writeDense(_ windows: EmbeddedWindows, width: Int) throws -> Written {
    let width = truncateDim ?? width
    var cut = CutTexts()
    let texts = try writeBoth { recorded in
      try NPY.write(rowsOf: width, to: output.url) { add in
        let texts = try record(windows).write(beside: output.url) { addTexts in
          try windows.write(texts: addTexts, &cut) { vector in
            try vector.content.withUnsafeBytes { try add($0.bindMemory(to: Float.self)) }
          }
        }
        recorded()
        return texts
      }
    }
    return Written(
      texts: texts, cut: cut, size: ("hidden_size", JSON(width)),
      pooling: windows.options.pipeline.description,
      description: "float32 \([texts, width])")
  }

  /// Writes a line of tokens and weights for each text while they are made.
  private func writeSparse(_ windows: EmbeddedWindows) throws -> Written {
    var (cut, count) = (CutTexts(), 0)
    let texts = try writeBoth { recorded in
      try FileWriter.write(output.url) { file in
        let texts = try record(windows).write(beside: output.url) { addTexts in
          try windows.write(texts: addTexts, &cut) { vector in
            count += vector.count
            try file.append(vector.content)
          }
        }
        recorded()
        return texts
      }
    }
    return Written(
      texts: texts, cut: cut, size: ("weights", JSON(count)),
      pooling: "\(windows.options.pipeline.splade ?? SpladePooling())",
      description: "\(Format.count(texts, "text")), \(Format.count(count, "weight"))")
  }
}

/// What was written.
private struct Written {
  let texts: Int
  let cut: CutTexts
  /// How much a vector has, or all have together.
  let size: (String, JSON)
  let pooling: String
  let description: String
}

/// Texts that become vectors, a window at a time.
private struct EmbeddedWindows {
  let feed: TextFeed
  let options: EmbeddingOptions
  let session: InferenceSession
  let check: ([TextRow]) throws -> Void
  let vectors: ([TextRow]) throws -> [EmbeddedText]

  /// Makes the vectors of all texts; see ``TextFeed/answer(preparing:_:_:)``.
  func answer(_ show: ([TextRow], [EmbeddedText]) throws -> Void) throws {
    try feed.answer(preparing: { try check($0) }) { rows in
      let limits = try truncatedRows(rows, for: session.model, options).limits
      var made = try vectors(rows)
      for (index, limit) in limits.enumerated() { made[index].limit = limit }
      return made
    } _: {
      try show($0, $1)
    }
  }

  /// Gives each vector to `body`.
  ///
  /// - Parameters:
  ///   - addTexts: Keeps the texts.
  ///   - cut: Is told how many are longer than is read.
  /// - Returns: How many texts there were.
  func write(
    texts addTexts: ([String]) throws -> Void, _ cut: inout CutTexts, _ body: (EmbeddedText) throws -> Void
  ) throws -> Int {
    var count = 0
    try answer { rows, vectors in
      for vector in vectors {
        cut.add(vector.limit)
        try body(vector)
      }
      try addTexts(rows.map { row in [row.text, row.pair].compactMap(\.self).joined(separator: " ") })
      count += rows.count
    }
    return count
  }
}

extension SentencePooling.Mode {
  fileprivate static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
