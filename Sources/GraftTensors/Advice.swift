/// What to do about an error: a sentence in which options and actions are marked, so that a display can call
/// them by the names that its readers know.
///
///     let advice: Advice = "Lower \(option: "learning-rate"), or \(action: .swapHead(to: "masked-lm"))."
///
/// As text, an option is `'learning-rate'` and an action the name of the function that does it. The command line
/// spells them `--learning-rate` and `graft head swap …`.
public struct Advice: Sendable, Equatable, ExpressibleByStringInterpolation, CustomStringConvertible {
  /// Something that Graft does when it is asked to.
  public enum Action: Sendable, Equatable {
    /// Puts the head of this name on; with labels of its own, where that matters.
    case swapHead(to: String, labels: String? = nil)
    /// Asks, trains or scores the parked head of this name.
    case useHead(String)
    /// Puts the head of this name on, with the labels that the data have.
    case swapHeadForData(to: String)
    /// Names the outputs of the active head.
    case nameLabels(String)
    /// Puts a detached head on a checkpoint.
    case attachHead
    /// Trains the active head.
    case train
    /// Goes on with an interrupted run.
    case resume
    /// Fetches a published model.
    case fetch(String)
    /// Lists the models that are known by name.
    case listModels
    /// Lists the plugins that are registered.
    case listPlugins
    /// Predicts although the head was never trained.
    case allowUntrained
    /// Looks for weights that are not numbers.
    case checkWeights
    /// Finds texts by their vectors.
    case search
    /// Guesses hidden tokens.
    case fillMask
    /// Scores the active head.
    case evaluate

    /// The name of the function, or of its argument, that does it.
    public var description: String {
      switch self {
      case .swapHead(let name, let labels):
        "swapHead(to: \"\(name)\"\(labels.map { ", labels: [\($0)]" } ?? ""))"
      case .useHead(let name): "selecting(head: \"\(name)\")"
      case .swapHeadForData(let name): "swapHead(to: \"\(name)\", labels: inferLabels(of:forHead:of:).labels)"
      case .nameLabels(let labels): "nameLabels(of:, [\(labels)])"
      case .attachHead: "attachHead(_:head:)"
      case .train: "train(_:on:)"
      case .resume: "resume: true"
      case .fetch(let name): "Hub.model(\"\(name)\")"
      case .listModels: "ModelCatalogue.entries"
      case .listPlugins: "Registry"
      case .allowUntrained: "makeModel() without requireTrainedHead()"
      case .checkWeights: "inspect(_:check:registry:)"
      case .search: "SparseIndex"
      case .fillMask: "fillMask(_:with:topK:)"
      case .evaluate: "evaluate(_:on:options:)"
      }
    }
  }

  public enum Part: Sendable, Equatable {
    case text(String)
    /// A setting, by its name in words that are joined with `-`.
    case option(String)
    case action(Action)
  }

  public private(set) var parts: [Part]

  public init(_ text: String) { parts = [.text(text)] }
  public init(stringLiteral text: String) { self.init(text) }
  public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }

  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var parts: [Part] = []

    public init(literalCapacity: Int, interpolationCount: Int) {}
    public mutating func appendLiteral(_ literal: String) { parts.append(.text(literal)) }
    public mutating func appendInterpolation(_ value: some CustomStringConvertible) {
      parts.append(.text(value.description))
    }
    public mutating func appendInterpolation(option name: String) { parts.append(.option(name)) }
    public mutating func appendInterpolation(action: Action) { parts.append(.action(action)) }
  }

  /// The sentence, with options and actions spelled by the caller.
  public func text(option: (String) -> String, action: (Action) -> String) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .option(let name): option(name)
      case .action(let found): action(found)
      }
    }.joined()
  }

  /// What says how data are read, and has an option of its own for those to evaluate on.
  private static let optionsOfData: Set<String> = [
    "text-column", "pair-column", "label-column", "label-base", "label-delimiter", "data-format", "delimiter",
  ]

  /// The sentence about data to evaluate on, whose columns and labels have options of their own.
  fileprivate var ofEvaluationData: Advice {
    var advice = self
    advice.parts = parts.map { part in
      guard case .option(let name) = part else { return part }
      return .option(Self.optionOfEvaluationData(name))
    }
    return advice
  }

  /// What the option of columns and labels is called for data to evaluate on; any other stays.
  fileprivate static func optionOfEvaluationData(_ name: String) -> String {
    optionsOfData.contains(name) ? "eval-\(name)" : name
  }

  public var description: String { text(option: { "'\($0)'" }, action: { "'\($0.description)'" }) }
}

extension GraftError {
  /// The error of data to evaluate on, whose columns and labels have options of their own.
  package var ofEvaluationData: GraftError {
    var error = self
    error.option = option.map(Advice.optionOfEvaluationData)
    error.advice = advice?.ofEvaluationData
    return error
  }
}
