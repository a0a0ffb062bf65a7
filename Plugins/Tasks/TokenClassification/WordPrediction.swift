import GraftCore
import GraftTensors
import OrderedCollections

/// A label for each word of a text.
public struct WordPrediction: TaskPrediction, Equatable {
  let words: Words
  /// The words that an example answers for, in their order, with their labels' numbers.
  let found: [Found]
  private let names: [String]

  /// What is said about one word.
  struct Found: Equatable {
    let word: Int
    let label: Int32
  }

  /// - Parameters:
  ///   - words: All words of the row.
  ///   - found: Those that something is said about, in their order.
  ///   - names: The head's labels.
  init(_ words: Words, _ found: [Found], names: [String]) {
    self.words = words
    self.found = found
    self.names = names
  }

  /// A label's number for each word; `nil` for a word without tokens, such as one of control characters alone.
  public var classes: [Int32?] {
    var classes = [Int32?](repeating: nil, count: words.ranges.count)
    for one in found { classes[one.word] = one.label }
    return classes
  }

  /// The label of each word; `-` for a word without tokens.
  public var labels: [String] { classes.map { $0.map { names[Int($0)] } ?? "-" } }

  public var answer: JSON { .array(classes.map { $0.map { JSON(Int($0)) } ?? .null }) }
  public var scores: [Float] { [] }
  public var columns: [String] { [labels.joined(separator: " ")] }
  public var members: OrderedDictionary<String, JSON> {
    [
      "words": .array(words.strings.map { .string($0) }), "labels": .array(labels.map { .string($0) }),
      "offsets": .array(words.ranges.map { [JSON($0.lowerBound), JSON($0.upperBound)] }),
    ]
  }

  /// The words with their places in the text, and both labels of each by their names.
  public func record(beside label: (any ExampleLabel)?) -> OrderedDictionary<String, JSON> {
    func list(_ classes: [Int32?]) -> JSON {
      .array(classes.map { $0.map { .string(names[Int($0)]) } ?? .null })
    }
    var record = members
    record["labels"] = nil
    record["label_names"] = (label as? RowLabels).map { list($0.classes) }
    record["prediction_names"] = list(classes)
    return record
  }
}
