import GraftTensors
import OrderedCollections

/// A head as part of a checkpoint, or on its own: its weights, its settings, and whether it was trained.
public struct HeadRecord: Sendable {
  /// What distinguishes it in its checkpoint: the head's name, or `NAME.2` for a second of its kind.
  public var id: String
  /// The head it belongs to.
  public let type: any Head.Type
  /// Its part of the configuration, the type's ``Head/settingKeys``: labels, problem type, tied or not.
  public var settings: Configuration
  /// Its parameters in canonical names.
  public var weights: Weights
  public var history: History

  /// A record whose `id` is the head's name unless another of its kind is in the checkpoint.
  public init(
    _ type: any Head.Type,
    id: String? = nil,
    settings: Configuration = Configuration(),
    weights: Weights,
    history: History
  ) {
    self.type = type
    self.id = id ?? type.name
    self.settings = settings
    self.weights = weights
    self.history = history
  }

  /// Whether a head was trained, and on what.
  public enum History: Sendable, Equatable {
    /// Newly initialised: its predictions mean nothing.
    case untrained
    /// It came with a checkpoint that does not say more.
    case imported(from: String)
    case trained(on: Training)

    /// Whether predictions mean anything.
    public var isTrained: Bool { self != .untrained }
  }

  /// What a head was trained on last.
  public struct Training: Sendable, Equatable {
    public var data: [String]
    public var examples: Int
    public var steps: Int

    public init(data: [String], examples: Int, steps: Int) {
      self.data = data
      self.examples = examples
      self.steps = steps
    }
  }
}

extension HeadRecord.History: CustomStringConvertible {
  public var description: String {
    switch self {
    case .untrained: "not trained"
    case .imported(let source): "imported from \(source)"
    case .trained(let training):
      "trained on \(training.examples) examples of \(training.data.joined(separator: ", ")), \(training.steps) steps"
    }
  }

  var json: JSON {
    switch self {
    case .untrained: ["trained": false]
    case .imported(let source): ["trained": true, "imported_from": .string(source)]
    case .trained(let training):
      [
        "trained": true,
        "trained_on": [
          "data": .array(training.data.map { .string($0) }), "examples": JSON(training.examples),
          "steps": JSON(training.steps),
        ],
      ]
    }
  }

  init(_ json: JSON?, source: String) {
    guard let json, let trained = json["trained"]?.bool else {
      self = .imported(from: source)
      return
    }
    if let on = json["trained_on"], let examples = on["examples"]?.int, let steps = on["steps"]?.int {
      self = .trained(
        on: HeadRecord.Training(
          data: on["data"]?.array?.compactMap(\.string) ?? [],
          examples: examples,
          steps: steps
        )
      )
    } else {
      self = trained ? .imported(from: json["imported_from"]?.string ?? source) : .untrained
    }
  }
}
