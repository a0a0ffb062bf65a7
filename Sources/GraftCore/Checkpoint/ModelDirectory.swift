import Foundation
import GraftTensors
import OrderedCollections

/// Where the parts of a checkpoint stand on disk: what `CKPT` on the command line means.
public struct ModelDirectory: Sendable {
  /// The directory.
  public let url: URL
  /// The folder that was given: that of sentence-transformers where the encoder is in a folder of it.
  let root: URL
  /// The weight file or shard index that was given or found; the directory itself when none was looked for.
  public let weights: URL
  /// Other weight files that were found, and are not read.
  let others: [URL]

  package static let configurationName = "config.json"
  /// What Graft knows beyond what other tools store: which heads were trained, and on what.
  static let recordName = "graft.json"
  /// Backbone tensors and extras that the active architecture has no place for.
  static let keptStem = "kept"
  /// Parked heads, each a directory of its own.
  package static let headsName = "heads"

  /// A directory whose weights do not matter.
  public init(_ url: URL) {
    self.url = url
    root = url
    weights = url
    others = []
  }

  /// Locates a checkpoint.
  ///
  /// - Parameters:
  ///   - path: A directory, or a weight file with its configuration beside it.
  ///   - formats: The weight formats, whose file names are looked for in their order.
  ///   - isHead: Whether a head alone is there, whose modules, if it has any, are those of the whole model.
  /// - Throws: `GraftError` when there is no such path, or no weights in the directory.
  public init(_ path: URL, formats: [CheckpointFormat], isHead: Bool = false) throws {
    func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }
    let weightNames = formats.flatMap { $0.fileNames }
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path.path, isDirectory: &isDirectory) else {
      let suffixes = formats.flatMap { $0.pathSuffixes }
      guard let file = suffixes.map({ URL(fileURLWithPath: path.path + $0) }).first(where: exists) else {
        throw GraftError(.missing, "no such file or directory", file: path.path)
      }
      (url, weights, others) = (
        Self.home(of: file, weightNames) ?? path.deletingLastPathComponent(), file, []
      )
      root = url
      return
    }
    guard isDirectory.boolValue else {
      (url, weights, others) = (
        Self.home(of: path, weightNames) ?? path.deletingLastPathComponent(), path, []
      )
      root = url
      return
    }
    let folder = try isHead ? "" : SentenceModuleEntry.list(in: path)?.entries.first?.path ?? ""
    let whole = path
    let path = folder.isEmpty ? path : path.appending(path: folder)
    let names = weightNames.flatMap { [$0, $0 + ".index.json"] }
    let files = names.map { path.appendingPathComponent($0) }.filter(exists)
    guard let found = try files.first ?? formats.compactMap({ try $0.type.namedFile(in: path) }).first
    else {
      if let error = try Self.unfinishedRun(path) { throw error }
      throw GraftError(
        .missing,
        "no weights in this directory",
        file: path.path,
        expected: "one of \(weightNames.joined(separator: ", "))",
        advice: "Name the weight file itself if it is called otherwise."
      )
    }
    let home = Self.home(of: found, weightNames)
    (url, root) = (home ?? path, folder.isEmpty ? home ?? whole : whole)
    weights = found
    others = Array(files.dropFirst())
  }

  /// The directory that a weight file in a framework's own folders belongs to: the outermost with a configuration, or
  /// the innermost without.
  ///
  /// - Parameters:
  ///   - weights: The weight file.
  ///   - names: What weight files are called, with their folders.
  /// - Returns: `nil` for a file that is in no such folder.
  private static func home(of weights: URL, _ names: [String]) -> URL? {
    let path = weights.standardizedFileURL.path
    let homes = names.filter { $0.contains("/") && path.hasSuffix("/" + $0) }
      .map { URL(fileURLWithPath: String(path.dropLast($0.count))) }
      .sorted { $0.path.count < $1.path.count }
    return homes.first {
      FileManager.default.fileExists(atPath: $0.appending(path: configurationName).path)
    } ?? homes.last
  }

  /// The error that a directory is that of a training run, which has its model at the end only; `nil` when it is not.
  ///
  /// - Throws: `GraftError` when the directory cannot be read.
  private static func unfinishedRun(_ path: URL) throws -> GraftError? {
    let names = try directoryContents(path)
    let steps = names.compactMap { name -> Int? in
      let number = name.dropFirst("checkpoint-".count)
      return name.hasPrefix("checkpoint-") && number.allSatisfy("0123456789".contains) ? Int(number) : nil
    }
    let isOwn = names.contains("training_args.json")
    guard let newest = steps.max() else {
      guard isOwn else { return nil }
      return GraftError(
        .missing, "no weights in this directory: it holds a training run that has not saved a model yet",
        file: path.path, advice: "Go on with the run with \(action: .resume).")
    }
    guard isOwn else {
      return GraftError(
        .missing, "no weights in this directory: it holds checkpoints of a training run", file: path.path,
        advice: "Name one of them; the newest is checkpoint-\(newest).")
    }
    return GraftError(
      .missing, "no weights in this directory: it holds a training run that has not finished",
      file: path.path,
      advice:
        "Go on with the run with \(action: .resume), or name its newest checkpoint, checkpoint-\(newest).")
  }

  /// Which of several weight files was read; `nil` when there is one.
  var note: String? {
    guard !others.isEmpty else { return nil }
    let names = others.map(\.lastPathComponent).joined(separator: ", ")
    return
      "\(weights.lastPathComponent) was read, \(names) beside it \(others.count == 1 ? "was" : "were") not"
  }

  /// What records call it: the directory's name and the weight file's, without the way there.
  var name: String { "\(title)/\(weights.lastPathComponent)" }

  /// What cards call it: the directory's name; in the cache of the Hub's tools, where that is a commit, the
  /// model's.
  var title: String { published?.model ?? url.standardizedFileURL.lastPathComponent }

  /// Of a directory in the cache of the Hub's tools, `models--ORG--NAME/snapshots/COMMIT`, which model it is.
  private var published: (model: String, commit: String)? {
    let parts = Array(url.standardizedFileURL.pathComponents.suffix(3))
    guard parts.count == 3, parts[1] == "snapshots", parts[0].hasPrefix("models--") else { return nil }
    return (String(parts[0].dropFirst("models--".count)).replacing("--", with: "/"), parts[2])
  }

  /// How the checkpoint came to be: what its record says, and that it is a model of the Hub, if it is one.
  ///
  /// - Throws: ``GraftError`` when the directory cannot be read.
  func lineage(_ record: JSON?) throws -> [LineageStep] {
    let steps = LineageStep.list(record?["lineage"])
    guard let published else { return steps }
    let facts: OrderedDictionary<String, JSON> = [
      "repository": .string(published.model), "commit": .string(published.commit),
      "files": .object(try publishedHashes),
    ]
    return steps + [LineageStep("import", facts)]
  }

  /// The hashes of a published model's files by their paths: those that its cache names their bytes by, SHA-256
  /// of large ones and Git object ids of small ones.
  private var publishedHashes: OrderedDictionary<String, JSON> {
    get throws {
      var hashes: OrderedDictionary<String, JSON> = [:]
      for path in try filePaths(below: url) {
        let link = url.appending(path: path).path
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
        guard let hash = target?.split(separator: "/").last, [40, 64].contains(hash.count),
          hash.allSatisfy(\.isHexDigit)
        else { continue }
        hashes[path] = .string(String(hash))
      }
      return hashes
    }
  }

  /// The configuration as it is written.
  ///
  /// - Throws: `GraftError` when it is missing or not a JSON object.
  public func configuration() throws -> Configuration {
    try Self.parse(configurationFile([])) { try Configuration(parsing: $0) }
  }

  /// An encoder's configuration, in standard keys, and whose it is.
  struct Description {
    let configuration: Configuration
    var place = Place()

    /// Where it stands in a framework's document.
    struct Place {
      /// How many objects of classes are around it.
      var depth = 0
      /// The innermost of them.
      var holder: Configuration?
    }
  }

  /// What a configuration describes.
  ///
  /// - Parameters:
  ///   - spellings: Other frameworks' files.
  ///   - families: The names of those that are known.
  ///   - weights: The weight file, whose own configuration counts where there is no other file.
  /// - Throws: `GraftError` when it is missing or not a JSON object.
  func description(
    _ spellings: [ConfigurationFile], families: Set<String>, or weights: ModelFile
  ) throws -> Description {
    if !weights.attributes.isEmpty, files(spellings).isEmpty {
      return try Self.description(in: weights, spellings, families)
    }
    let file = try configurationFile(spellings)
    let found = try Self.parse(file) { try Configuration(parsing: $0) }
    do {
      return try Self.standard(
        found, spellings.filter { $0.name == file.lastPathComponent }, families,
        tensors: Set(weights.weights.tensors.keys))
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }

  /// How many parts of a document an encoder is looked for in.
  private static let mostParts = 100_000

  /// The standard configuration that a file means. A framework's words for the encoder may stand inside those for a task
  /// or for a model of layers.
  ///
  /// - Parameter tensors: The names of the tensors.
  /// - Throws: `GraftError` when such a document has no encoder that is known.
  private static func standard(
    _ found: Configuration, _ spellings: [ConfigurationFile], _ families: Set<String>, tensors: Set<String>
  ) throws -> Description {
    if let spelling = spellings.first(where: { $0.recognizes(found, tensors: tensors) }) {
      return Description(configuration: try spelling.standard(found))
    }
    let documents = spellings.filter { !$0.document.isEmpty }
    guard found["model_type"] == nil, let first = documents.first,
      found[first.discriminator]?.string != nil
    else { return Description(configuration: found) }
    /// Of a family that is not known, or a setting of somebody's layer.
    var unknown: Description?
    var next = [(value: JSON.object(found.values), place: Description.Place())]
    var rest = mostParts
    while rest > 0, let (value, place) = next.popLast() {
      rest -= 1
      if let members = value.object {
        let part = Configuration(members)
        // A layer that is a model of transformers' has its configuration.
        if let name = part["model_type"]?.string {
          let found = Description(configuration: part, place: place)
          if families.contains(name) { return found }
          unknown = unknown ?? found
        }
        if let spelling = documents.first(where: { $0.recognizes(part) }) {
          return Description(configuration: try spelling.standard(part), place: place)
        }
        let isOfClass = part[first.discriminator]?.string != nil
        let inside = isOfClass ? Description.Place(depth: place.depth + 1, holder: part) : place
        next += members.values.reversed().map { ($0, inside) }
      }
      next += (value.array ?? []).reversed().map { ($0, place) }
    }
    if let unknown { return unknown }
    let known = OrderedSet(documents.compactMap { $0.document[$0.discriminator]?.string })
    throw GraftError(
      .unsupported, "a model without an encoder that a plugin knows", subject: "key '\(first.discriminator)'",
      expected: "one of \(known.joined(separator: ", ")), there or inside",
      found: found[first.discriminator]?.kind)
  }

  /// Whether there is a configuration in a framework's words.
  ///
  /// - Throws: `GraftError` when its file is not a JSON object.
  func isConfigured(in spelling: ConfigurationFile) throws -> Bool {
    guard let name = spelling.name, let found = try document(name) else { return false }
    return spelling.recognizes(found)
  }

  /// What a file of a framework's says; `nil` when it is not there.
  ///
  /// - Throws: `GraftError` when it is not a JSON object.
  func document(_ name: String) throws -> Configuration? {
    let file = url.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return try Self.parse(file) { try Configuration(parsing: $0) }
  }

  /// `config.json`, or else another framework's file.
  func configurationFile(_ spellings: [ConfigurationFile]) throws -> URL {
    guard let file = files(spellings).first else {
      throw GraftError(
        .missing,
        "no such file: \(weights.lastPathComponent) holds weights alone, its configuration belongs here",
        file: url.appendingPathComponent(Self.configurationName).path,
        advice: "Copy or download the model's config.json to this place.")
    }
    return file
  }

  /// The directory's `README.md`, if there is one. What a link out of the directory leads to is not the model's.
  func card(_ report: inout LoadReport) -> ModelCard? {
    let file = url.appendingPathComponent(ModelCard.fileName)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    do {
      guard let place = CheckpointFolder(url).file(ModelCard.fileName) else {
        throw GraftError(.refused, "a link that leads out of the checkpoint")
      }
      let bytes = try RandomAccessFile(place).bytesOfWholeFile(limit: ModelCard.largest)
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw GraftError(.malformed, "not text in UTF-8")
      }
      return ModelCard(parsing: text)
    } catch {
      var problem = "\(error)"
      if var error = error as? GraftError {
        error.file = nil
        problem = error.description
      }
      if problem.hasSuffix(".") { problem.removeLast() }
      report.notes.append("\(ModelCard.fileName) is left out: \(problem)")
      return nil
    }
  }

  /// The files of configurations that are there.
  private func files(_ spellings: [ConfigurationFile]) -> [URL] {
    ([Self.configurationName] + spellings.compactMap(\.name)).map { url.appendingPathComponent($0) }
      .filter { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// What the configuration describes that a weight file carries.
  private static func description(
    in file: ModelFile, _ spellings: [ConfigurationFile], _ families: Set<String>
  ) throws -> Description {
    let attributes = file.attributes
    let tensors = Set(file.weights.tensors.keys)
    if let text = attributes[configurationName]?.string {
      do {
        return try standard(
          Configuration(parsing: Array(text.utf8)), spellings.filter { $0.name == configurationName },
          families, tensors: tensors)
      } catch var error as GraftError {
        error.subject = "attribute '\(configurationName)'"
        throw error
      }
    }
    let found = Configuration(attributes)
    let spellings = spellings.filter { $0.name == nil }
    if let spelling = spellings.first(where: { $0.recognizes(found, tensors: tensors) }) {
      return Description(configuration: try spelling.standard(found))
    }
    let discriminator = spellings.first?.discriminator ?? ""
    let isKnown = spellings.contains { $0.constants[discriminator] == found[discriminator] }
    throw GraftError(
      .unsupported,
      isKnown
        ? "a model whose settings and tensors are of no family of its architecture"
        : "a model of an architecture that no plugin knows", subject: "key '\(discriminator)'",
      expected: isKnown
        ? nil
        : "one of \(OrderedSet(spellings.compactMap { $0.constants[discriminator]?.string }).joined(separator: ", "))",
      found: found[discriminator]?.kind ?? "nothing")
  }

  /// The parsed `graft.json`, or `nil` when another tool wrote the directory.
  func record() throws -> JSON? {
    let file = url.appendingPathComponent(Self.recordName)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return try Self.parse(file) { try JSON(parsing: $0) }
  }

  private static func parse<Result>(_ file: URL, _ parse: ([UInt8]) throws -> Result) throws -> Result {
    do {
      return try parse(RandomAccessFile(file).bytesOfWholeFile(limit: 64 << 20))
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }
}
