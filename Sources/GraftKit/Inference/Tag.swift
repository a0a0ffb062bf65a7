import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// How tokens become entities. The strategies are those of transformers' token-classification pipeline.
public enum EntityAggregation: String, Sendable, CaseIterable {
  /// Every token by itself.
  case none
  /// Neighbouring tokens of one type; `B` begins an entity anew.
  case simple
  /// As `simple`, over words that have the label of their first token.
  case first
  /// As `simple`, over words that have the label whose mean score over their tokens is highest.
  case average
  /// As `simple`, over words that have the label of their token with the highest score.
  case max

  /// What fits how a head was trained: ``first`` where its configuration says that it learnt from the first tokens of
  /// words alone, as the training of Graft does; its other tokens mean nothing then. ``simple`` where nothing is known.
  ///
  /// - Parameter configuration: That of the head.
  public static func usual(for configuration: Configuration) -> EntityAggregation {
    configuration[Configuration.labelsAllTokensKey]?.bool == false ? .first : .simple
  }
}

/// A part of a text with its label.
public struct TaggedEntity: Sendable, Equatable {
  /// The type, `PER`; of a single token the label, `B-PER`.
  public let label: String
  /// The mean probability over its tokens or words.
  public let score: Float
  /// What the tokenizer makes of its tokens; see ``offsets`` for the text itself.
  public let word: String
  /// Its place in the text, in Unicode scalars.
  public let offsets: Range<Int>
  /// Of a single token: its place among the tokens of the text, special ones included.
  public let index: Int?
}

/// How texts are tagged.
public struct TaggingOptions: Sendable, Equatable {
  /// `nil` is what the head learnt; see ``EntityAggregation/usual(for:)``.
  public var aggregation: EntityAggregation?
  /// Types and labels that are left out; each has to be one of the head, but for `O`, which it may lack.
  public var ignoredLabels: Set<String> = ["O"]
  /// The most tokens of a window; `nil` is the model's own limit.
  public var maxLength: Int?
  /// How many tokens the windows of a long text share; `nil` is a quarter of a window.
  public var stride: Int?
  /// How many windows run together; `nil` is as many as make some 2,048 tokens.
  public var batchSize: Int?

  /// The defaults.
  public init() {}
}

/// The entities of texts, by a head that labels tokens.
///
/// A text that is longer than the model takes is read in windows. Of entities that overlap where two windows do, the
/// longest stays, and of equally long ones the likeliest. Results are those of transformers' pipeline 5.23 with the
/// same strategy and stride; without a stride it cuts long texts.
/// https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/pipelines/token_classification.py
///
/// - Parameters:
///   - texts: Any texts.
///   - session: Of a model with a head that labels tokens, and a tokenizer.
///   - options: How tokens become entities.
///   - progress: Called after each batch with the number of windows done and of all windows; may throw to stop.
/// - Returns: The entities of each text, in their order.
/// - Throws: `GraftError` when the head does not label tokens, has no such label as is left out, or the stride leaves no
///   room in a window.
public func tag(
  _ texts: [String], with session: InferenceSession, options: TaggingOptions = TaggingOptions(),
  progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
) throws -> [[TaggedEntity]] {
  try tag(rows: texts.map { TextRow($0) }, with: session, options: options, progress: progress)
}

/// As ``tag(_:with:options:progress:)``, of the texts of rows.
///
/// - Throws: also `GraftError` naming a row that the model cannot read, before anything is computed.
public func tag(
  rows: [TextRow], with session: InferenceSession, options: TaggingOptions = TaggingOptions(),
  progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
) throws -> [[TaggedEntity]] {
  let tagger = try EntityTagger(rows, with: session.model, options)
  let order = tagger.encodings.placesByLength(\.ids.count)
  var done = 0
  try forEachBatch(order, atMost: options.batchSize, { tagger.encodings[$0] }, tokens: \.ids.count) {
    indices, encodings in
    let batch = PreparedBatch(Batch(encodings))
    try session.run { tape in
      let logits = try session.model.scores(of: tagger.active, batch, tape).value
      try tagger.add(logits, batch.inputs, at: indices, session.backend)
    }
    done += indices.count
    try progress(done, order.count)
  }
  return tagger.entities
}

/// Gathers the entities of texts from the scores of their windows.
final class EntityTagger {
  /// The head whose scores it reads.
  let active: Model.ActiveHead
  /// The windows of the texts, which the model reads in any order.
  let encodings: [Encoding]
  /// The most tokens of a window.
  let maximumLength: Int
  private let windows: [TaggedWindow]
  private let texts: [[Unicode.Scalar]]
  private let tokenizer: any Tokenizer
  private let labels: [String]
  private let options: TaggingOptions
  private let aggregation: EntityAggregation
  private var found: [[TaggedEntity]?]

  /// - Throws: `GraftError` when the head does not label tokens, has no such label as is left out, the stride leaves no room
  ///   in a window, or the model cannot read a row, which it names.
  init(_ rows: [TextRow], with model: Model, _ options: TaggingOptions) throws {
    tokenizer = try model.requireTokenizer()
    active = try model.requireHead("does not label tokens") { $0.labelsTokens }
    labels = try model.configuration.labels()
    try options.check(labels)
    let encoder = TextEncoder(
      tokenizer, maximumLength: min(options.maxLength ?? .max, model.backbone.maximumLength),
      stride: options.stride)
    maximumLength = encoder.maximumLength
    var windows: [TaggedWindow] = []
    for (number, row) in rows.enumerated() {
      var start = 0
      let encodings = try encoder.windows(of: row.text)
      try model.backbone.check(encodings, of: row)
      for encoding in encodings {
        windows.append(TaggedWindow(text: number, encoding: encoding, firstIndex: start))
        start += encoding.sequences[0].count - encoder.stride
      }
    }
    self.windows = windows
    encodings = windows.map(\.encoding)
    texts = rows.map { Array($0.text.unicodeScalars) }
    self.options = options
    aggregation = options.aggregation ?? .usual(for: model.configuration)
    found = Array(repeating: nil, count: windows.count)
  }

  /// Takes the scores of some windows, `[tokens, labels]`, and makes them probabilities in their place.
  ///
  /// - Throws: `GraftError` when they are no numbers.
  func add(_ logits: Tensor, _ batch: Batch, at indices: [Int], _ backend: any ComputeBackend) throws {
    try requireNumbers(logits, "scores")
    backend.kernels.softmax(logits.pointer, scale: 1, rows: logits.rows, columns: logits.columns)
    for (index, row) in zip(indices, batch.offsets) {
      let window = windows[index]
      let reader = EntityReader(
        window: window, text: texts[window.text], scores: logits, firstRow: row, tokenizer: tokenizer,
        labels: labels)
      found[index] = reader.entities(aggregation).filter {
        !options.ignoredLabels.contains($0.label)
      }
    }
  }

  /// The entities of each text, in their order.
  var entities: [[TaggedEntity]] {
    var all = [[TaggedEntity]](repeating: [], count: texts.count)
    var counts = [Int](repeating: 0, count: texts.count)
    for (window, own) in zip(windows, found) {
      all[window.text] += own ?? []
      counts[window.text] += 1
    }
    return zip(all, counts).map { $1 > 1 ? withoutOverlaps($0) : $0 }
  }
}

/// The type of the entities that a label is of: `PER` of `B-PER`.
private func entityType(of label: String) -> String {
  label.firstIndex(of: "-").map { String(label[label.index(after: $0)...]) } ?? label
}

extension TaggingOptions {
  /// Makes sure that what is left out is there.
  ///
  /// - Parameter labels: Those of the head.
  fileprivate func check(_ labels: [String]) throws {
    let known = Set(labels + labels.map(entityType))
    guard let name = ignoredLabels.subtracting(["O"]).subtracting(known).min() else { return }
    let nearest = NearestName.find(name, among: known.sorted())
    throw GraftError(
      .unknownName, "the head has no such label", option: "ignore-labels",
      expected: "one of \(labels.joined(separator: ", "))", found: "'\(name)'",
      advice: nearest.map { "Did you mean '\($0)'?" })
  }
}

/// A window of a text.
private struct TaggedWindow {
  let text: Int
  let encoding: Encoding
  /// The place of its first token among those of the text, special ones left out.
  let firstIndex: Int
}

/// The longest of entities that overlap, and the likeliest of equally long ones.
private func withoutOverlaps(_ entities: [TaggedEntity]) -> [TaggedEntity] {
  // Sorting keeps the order of equals, as Python's does.
  let sorted = entities.enumerated().sorted {
    ($0.element.offsets.lowerBound, $0.offset) < ($1.element.offsets.lowerBound, $1.offset)
  }.map(\.element)
  guard var last = sorted.first else { return [] }
  var kept: [TaggedEntity] = []
  for entity in sorted {
    if entity.offsets.lowerBound < last.offsets.upperBound {
      let (length, other) = (entity.offsets.count, last.offsets.count)
      if length > other || length == other && entity.score > last.score { last = entity }
    } else {
      kept.append(last)
      last = entity
    }
  }
  return kept + [last]
}

/// Makes entities of the scores of a window's tokens.
private struct EntityReader {
  let window: TaggedWindow
  let text: [Unicode.Scalar]
  /// Probabilities, `[tokens, labels]`.
  let scores: Tensor
  /// The row of the window's first token.
  let firstRow: Int
  let tokenizer: any Tokenizer
  let labels: [String]

  /// A token, or a word, with the label that it is given.
  private struct Part {
    var label: Int
    var score: Float
    var word: String
    var offsets: Range<Int>
    var index: Int?
  }

  func entities(_ aggregation: EntityAggregation) -> [TaggedEntity] {
    let tokens = Array(window.encoding.sequences[0])
    switch aggregation {
    case .none:
      return tokens.map { token in
        let part = part(token)
        return TaggedEntity(
          label: labels[part.label], score: part.score, word: part.word, offsets: part.offsets,
          index: part.index)
      }
    case .simple: return grouped(tokens.map(part))
    case .first, .average, .max: return grouped(words(tokens).map { word($0, aggregation) })
    }
  }

  // MARK: Tokens

  private func scores(_ token: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(
      start: scores.pointer + (firstRow + token) * scores.columns, count: scores.columns)
  }

  /// The largest score, the first of equals.
  private func best(_ scores: some Collection<Float>) -> (label: Int, score: Float) {
    scores.enumerated().reduce((0, -Float.infinity)) { $1.element > $0.1 ? ($1.offset, $1.element) : $0 }
  }

  /// A token as it is spelled, or the text in its place when the vocabulary does not have it.
  private func spelling(_ token: Int) -> String {
    let id = window.encoding.ids[token]
    return id == tokenizer.specialTokens.unknown ? surface(token) : tokenizer.token(of: id) ?? ""
  }

  private func surface(_ token: Int) -> String {
    String(String.UnicodeScalarView(text[window.encoding.offsets[token]]))
  }

  private func part(_ token: Int) -> Part {
    let (label, score) = best(scores(token))
    return Part(
      label: label, score: score, word: spelling(token), offsets: window.encoding.offsets[token],
      index: window.firstIndex + token)
  }

  // MARK: Words

  /// Whether a token goes on with the word of the token before it.
  ///
  /// Where tokens show it, one whose spelling is longer than its text does: it has a prefix. Elsewhere one does that
  /// stands right behind other than a space.
  private func goesOn(_ token: Int) -> Bool {
    let encoding = window.encoding
    guard encoding.ids[token] != tokenizer.specialTokens.unknown else { return false }
    let place = encoding.offsets[token]
    if tokenizer.continuingPrefix != nil { return spelling(token).unicodeScalars.count != place.count }
    guard place.lowerBound > 0 else { return false }
    return !text[place.lowerBound - 1..<min(place.lowerBound + 1, text.count)].contains(" ")
  }

  private func words(_ tokens: [Int]) -> [[Int]] {
    tokens.reduce(into: []) { words, token in
      if !words.isEmpty, goesOn(token) {
        words[words.count - 1].append(token)
      } else {
        words.append([token])
      }
    }
  }

  private func word(_ tokens: [Int], _ aggregation: EntityAggregation) -> Part {
    let choice: (label: Int, score: Float)
    switch aggregation {
    case .average:
      let count = Float(tokens.count)
      choice = best(
        labels.indices.map { label in tokens.reduce(Float(0)) { $0 + scores($1)[label] } / count })
    case .max:
      choice = tokens.dropFirst().reduce(best(scores(tokens[0]))) { highest, token in
        let own = best(scores(token))
        return own.score > highest.score ? own : highest
      }
    case .first, .none, .simple: choice = best(scores(tokens[0]))
    }
    return Part(
      label: choice.label, score: choice.score, word: tokenizer.text(of: tokens.map(spelling)),
      offsets: offsets(from: tokens[0], to: tokens[tokens.count - 1]))
  }

  private func offsets(from first: Int, to last: Int) -> Range<Int> {
    let start = window.encoding.offsets[first].lowerBound
    return start..<max(start, window.encoding.offsets[last].upperBound)
  }

  // MARK: Entities

  /// The type that a label names, and whether it begins an entity anew.
  private func type(_ label: Int) -> (name: Substring, begins: Bool) {
    let name = labels[label]
    if name.hasPrefix("B-") { return (name.dropFirst(2), true) }
    return (name.hasPrefix("I-") ? name.dropFirst(2) : name[...], false)
  }

  private func grouped(_ parts: [Part]) -> [TaggedEntity] {
    var groups: [[Part]] = []
    for part in parts {
      let (name, begins) = type(part.label)
      if let last = groups.last?.last, !begins, type(last.label).name == name {
        groups[groups.count - 1].append(part)
      } else {
        groups.append([part])
      }
    }
    return groups.map { group in
      let start = group[0].offsets.lowerBound
      return TaggedEntity(
        label: entityType(of: labels[group[0].label]),
        score: group.reduce(0) { $0 + $1.score } / Float(group.count),
        word: tokenizer.text(of: group.map(\.word)),
        offsets: start..<max(start, group[group.count - 1].offsets.upperBound), index: nil)
    }
  }
}
