import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// How vectors for texts are made; see ``embed(_:with:_:progress:)``.
public struct EmbeddingOptions: Sendable {
  /// How token states become one vector.
  public var pipeline: SentencePipeline
  /// What is put before each text.
  public var prompt: String
  /// The most tokens of a text; `nil` is the pipeline's and the model's limit.
  public var maximumLength: Int?
  /// How many of a vector's numbers are kept, from the first; `nil` keeps all.
  public var width: Int?
  /// Whether vectors are divided by their lengths in the end, after ``width``.
  public var normalizes: Bool
  /// How many texts run together; `nil` is as many as make some 2,048 tokens.
  public var batchSize: Int?

  public init(
    _ pipeline: SentencePipeline, prompt: String = "", maximumLength: Int? = nil, width: Int? = nil,
    normalizes: Bool = false, batchSize: Int? = nil
  ) {
    self.pipeline = pipeline
    self.prompt = prompt
    self.maximumLength = maximumLength
    self.width = width
    self.normalizes = normalizes
    self.batchSize = batchSize
  }
}

extension EmbeddingOptions {
  /// The most tokens that a model reads of a text.
  func limit(of model: Model) -> Int {
    min(maximumLength ?? pipeline.maximumLength ?? .max, model.backbone.maximumLength)
  }

  /// A text as the tokenizer gets it.
  func prepared(_ text: String) -> String { pipeline.lowercases ? text.lowercased() : text }
}

/// The rows of which ``embed(_:with:_:progress:)`` does not read the end.
///
/// - Throws: `GraftError` when the model has no tokenizer.
public func truncatedRows(
  _ rows: [TextRow], for model: Model, _ options: EmbeddingOptions
) throws -> DatasetFacts {
  try truncatedRows(rows, for: model, maxLength: options.limit(of: model)) { row in
    [TextRow(options.prepared(options.prompt + row.text), pair: row.pair.map(options.prepared))]
  }
}

/// One vector for each text or pair: `[rows, width]`, as sentence-transformers' `encode` makes them.
///
/// - Parameters:
///   - rows: In the order of the result's rows.
///   - session: Of any model with a tokenizer; its head is not used.
///   - options: How vectors are made, and of what.
///   - progress: Called after each batch with the number of texts done.
/// - Throws: `GraftError` when the model has no tokenizer, or a vector has fewer numbers than are to be kept.
public func embed(
  _ rows: [TextRow], with session: InferenceSession, _ options: EmbeddingOptions,
  progress: (Int) -> Void = { _ in }
) throws -> Tensor {
  let model = session.model
  let encode = try options.encoder(of: model)
  let pipeline = options.pipeline
  let full = pipeline.width(hiddenSize: model.backbone.hiddenSize)
  let width = options.width ?? full
  guard (1...full).contains(width) else {
    throw GraftError(
      .mismatch, "a vector does not have that many numbers", expected: "1 to \(full)", found: "\(width)",
      advice: "Check \(option: "truncate-dim").")
  }
  let head = SentenceHead(pipeline)
  let layers = Scope(try pipeline.makeParameters())
  // The token that ends a text stands behind the text that follows the prompt.
  let promptLength = options.prompt.isEmpty ? 0 : max(0, encode(options.prompt, nil).ids.count - 1)
  let result = Tensor(repeating: 0, shape: [rows.count, width])
  var done = 0
  try options.forEachBatch(of: rows, for: model, encode) { places, batch in
    try session.run { tape in
      let states = try model.encode(batch, tape, firstTokensAlone: head.readsFirstTokens)
      let vectors = try head.vectors(
        states.hiddenStates, states.batch.offsets, promptLength: promptLength, layers, tape
      ).value
      try requireNumbers(vectors, "vectors")
      for (index, place) in places.enumerated() {
        (result.pointer + place * width).update(from: vectors.pointer + index * full, count: width)
      }
    }
    done += places.count
    progress(done)
  }
  guard options.normalizes else { return result }
  return Tape(session.backend, recording: false).normalizeRows(Variable(result)).value
}

extension EmbeddingOptions {
  /// What makes tokens of a text, or of a pair, cut to the limit.
  ///
  /// - Throws: `GraftError` when the model has no tokenizer.
  func encoder(of model: Model) throws -> (String, String?) -> Encoding {
    let tokenizer = try model.requireTokenizer()
    let limit = limit(of: model)
    return { text, pair in
      tokenizer.encode(
        prepared(text), pair: pair.map(prepared), maximumLength: limit, addSpecialTokens: true)
    }
  }
}

extension EmbeddingOptions {
  /// Gives rows to `body` in batches of about one length, with the places of their rows; the longest first.
  func forEachBatch(
    of rows: [TextRow], for model: Model, _ encode: (String, String?) -> Encoding,
    _ body: ([Int], Batch) throws -> Void
  ) throws {
    let order = rows.placesByLength { $0.text.utf8.count + ($0.pair?.utf8.count ?? 0) }
    func encoding(_ row: TextRow) throws -> Encoding {
      let encoding = encode(prompt + row.text, row.pair)
      try model.backbone.check([encoding], of: row)
      return encoding
    }
    try GraftKit.forEachBatch(order, atMost: batchSize, { try encoding(rows[$0]) }, tokens: \.ids.count) {
      try body($0, Batch($1))
    }
  }
}
