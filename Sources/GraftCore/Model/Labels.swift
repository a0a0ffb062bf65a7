import GraftTensors
import OrderedCollections

/// How a classification head's labels are read and its loss is computed.
public enum ProblemType: String, Sendable {
  /// Each text has one label; softmax cross-entropy.
  case singleLabel = "single_label_classification"
  /// Each text has any number of labels; a sigmoid for each.
  case multiLabel = "multi_label_classification"
  /// Each text has one number per output; mean squared error.
  case regression
}

/// The labels of a new head, as data suggest them.
public struct InferredLabels: Sendable, Equatable {
  /// In the order of the outputs.
  public let labels: [String]
  /// What they mean; `nil` for a task to which that is no question.
  public let problemType: ProblemType?
  /// Whether they are taken for single labels because each list of labels has one.
  public let areSingle: Bool

  public init(_ labels: [String], _ problemType: ProblemType?, areSingle: Bool = false) {
    self.labels = labels
    self.problemType = problemType
    self.areSingle = areSingle
  }

  /// What there is to say of labels that are rather slips, in sentences without a full stop: such as R, pandas and others
  /// write where there is none, and such as differ in little.
  ///
  /// - Parameter counts: How many rows have each, where that is known.
  package static func remarks(on labels: [String], counts: [Int]?) -> [String] {
    let marks = Set(["na", "n/a", "null", "none", "nan"])
    let found = labels.filter { marks.contains($0.lowercased()) }
    let missing =
      found.isEmpty
      ? []
      : [
        "\(found.map { "'\($0)'" }.joined(separator: " and ")) \(found.count == 1 ? "is taken for a label" : "are taken for labels"): leave such rows out where a missing one is meant"
      ]
    let spellings = OrderedDictionary(grouping: labels.indices) { place in
      labels[place].lowercased().filter { !$0.isWhitespace }
    }
    return missing + written(labels)
      + spellings.values.filter { $0.count > 1 }.map { places in
        let names = places.map { place in
          "'\(labels[place].prefix(60))'"
            + (counts.map { " (\($0[place]) \($0[place] == 1 ? "row" : "rows"))" } ?? "")
        }
        return
          "the labels \(names.joined(separator: " and ")) differ only in their letters' case or spaces, and are labels of their own"
      }
  }

  /// That all labels are amounts, such as `$1.50` or `2.000,5`, which are no numbers as data have them.
  private static func written(_ labels: [String]) -> [String] {
    func isAmount(_ label: String) -> Bool {
      label.contains { ("0"..."9").contains($0) }
        && label.trimmingPrefix { "+-".contains($0) }.allSatisfy {
          $0.isWhitespace || $0.isCurrencySymbol || "0123456789.,'%".contains($0)
        }
    }
    guard labels.count > 1, labels.allSatisfy(isAmount),
      let example = labels.first(where: { Double(decimal: $0) == nil })
    else { return [] }
    return [
      "the labels look like amounts, such as '\(example.prefix(60))', and each is a class of its own: for a regression write them as plain numbers, 1234.5"
    ]
  }
}

extension JSON {
  /// The name of a label: a text, or what Python prints; a number as the file writes it.
  fileprivate var labelText: String? {
    switch self {
    case .string(let text): text
    case .number: text()
    case .bool(let value): value ? "True" : "False"
    default: nil
    }
  }
}

extension Configuration {
  /// More labels than this are a mistake in the file, not a task.
  static let maximumLabels = 1_000_000

  /// The names of a classifier's outputs, in their order: `id2label`, whose keys are numbers as strings.
  ///
  /// - Returns: `LABEL_0 …` when only `num_labels` is known; two of them when nothing is, which is what
  ///   `transformers` assumes.
  /// - Throws: `GraftError` when `id2label` does not number its labels 0, 1, 2, …, or `num_labels` is
  ///   beyond a million.
  public func labels() throws -> [String] {
    guard let map = self["id2label"] else {
      let count = try size("num_labels", default: 2)
      guard count <= Self.maximumLabels else {
        throw wrongValue("num_labels", "at most \(Self.maximumLabels)", JSON(count))
      }
      return Self.numberedLabels(count)
    }
    let numbered = map.object?.compactMap { key, value in
      Int(key).flatMap { number in value.labelText.map { (number, $0) } }
    }.sorted { $0.0 < $1.0 }
    guard let numbered, numbered.count == map.object?.count, !numbered.isEmpty,
      numbered.enumerated().allSatisfy({ $0.offset == $0.element.0 })
    else { throw wrongValue("id2label", "labels numbered from \"0\" on", map) }
    return numbered.map(\.1)
  }

  /// What labels are called that have no names: `LABEL_0`, `LABEL_1`, …
  public static func numberedLabels(_ count: Int) -> [String] { (0..<count).map { "LABEL_\($0)" } }

  /// Sets `id2label` and `label2id`.
  public mutating func setLabels(_ labels: [String]) {
    values["num_labels"] = nil
    self["id2label"] = .object(
      OrderedDictionary(
        uniqueKeysWithValues: labels.enumerated().map { (String($0.offset), .string($0.element)) }
      )
    )
    self["label2id"] = .object(
      OrderedDictionary(
        labels.enumerated().map { ($0.element, JSON($0.offset)) },
        uniquingKeysWith: { first, _ in first }
      )
    )
  }

  /// `problem_type`, or what `transformers` infers without it: regression for one output, else one label.
  ///
  /// - Throws: `GraftError` when the value is none of the three.
  public func problemType() throws -> ProblemType {
    guard let value = self["problem_type"] else {
      return try labels().count == 1 ? .regression : .singleLabel
    }
    guard let type = value.string.flatMap(ProblemType.init) else {
      throw wrongValue(
        "problem_type",
        "single_label_classification, multi_label_classification or regression",
        value
      )
    }
    return type
  }
}
