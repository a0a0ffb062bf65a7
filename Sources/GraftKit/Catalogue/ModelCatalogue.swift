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
    public let golden: [GoldenSlice]

    public var name: String { names[0] }
  }

  /// A published file.
  public struct File: Sendable {
    public let name: String
    public let bytes: Int
    public let sha256: String
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
    var models = try models(in: userFile)
    try DirectoryWriter.makeDirectory(userFile.deletingLastPathComponent())
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
    var models = try models(in: userFile)
    guard let index = models.firstIndex(where: { hasName(name, $0) && $0["path"] != nil }) else {
      throw GraftError(
        .unknownName, "no checkpoint was added under that name", file: name,
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
    func wrong(_ key: String, _ expected: String) -> GraftError {
      GraftError(
        .malformed, "wrong value", subject: "key '\(key)'", expected: expected,
        found: json[key]?.kind ?? "nothing")
    }
    names = json["names"]?.array?.compactMap(\.string) ?? []
    guard !names.isEmpty, names.count == json["names"]?.array?.count else {
      throw wrong("names", "a list of names")
    }
    about = json["about"]?.string
    license = json["license"]?.string
    path = json["path"]?.string
    configuration = json["configuration"]?.object.map { Configuration($0) }
    heads = json["heads"]?.array?.compactMap(\.string)
    tokenizer = json["tokenizer"]?.string
    revision = json["revision"]?.string
    files = try (json["files"]?.object ?? [:]).map { name, file in
      guard let bytes = file["bytes"]?.int, let hash = file["sha256"]?.string else {
        throw wrong("files", "bytes and sha256 for each")
      }
      return ModelCatalogue.File(name: name, bytes: bytes, sha256: hash)
    }
    golden = try (json["golden"]?.array ?? []).map { slice in
      guard let slice = GoldenSlice(slice) else {
        throw wrong("golden", "ids or a text, output, first and values for each")
      }
      return slice
    }
  }
}
