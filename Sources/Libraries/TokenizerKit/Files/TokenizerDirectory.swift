import Foundation
import GraftCore
import GraftTensors

/// The files of a tokenizer in a checkpoint directory.
public struct TokenizerDirectory {
  /// The largest file that is read, in bytes.
  private static let limit = 1 << 28

  public let url: URL

  public init(_ url: URL) { self.url = url }

  public func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path)
  }

  /// The bytes of a file, or `nil` when there is none. A `tokenizer.json` of KerasHub, which has its vocabulary under
  /// `assets`, is none.
  ///
  /// - Throws: `GraftError` when it cannot be read, or is larger than 256 MiB.
  public func read(_ name: String) throws -> [UInt8]? {
    guard has(name) else { return nil }
    if name == TokenizerDocument.fileName, try serializedObject() != nil { return nil }
    return try RandomAccessFile(url.appendingPathComponent(name)).bytesOfWholeFile(limit: Self.limit)
  }

  /// KerasHub's `tokenizer.json`: a serialized object, whose vocabulary stands under `assets`; `nil` when there is
  /// none.
  ///
  /// - Throws: `GraftError` when it cannot be read, or is no JSON.
  public func serializedObject() throws -> JSON? {
    guard has("assets/tokenizer"), has(TokenizerDocument.fileName) else { return nil }
    let file = url.appendingPathComponent(TokenizerDocument.fileName)
    let object = try inFile(TokenizerDocument.fileName) {
      try JSON(parsing: RandomAccessFile(file).bytesOfWholeFile(limit: Self.limit))
    }
    return object["class_name"]?.string == nil ? nil : object
  }

  /// Writes such an object, without what stands under `assets`.
  ///
  /// - Parameters:
  ///   - representation: One that `TokenizerRepresentation.keras(module:className:)` makes.
  ///   - settings: The object's, beyond those that all tokenizers have.
  public func writeSerializedObject(_ representation: TokenizerRepresentation, _ settings: JSON) throws {
    let module = representation.options["module"] ?? ""
    let className = representation.options["class_name"] ?? ""
    let name = module.split(separator: ".").last.map(String.init) ?? ""
    let common: JSON = [
      "name": .string(name), "trainable": true,
      "dtype": [
        "module": "keras", "class_name": "DTypePolicy", "config": ["name": "int32"], "registered_name": .null,
      ],
      "config_file": .string(TokenizerDocument.fileName), "sequence_length": .null,
    ]
    let file: JSON = [
      "module": .string(module), "class_name": .string(className),
      "config": JSON(members: (common.members ?? []) + (settings.members ?? [])),
      "registered_name": .string("keras_hub>\(className)"),
    ]
    try write(TokenizerDocument.fileName, file.text(.pretty) + "\n")
  }

  /// Runs a body whose errors are about a file.
  public func inFile<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as GraftError {
      throw error.inFile(url.appendingPathComponent(name).path)
    }
  }

  /// Runs a body whose errors are about the tokenizer as a whole: about `tokenizer.json`, or the directory where there is
  /// none.
  public func inWhole<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as GraftError {
      throw error.inFile(
        has(TokenizerDocument.fileName)
          ? url.appendingPathComponent(TokenizerDocument.fileName).path : url.path)
    }
  }

  /// The JSON object in a file; an empty one when there is no file.
  ///
  /// - Throws: `GraftError` that names the file when there is something else in it.
  public func readObject(_ name: String) throws -> JSON {
    guard let bytes = try read(name) else { return [:] }
    return try inFile(name) {
      let value = try JSON(parsing: bytes)
      guard value.members != nil else {
        throw GraftError(.malformed, "not a JSON object", expected: "an object", found: value.kind)
      }
      return value
    }
  }

  /// The files that say how a vocabulary is used.
  ///
  /// - Parameter defaults: What tokens with a role are called where nothing says it, by role.
  /// - Throws: `GraftError` that names the file when one is broken, or has something else in the place of a token.
  public func settings(defaults: [String: String]) throws -> TokenizerSettings {
    func tokens(_ name: String) throws -> JSON {
      let json = try readObject(name)
      try inFile(name) { try TokenizerSettings.checkTokens(in: json) }
      return json
    }
    let settings = TokenizerSettings(
      configuration: try tokens(TokenizerSettings.configurationName),
      specialTokensMap: try tokens(TokenizerSettings.specialTokensMapName),
      addedTokens: try readObject(TokenizerSettings.addedTokensName), defaults: defaults)
    _ = try inFile(TokenizerSettings.configurationName) { try settings.decoderTokens() }
    _ = try inFile(TokenizerSettings.addedTokensName) { try settings.extraTokens() }
    return settings
  }

  /// Writes `tokenizer_config.json`, and `special_tokens_map.json` for older readers.
  public func write(configuration: JSON) throws {
    try write(TokenizerSettings.configurationName, configuration.text(.sorted) + "\n")
    let map = TokenizerSettings.specialTokensMap(configuration)
    try write(TokenizerSettings.specialTokensMapName, map.text(.sorted) + "\n")
  }

  public func write(_ name: String, _ text: String) throws {
    try FileWriter.write(url.appendingPathComponent(name), text: text)
  }
}
