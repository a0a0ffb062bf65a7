import Foundation
import GraftTensors
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
  /// How the tokenizer is spelled.
  public let tokenizer: TokenizerRepresentation
  /// Further JSON files that the framework wants, by name.
  public let others: (@Sendable (Checkpoint) throws -> [String: JSON])?
  /// What the weight file says of the model, where it is a file that says all: ``ModelFile/attributes``.
  public let attributes: (@Sendable (Checkpoint) throws -> OrderedDictionary<String, JSON>)?

  /// The library that loads them, as the Hugging Face Hub calls it; `nil` for none.
  public let library: String?

  public init(
    configuration: ConfigurationFile? = nil, weights: String? = nil, heads: String? = nil,
    library: String? = "transformers", tokenizer: TokenizerRepresentation = .huggingFace,
    others: (@Sendable (Checkpoint) throws -> [String: JSON])? = nil,
    attributes: (@Sendable (Checkpoint) throws -> OrderedDictionary<String, JSON>)? = nil
  ) {
    self.configuration = configuration
    self.weights = weights
    self.heads = heads
    self.library = library
    self.tokenizer = tokenizer
    self.others = others
    self.attributes = attributes
  }
}

/// How a framework spells a model's configuration: a table, which serves reading and writing.
public struct ConfigurationFile: Sendable {
  /// What the file is called; `nil` when it is the weight file that says it, in ``ModelFile/attributes``.
  public let name: String?
  /// The whole file but for the configuration, which is the value of ``configurationKey`` in it. Empty when the
  /// configuration is the whole file.
  public let document: OrderedDictionary<String, JSON>
  /// The key of the document whose value is the configuration.
  public let configurationKey: String
  /// The key, in the document or among the constants, whose value tells the file from others of its name.
  public let discriminator: String
  /// Whether a file with that value is in these words, where several spellings share it: by what it says, and by the
  /// names of the tensors; `nil` for always.
  public let condition: (@Sendable (_ file: Configuration, _ tensors: Set<String>) -> Bool)?
  /// What is written among the keys.
  public let constants: OrderedDictionary<String, JSON>
  /// The framework's keys and the standard ones.
  public let keys: [(own: String, standard: String)]
  /// What holds without being said, in standard keys.
  public let implied: OrderedDictionary<String, JSON>
  /// What holds for heads without being said, and for the encoder otherwise; ``implied`` has it too.
  public let headSettings: [HeadSetting]
  /// Other values of what is implied that mean the same.
  public let equivalents: [String: [JSON]]
  /// Other values of what is implied whose outputs differ a little.
  public let approximations: [String: [JSON]]
  /// Makes of a standard configuration what ``keys`` mean in the framework, where a table cannot say it.
  public let preparation: (@Sendable (inout Configuration) -> Void)?
  /// Adds what a table cannot say to the standard configuration of a file that is read.
  public let completion: (@Sendable (_ file: Configuration, inout Configuration) -> Void)?

  public init(
    name: String?, document: OrderedDictionary<String, JSON> = [:], configurationKey: String = "",
    discriminator: String = "",
    condition: (@Sendable (_ file: Configuration, _ tensors: Set<String>) -> Bool)? = nil,
    constants: OrderedDictionary<String, JSON> = [:], keys: KeyValuePairs<String, String>,
    furtherKeys: KeyValuePairs<String, String> = [:],
    implied: OrderedDictionary<String, JSON>, headSettings: [HeadSetting] = [],
    equivalents: [String: [JSON]] = [:], approximations: [String: [JSON]] = [:],
    preparation: (@Sendable (inout Configuration) -> Void)? = nil,
    completion: (@Sendable (_ file: Configuration, inout Configuration) -> Void)? = nil
  ) {
    self.name = name
    self.document = document
    self.configurationKey = configurationKey
    self.discriminator = discriminator
    self.condition = condition
    self.constants = constants
    self.keys = keys.map { ($0, $1) } + furtherKeys.map { ($0, $1) }
    self.implied = headSettings.reduce(into: implied) { $0[$1.key] = $1.value }
    self.headSettings = headSettings
    self.equivalents = equivalents
    self.approximations = approximations
    self.preparation = preparation
    self.completion = completion
  }

  /// Whether a file of ``name`` is in these words.
  ///
  /// - Parameter tensors: The names of the tensors, where they are known.
  func recognizes(_ file: Configuration, tensors: Set<String> = []) -> Bool {
    // Keras 2 has a class inside another with its package: `PACKAGE>CLASS`.
    let said = file[discriminator].map { value in
      value.string.map { JSON.string(String($0.split(separator: ">").last ?? "")) } ?? value
    }
    return said == document[discriminator] ?? constants[discriminator] && condition?(file, tensors) != false
  }

  /// The standard configuration that a file means.
  ///
  /// - Throws: ``GraftError`` when it has no ``configurationKey``.
  func standard(_ file: Configuration) throws -> Configuration {
    var standard = Configuration(implied)
    if document.isEmpty, name != nil {
      standard.values.merge(file.values) { _, said in said }
      completion?(file, &standard)
      return standard
    }
    guard let own = document.isEmpty ? file.values : file[configurationKey]?.object else {
      throw GraftError(
        .malformed, "is missing", subject: "key '\(configurationKey)'", expected: "a JSON object")
    }
    for (key, name) in keys { standard[name] = own[key] ?? standard[name] }
    completion?(file, &standard)
    return standard
  }

  /// The file that says what a standard configuration says, as far as the framework has words for it.
  public func own(_ standard: Configuration) -> Configuration {
    var standard = standard
    preparation?(&standard)
    var values = constants
    for (key, name) in keys where values[key] == nil { values[key] = standard[name] }
    guard !document.isEmpty else { return Configuration(values) }
    var file = document
    file[configurationKey] = .object(values)
    return Configuration(file)
  }

  /// What a model says otherwise than this framework always has it.
  ///
  /// - Parameters:
  ///   - standard: The model's configuration, with the settings of its active heads.
  ///   - tasks: The names of these heads' tasks.
  /// - Returns: A sentence for each value that comes out a little different.
  /// - Throws: ``GraftError`` for one that would make it another model.
  public func differences(from standard: Configuration, heads tasks: [String] = []) throws -> [String] {
    try implied.compactMap { key, value in
      let setting = headSettings.first { $0.key == key }
      if let setting, !tasks.contains(setting.task) { return nil }
      let found = standard[key] ?? setting.map { standard[$0.fallback] ?? $0.unsaid }
      guard let found, found != value, found.double == nil || found.double != value.double,
        equivalents[key]?.contains(found) != true
      else { return nil }
      guard approximations[key]?.contains(found) == true || setting != nil && found.double != nil else {
        throw GraftError(
          .unsupported, "the framework supports only one value", subject: "key '\(key)'",
          expected: value.text(), found: found.text(), advice: "Choose another \(option: "dialect").")
      }
      return "\(key) is \(found.text()), and \(value.text()) in the framework: outputs differ a little"
    }
  }

  /// What a framework always has for a head, where the encoder may have another value.
  public struct HeadSetting: Sendable {
    /// The head's task.
    public let task: String
    /// The key among the head's settings.
    public let key: String
    /// What the framework has. Another number makes outputs differ a little.
    public let value: JSON
    /// The key that says it where the head's own is not there.
    public let fallback: String
    /// What holds where neither is there.
    public let unsaid: JSON

    public init(_ task: String, _ key: String, _ value: JSON, fallback: String, unsaid: JSON) {
      self.task = task
      self.key = key
      self.value = value
      self.fallback = fallback
      self.unsaid = unsaid
    }
  }
}
