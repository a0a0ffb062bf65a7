import GraftTensors
import OrderedCollections

/// How rows became the inputs that a head was trained on. It stands with the head's history in `graft.json`, so that it
/// goes where the head goes, and is what commands do with the head afterwards unless told otherwise.
public struct TrainedInputs: Sendable, Equatable {
  /// The most tokens of an example.
  public var maxLength: Int?
  /// How many tokens the windows of a long text share; `nil` is a quarter of a window.
  public var stride: Int?
  /// Whether the rows were pairs of texts.
  public var pairs = false
  /// Where texts and labels were read from, as they are given: names, or numbers from 1. Empty and `nil` where there
  /// were no columns.
  public var textColumns: [String] = []
  public var pairColumn: String?
  public var labelColumns: [String] = []
  /// What stood between the labels of a cell, where that was said.
  public var labelDelimiter: String?
  /// The number of the first label in the data; see ``LabelReading/base``.
  public var labelBase: Int?

  /// Nothing is known.
  public init() {}

  /// The same for what reads the first texts alone.
  package var ofSingleTexts: TrainedInputs {
    var inputs = self
    inputs.pairColumn = nil
    return inputs
  }

  var json: JSON {
    var members: OrderedDictionary<String, JSON> = [:]
    members["max_length"] = maxLength.map { JSON($0) }
    members["stride"] = stride.map { JSON($0) }
    members["pairs"] = .bool(pairs)
    if !textColumns.isEmpty { members["text_columns"] = .array(textColumns.map { .string($0) }) }
    members["pair_column"] = pairColumn.map { .string($0) }
    if labelColumns.count == 1 { members["label_column"] = .string(labelColumns[0]) }
    if labelColumns.count > 1 { members["label_columns"] = .array(labelColumns.map { .string($0) }) }
    members["label_delimiter"] = labelDelimiter.map { .string($0) }
    members["label_base"] = labelBase.map { JSON($0) }
    return .object(members)
  }

  /// What a record says; what is of another kind there counts as unknown.
  init(_ json: JSON) {
    maxLength = json["max_length"]?.int.flatMap { $0 >= 3 ? $0 : nil }
    stride = json["stride"]?.int.flatMap { $0 >= 0 ? $0 : nil }
    pairs = json["pairs"]?.bool ?? false
    textColumns = json["text_columns"]?.array?.compactMap(\.string) ?? []
    pairColumn = json["pair_column"]?.string
    labelColumns =
      json["label_columns"]?.array?.compactMap(\.string) ?? [json["label_column"]?.string].compactMap { $0 }
    labelDelimiter = json["label_delimiter"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    labelBase = json["label_base"]?.int
  }
}

extension Checkpoint {
  /// How rows became the inputs that the active head was trained on, as far as that is known.
  public var trainedInputs: TrainedInputs? {
    activeHeads.lazy.compactMap { head in
      if case .trained(let training)? = head.history { training.inputs } else { nil }
    }.first
  }

  /// What is worth knowing before the head is trained on these rows: that it was trained on pairs and these are single
  /// texts, or the other way round.
  package func changeOfInputs(_ rows: [TextRow]) -> GraftError? {
    guard let pairs = trainedInputs?.pairs, activeHead?.hasLabels == true,
      let other = rows.first(where: { ($0.pair != nil) != pairs })
    else { return nil }
    let kinds = pairs ? ("pairs", "single texts") : ("single texts", "pairs")
    return GraftError(
      .mismatch, "the head was trained on \(kinds.0), and goes on with \(kinds.1)",
      advice: pairs ? "Name the column of the second text with \(option: "pair-column")." : nil
    ).inRow(other)
  }

  /// Refuses single texts for a head that was trained on pairs.
  ///
  /// - Parameters:
  ///   - rows: What the head is to read.
  ///   - advice: What to do about it.
  /// - Throws: `GraftError` of kind `refused` naming the first such row.
  public func requirePairs(
    in rows: [TextRow], advice: Advice = "Name the column of the second text with \(option: "pair-column")."
  ) throws {
    // Other heads look for what they need themselves, in columns of other names too.
    guard trainedInputs?.pairs == true, activeHead?.hasLabels == true,
      let single = rows.first(where: { $0.pair == nil })
    else { return }
    var error = GraftError(
      .refused, "the head '\(activeHead?.name ?? "")' was trained on pairs, and this is a single text",
      advice: advice)
    if single.place.row > 0 { error = error.inRow(single) }
    throw error
  }
}
