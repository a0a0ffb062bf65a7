import GraftTensors
import OrderedCollections

/// A named group of parameters with its settings and its history: the backbone, the pooler, a head.
///
/// Components are what is swapped, parked, detached, frozen and taken along.
public struct Component: Sendable {
  /// The id of the encoder.
  public static let backbone = "backbone"
  /// The id of the pooler.
  public static let pooler = "pooler"

  public enum Kind: Sendable {
    case backbone, pooler
    /// The head of a task.
    case head(any Task.Type)
    /// A head that no plugin here knows; its files are carried along as they are.
    case opaque(OpaqueFiles)
  }

  /// What distinguishes it in its checkpoint: `backbone`, `pooler`, the name of a head's task, or `NAME.2` for a
  /// second head of one task.
  public var id: String
  public let kind: Kind
  /// Its part of the configuration: labels, problem type, tied or not.
  public var settings: Configuration
  /// Its parameters in canonical names.
  public var weights: Weights
  /// Whether it was trained, and on what; `nil` when it came with the checkpoint, which says nothing of it.
  public var history: History?
  /// What files of sentence-transformers say of a head.
  var sentenceFiles: HeadFiles?
  /// What its file stores as copies of other parameters, and was not compared yet.
  package var copies: UnconfirmedCopies?

  public init(
    _ kind: Kind, id: String, settings: Configuration = Configuration(), weights: Weights,
    history: History? = nil
  ) {
    self.kind = kind
    self.id = id
    self.settings = settings
    self.weights = weights
    self.history = history
  }

  /// The head of a task; its id is the task's name unless another of its kind is in the checkpoint.
  public init(
    head task: any Task.Type, id: String? = nil, settings: Configuration = Configuration(), weights: Weights,
    history: History?
  ) {
    self.init(.head(task), id: id ?? task.name, settings: settings, weights: weights, history: history)
  }

  /// The task of a head that is known.
  ///
  /// It is never inlined: where it is, the optimizer of Swift 6.3 may stop with "Found ownership error?!".
  @inline(never)
  public var task: (any Task.Type)? {
    if case .head(let task) = kind { return task }
    return nil
  }

  /// Whether it is a head, known or not.
  public var isHead: Bool {
    switch kind {
    case .head, .opaque: true
    case .backbone, .pooler: false
    }
  }

  /// Whether it has random weights, so that predictions through it mean nothing.
  public var isUntrained: Bool { history == .untrained }
}

extension Component {
  /// Whether a component was trained, and on what.
  public enum History: Sendable, Equatable {
    /// Newly initialised: predictions through it mean nothing.
    case untrained
    /// It came with a checkpoint that does not say more.
    case imported(from: String)
    case trained(on: Training)

    /// Whether predictions mean anything.
    public var isTrained: Bool { self != .untrained }
  }

  /// What a component was trained on last.
  public struct Training: Sendable, Equatable {
    public var data: [String]
    public var examples: Int
    public var steps: Int
    /// How the rows became inputs; `nil` where an earlier version did not say.
    public var inputs: TrainedInputs?

    public init(data: [String], examples: Int, steps: Int, inputs: TrainedInputs? = nil) {
      self.inputs = inputs
      self.data = data
      self.examples = examples
      self.steps = steps
    }
  }
}

extension Component.History: CustomStringConvertible {
  public var description: String {
    switch self {
    case .untrained: "not trained"
    case .imported(let source): "imported from \(source)"
    case .trained(let training):
      "trained on \(training.examples.grouped) \(training.examples == 1 ? "example" : "examples") of "
        + "\(training.data.joined(separator: ", ")), \(training.steps.grouped) \(training.steps == 1 ? "step" : "steps")"
        + (training.inputs?.pairs == true ? ", on pairs" : "")
    }
  }

  var json: JSON {
    switch self {
    case .untrained: ["trained": false]
    case .imported(let source): ["trained": true, "imported_from": .string(source)]
    case .trained(let training): ["trained": true, "trained_on": .object(Self.members(of: training))]
    }
  }

  private static func members(of training: Component.Training) -> OrderedDictionary<String, JSON> {
    var members: OrderedDictionary<String, JSON> = [
      "data": .array(training.data.map { .string($0) }), "examples": JSON(training.examples),
      "steps": JSON(training.steps),
    ]
    members["inputs"] = training.inputs?.json
    return members
  }

  init(_ json: JSON?, source: String) {
    guard let json, let trained = json["trained"]?.bool else {
      self = .imported(from: source)
      return
    }
    if let on = json["trained_on"], let examples = on["examples"]?.int, let steps = on["steps"]?.int {
      self = .trained(
        on: Component.Training(
          data: on["data"]?.array?.compactMap(\.string) ?? [], examples: examples, steps: steps,
          inputs: on["inputs"].map { TrainedInputs($0) }))
    } else {
      self = trained ? .imported(from: json["imported_from"]?.string ?? source) : .untrained
    }
  }
}
