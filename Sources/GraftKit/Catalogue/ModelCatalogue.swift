import Foundation
import GraftCore
import GraftTensors

/// The models that Graft knows by name: those of each family's ``Family/catalogue``, and those that a user
/// registered.
public struct ModelCatalogue: Sendable {
  /// One model.
  public struct Entry: Sendable {
    /// What it is called; other spellings of it last.
    public let names: [String]
    /// In a few words.
    public let about: String?
    public let license: String?
    /// Where it is, when a user registered it.
    public let path: String?
    /// What tells its size, in the keys of `config.json`.
    public let configuration: Configuration?
    /// The heads it comes with; `nil` when that is not known.
    public let heads: [String]?
    /// The kind of its tokenizer: `wordpiece`, `byte-level-bpe` or `unigram`.
    public let tokenizer: String?
    /// The commit that ``files`` and ``golden`` are about.
    public let revision: String?
    public let files: [File]
    public let encodings: [Encoding]
    public let golden: [GoldenSlice]

    public var name: String { names[0] }
  }

  /// A published file.
  public struct File: Sendable {
    public let name: String
    public let bytes: Int
    public let sha256: String
  }

  /// What the model's tokenizer is published to make of a text.
  public struct Encoding: Sendable {
    public let text: String
    /// Special tokens included.
    public let ids: [Int32]
  }

  /// The user's own come first.
  public let entries: [Entry]

  /// - Parameters:
  ///   - registry: The families whose published models are known.
  ///   - userFile: A catalogue that is merged over theirs; it need not be there.
  /// - Throws: `GraftError` naming the file and the entry at fault.
  public init(_ registry: Registry, userFile: URL = ModelCatalogue.userFile()) throws {
    let builtIn = try registry.families.values.filter { !$0.catalogue.isEmpty }.flatMap { family in
      try Self.parse(family.catalogue, "the catalogue of the family '\(family.name)'")
    }
    guard FileManager.default.fileExists(atPath: userFile.path) else {
      entries = builtIn
      return
    }
    let own = try Self.parse(RandomAccessFile(userFile).bytesOfWholeFile(limit: 16 << 20), userFile.path)
    let taken = Set(own.flatMap(\.names))
    entries = own + builtIn.filter { taken.isDisjoint(with: $0.names) }
  }

  /// Where a user's catalogue is: `GRAFT_ZOO`, else `graft/zoo.json` where settings are kept.
  public static func userFile(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> URL {
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let file = variable("GRAFT_ZOO") { return URL(fileURLWithPath: file) }
    let settings = variable("XDG_CONFIG_HOME") ?? (variable("HOME") ?? NSHomeDirectory()) + "/.config"
    return URL(fileURLWithPath: settings).appendingPathComponent("graft/zoo.json")
  }

  /// The model of a name, in any of its spellings.
  public func find(_ name: String) -> Entry? { entries.first { $0.names.contains(name) } }

  /// Registers a checkpoint of this machine under a name.
  ///
  /// - Parameters:
  ///   - name: A name that no path has.
  ///   - path: Where the checkpoint is.
  ///   - about: A few words.
  ///   - userFile: The catalogue to write.
  /// - Throws: `GraftError` when the catalogue cannot be read or written.
  public static func register(_ name: String, path: URL, about: String?, in userFile: URL) throws {
    try DirectoryWriter.makeDirectory(userFile.deletingLastPathComponent())
    let lock = try DirectoryLock(userFile.deletingLastPathComponent(), waits: true)
    defer { withExtendedLifetime(lock) {} }
    var models = try models(in: userFile)
    models.removeAll { hasName(name, $0) }
    var entry: JSON = ["names": [.string(name)], "path": .string(path.standardizedFileURL.path)]
    if let about, case .object(var members) = entry {
      members["about"] = .string(about)
      entry = .object(members)
    }
    try write(models + [entry], to: userFile)
  }

  /// Takes the name of a checkpoint of this machine away.
  ///
  /// - Parameter userFile: The catalogue to write.
  /// - Throws: `GraftError` of kind `unknownName` when no such checkpoint has the name, or when the catalogue
  ///   cannot be read or written.
  public static func unregister(_ name: String, in userFile: URL) throws {
    let directory = userFile.deletingLastPathComponent()
    // Without a directory there is nothing to remove.
    let lock =
      try FileManager.default.fileExists(atPath: directory.path)
      ? DirectoryLock(directory, waits: true) : nil
    defer { withExtendedLifetime(lock) {} }
    var models = try models(in: userFile)
    guard let index = models.firstIndex(where: { hasName(name, $0) && $0["path"] != nil }) else {
      throw GraftError(
        .unknownName, "no checkpoint was added under that name", subject: name,
        advice: "\(action: .listModels) shows the checkpoints that were added.")
    }
    models.remove(at: index)
    try write(models, to: userFile)
  }

  /// A user's entries as they are written, once they can be read; none without a file.
  private static func models(in userFile: URL) throws -> [JSON] {
    guard FileManager.default.fileExists(atPath: userFile.path) else { return [] }
    let bytes = try RandomAccessFile(userFile).bytesOfWholeFile(limit: 16 << 20)
    _ = try parse(bytes, userFile.path)
    return try JSON(parsing: bytes)["models"]?.array ?? []
  }

  private static func hasName(_ name: String, _ model: JSON) -> Bool {
    model["names"]?.array?.contains(.string(name)) == true
  }

  private static func write(_ models: [JSON], to userFile: URL) throws {
    let document: JSON = ["models": .array(models)]
    try FileWriter.write(userFile, text: document.text(.pretty) + "\n")
  }

  private static func parse(_ bytes: [UInt8], _ file: String) throws -> [Entry] {
    do {
      guard let models = try JSON(parsing: bytes)["models"]?.array else {
        throw GraftError(.malformed, "the catalogue has no list of 'models'")
      }
      return try models.enumerated().map { index, model in
        do {
          return try Entry(model)
        } catch var error as GraftError {
          error.subject = "model \(index + 1)\(error.subject.map { ", \($0)" } ?? "")"
          throw error
        }
      }
    } catch let error as GraftError {
      throw error.inFile(file)
    }
  }
}

extension ModelCatalogue.Entry {
  fileprivate init(_ json: JSON) throws {
    let reader = CatalogueReader(json: json)
    func text(_ key: String) throws -> String? { try reader.optional(key, "a text", \.string) }
    names = try reader.required("names", "a list of names") { $0.list(of: \.string) }
    about = try text("about")
    license = try text("license")
    path = try text("path")
    configuration = try reader.optional("configuration", "an object", \.object).map { Configuration($0) }
    heads = try reader.optional("heads", "a list of names") { $0.array == [] ? [] : $0.list(of: \.string) }
    tokenizer = try text("tokenizer")
    revision = try text("revision")
    files = try (reader.optional("files", "an object", \.object) ?? [:]).map { name, file in
      let file = CatalogueReader(json: file)
      return ModelCatalogue.File(
        name: name, bytes: try file.required("bytes", "an integer", \.int),
        sha256: try file.required("sha256", "a text", \.string))
    }
    encodings = try (reader.optional("encodings", "a list", \.array) ?? []).map { encoding in
      let encoding = CatalogueReader(json: encoding)
      return ModelCatalogue.Encoding(
        text: try encoding.required("text", "a text", \.string),
        ids: try encoding.required("ids", "integers") { $0.list { $0.int.flatMap { Int32(exactly: $0) } } })
    }
    golden = try (reader.optional("golden", "a list", \.array) ?? []).map { try GoldenSlice($0) }
  }
}
