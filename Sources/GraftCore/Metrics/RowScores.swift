import GraftTensors

/// What each row of an evaluation adds to the score that tells most, so that two models can be compared on the same rows
/// and errors can be listed.
public struct RowScores: Sendable, Equatable {
  /// How the score follows from the terms of rows.
  public enum Rule: String, Sendable, CaseIterable {
    /// The mean of the first term.
    case mean
    /// Twice the sum of the first term divided by the sum of the second: F1, of hits, and of what there is and what was
    /// found together. 0 where both sums are.
    case f1
    /// Spearman's correlation of the first term with the second.
    case spearman
  }

  /// What a row adds.
  public struct Row: Sendable, Equatable {
    /// As the rule wants them; none for a row that counts with another one, as the texts of one query do.
    public let terms: [Double]
    /// What the data say about it, in words.
    public let label: String
    /// What the model said, in words.
    public let prediction: String

    /// The words for a question that has no answer, and for a model that says so.
    public static let noAnswer = "no answer"

    public init(_ terms: [Double], label: String, prediction: String) {
      (self.terms, self.label, self.prediction) = (terms, label, prediction)
    }
  }

  /// The score's name, as results have it: `f1`.
  public let name: String
  public let rule: Rule
  /// What counts as one, in the singular: `sentence`, `question`, `query`.
  public let unit: String
  /// One for each row of the data.
  public let rows: [Row]

  public init(_ name: String, _ rule: Rule, unit: String, rows: [Row]) {
    (self.name, self.rule, self.unit, self.rows) = (name, rule, unit, rows)
  }

  /// What it is, without the rows.
  public var json: JSON {
    ["name": .string(name), "rule": .string(rule.rawValue), "unit": .string(unit)]
  }
}

extension RowScores.Row {
  public var json: JSON {
    [
      "terms": .array(terms.map { JSON($0) }), "label": .string(label), "prediction": .string(prediction),
    ]
  }
}
