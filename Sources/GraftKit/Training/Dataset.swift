import GraftCore
import GraftTensors

/// Texts that a model is trained or evaluated on, tokenized one at a time as they are wanted, so that what
/// stays in memory is the texts.
///
///     let rows = try DataSource(reading: [file], options: options).rows()
///     let data = try Dataset(rows, for: model, maximumLength: 128)
public struct Dataset: Sendable {
  /// The number of examples.
  public let count: Int
  /// Tells data sets apart: a hash of all texts and of the labels as they were read, and their number.
  public let fingerprint: String
  /// How long an example is, for sorting; in tokens or in bytes.
  let length: @Sendable (Int) -> Int
  private let make: @Sendable (Int) -> Example

  /// Rows of data as a model reads them. Every label is checked here, before anything is computed.
  ///
  /// - Parameters:
  ///   - rows: Texts and labels.
  ///   - model: Its tokenizer, its head and its labels say how rows are read.
  ///   - labelBase: The number of the first label in the data; see `LabelReader.base`.
  ///   - maximumLength: The most tokens of an example; longer ones are cut. The model's own limit holds too.
  ///   - requiringLabels: Whether a head with labels needs one in each row; not so for predicting.
  /// - Throws: `GraftError` when there is no row, when the model has no tokenizer, as
  ///   `LabelReader.label(of:)`, and naming the row where a pair's label is neither of the two relations.
  public init(
    _ rows: [TextRow],
    for model: Model,
    labelBase: Int? = nil,
    maximumLength: Int? = nil,
    requiringLabels: Bool = true
  ) throws {
    let tokenizer = try model.requireTokenizer()
    let limit = min(maximumLength ?? .max, model.backbone.maximumLength)
    let labels =
      try requiringLabels
      ? Dataset.labels(of: rows, head: model.head, configuration: model.configuration, base: labelBase) : []
    try self.init(
      count: rows.count,
      fingerprint: Dataset.fingerprint(rows, labels),
      length: { rows[$0].text.utf8.count + (rows[$0].pair?.utf8.count ?? 0) },
      example: { index in
        let row = rows[index]
        var encoding = tokenizer.encode(
          row.text, pair: row.pair, maximumLength: limit, addSpecialTokens: true)
        encoding.offsets = []
        return Example(encoding, label: labels.isEmpty ? nil : labels[index])
      })
  }

  /// The labels of rows as a head reads them; empty for a head that reads none.
  ///
  /// - Throws: `GraftError` naming file and row.
  package static func labels(
    of rows: [TextRow], head: (any Head)?, configuration: Configuration, base: Int?
  ) throws -> [Label?] {
    guard let head else { return [] }
    guard type(of: head).hasLabels else {
      return try RelationReader(for: head, base: base ?? 0)?.labels(of: rows) ?? []
    }
    let reader = try LabelReader(configuration, base: base)
    return try rows.map(reader.label)
  }

  /// Examples that are encoded already.
  ///
  /// - Throws: `GraftError` when there is none.
  public init(_ examples: [Example]) throws {
    var hash = Fingerprint()
    for example in examples {
      for id in example.encoding.ids { hash.add(UInt64(UInt32(bitPattern: id))) }
      hash.add(example.label)
    }
    try self.init(
      count: examples.count,
      fingerprint: "\(examples.count)-\(hash.text)",
      length: { examples[$0].encoding.ids.count },
      example: { examples[$0] })
  }

  private init(
    count: Int,
    fingerprint: String,
    length: @escaping @Sendable (Int) -> Int,
    example: @escaping @Sendable (Int) -> Example
  ) throws {
    guard count > 0 else {
      throw GraftError(.missing, "there are no rows", advice: "Check the data file and --take.")
    }
    self.count = count
    self.fingerprint = fingerprint
    self.length = length
    make = example
  }

  /// The example at an index `0 ..< count`.
  public subscript(index: Int) -> Example { make(index) }

  /// Labels count as they were read: the same column with another base is other data.
  private static func fingerprint(_ rows: [TextRow], _ labels: [Label?]) -> String {
    var hash = Fingerprint()
    for row in rows {
      hash.add(row.text)
      hash.add(row.pair ?? "")
    }
    for label in labels { hash.add(label) }
    return "\(rows.count)-\(hash.text)"
  }
}
