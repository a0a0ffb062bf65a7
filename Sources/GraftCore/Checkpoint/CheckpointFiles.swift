import Foundation
import OrderedCollections

/// The files of a checkpoint directory, where a framework does not do as transformers does.
public struct CheckpointFiles: Sendable {
  /// The configuration in the framework's own words. Under another name than `config.json`, the latter is
  /// written as well: it has what the framework does not know, such as labels.
  public let configuration: ConfigurationFile?
  /// What the weight file is called; `nil` leaves it to the weight format.
  public let weights: String?
  /// A second weight file for the heads, which frees the backbone's names from their prefix in the first.
  public let heads: String?
  /// Further JSON files that the framework wants, by path.
  public let others: (@Sendable (Checkpoint) throws -> [String: JSON])?

  public init(
    configuration: ConfigurationFile? = nil, weights: String? = nil, heads: String? = nil,
    others: (@Sendable (Checkpoint) throws -> [String: JSON])? = nil
  ) {
    self.configuration = configuration
    self.weights = weights
    self.heads = heads
    self.others = others
  }
}

/// How a framework spells a model's configuration: a table, which serves reading and writing.
public struct ConfigurationFile: Sendable {
  /// What the file is called.
  public let name: String
  /// The members that tell the file from others of its name, as they are written.
  public let marks: OrderedDictionary<String, JSON>
  /// The member that holds the keys; `nil` when they are the file's own members.
  public let member: String?
  /// What is written beside the keys.
  public let constants: OrderedDictionary<String, JSON>
  /// The framework's keys and the standard ones. Empty when they are the same.
  public let keys: KeyValuePairs<String, String>
  /// What holds without being said, in standard keys.
  public let implied: OrderedDictionary<String, JSON>

  public init(
    name: String, marks: OrderedDictionary<String, JSON> = [:], member: String? = nil,
    constants: OrderedDictionary<String, JSON> = [:], keys: KeyValuePairs<String, String> = [:],
    implied: OrderedDictionary<String, JSON>
  ) {
    self.name = name
    self.marks = marks
    self.member = member
    self.constants = constants
    self.keys = keys
    self.implied = implied
  }

  /// Whether a file of ``name`` is in these words.
  func recognizes(_ file: Configuration) -> Bool { marks.allSatisfy { file[$0.key] == $0.value } }

  /// The standard configuration that a file means.
  ///
  /// - Throws: ``GraftError`` when it has no ``member``.
  func standard(_ file: Configuration) throws -> Configuration {
    var own = file.values
    if let member {
      guard let object = file[member]?.object else {
        throw GraftError(
          .malformed, "is missing", file: name, subject: "key '\(member)'", expected: "a JSON object")
      }
      own = object
    }
    var standard = Configuration(implied)
    if keys.isEmpty {
      standard.values.merge(own) { _, said in said }
    } else {
      for (key, name) in keys { standard[name] = own[key] }
    }
    return standard
  }

  /// The file that says what a standard configuration says, as far as the framework has words for it.
  func own(_ standard: Configuration) -> Configuration {
    var values = constants
    if keys.isEmpty {
      for key in standard.values.keys.sorted() where implied[key] == nil { values[key] = standard[key] }
    } else {
      for (key, name) in keys where values[key] == nil { values[key] = standard[name] }
    }
    guard let member else { return Configuration(values) }
    var file = marks
    file[member] = .object(values)
    return Configuration(file)
  }
}
