import GraftTensors
import OrderedCollections

/// Everything that is wrong with a file, gathered so that it can be said at once.
final class Diagnostics {
  private var found: [(place: YAMLValue.Place, sentence: String)] = []

  var isEmpty: Bool { found.isEmpty }
  /// How many there are.
  var count: Int { found.count }

  /// - Parameter sentence: Lower case, no full stop.
  func add(_ place: YAMLValue.Place, _ sentence: String) { found.append((place, sentence)) }

  /// Adds all of another's.
  func add(_ other: Diagnostics) { found += other.found }

  /// - Throws: One `GraftError` with a line for each, when there is any.
  func check() throws {
    guard !found.isEmpty else { return }
    // Of a stage that a search reads for each of its points, a mistake is said once.
    let lines = OrderedSet(found.sorted { $0.place < $1.place }.map { "\($0.place): \($0.sentence)" })
      .elements
    guard lines.count > 1 else { throw GraftError(.malformed, lines[0]) }
    // The end of the last line is that of the error.
    let others = lines.dropLast().map { $0.hasSuffix("?") ? $0 : $0 + "." }
    throw GraftError(
      .malformed,
      "\(lines.count) mistakes:\n  " + (others + lines.suffix(1)).joined(separator: "\n  "))
  }

  /// Adds an error.
  func add(_ place: YAMLValue.Place, _ error: any Error) {
    var sentence = String(describing: (error as? GraftError)?.inWordsOfExperiments ?? error)
    if sentence.hasSuffix(".") { sentence.removeLast() }
    add(place, sentence)
  }
}

extension GraftError {
  /// This error with advice for who writes an experiment.
  package var inWordsOfExperiments: GraftError {
    var error = self
    error.advice = advice.map { Advice($0.experimentText) }
    return error
  }
}

extension Advice {
  /// The sentence for who writes an experiment: options are keys, and actions are stages.
  package var experimentText: String { text(option: { "'\($0)'" }, action: \.stage) }
}

extension Advice.Action {
  /// The stage of an experiment that does it, where one does.
  fileprivate var stage: String {
    switch self {
    case .swapHead(let name, let labels):
      "a stage '{swap: \(name)\(labels.map { ", labels: [\($0)]" } ?? "")}' before this one"
    case .swapHeadForData(let name): "a stage '{swap: \(name), labels-from: DATA}' before this one"
    case .useHead(let name): "'task: \(name)'"
    case .train: "a stage '{train: NAME}' before this one"
    case .allowUntrained: "'allow-untrained: true'"
    case .resume: "the same command once more"
    case .listPlugins: "the list of plugins"
    case .nameLabels, .attachHead, .fetch, .listModels, .checkWeights, .search, .fillMask:
      "a command of its own"
    case .evaluate: "a stage '{evaluate: NAME}'"
    }
  }
}
