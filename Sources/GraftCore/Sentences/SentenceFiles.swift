import Foundation
import GraftTensors
import OrderedCollections

/// The files of a folder of sentence-transformers beside the encoder's, held to be written again.
struct SentenceFiles: Sendable {
  /// Lists the modules: `[{"idx", "name", "path", "type"}, …]`.
  static let modulesName = "modules.json"
  /// Prompts, the similarity, and the versions that wrote the folder.
  static let configurationName = "config_sentence_transformers.json"

  let modules: JSON
  let configuration: JSON?
  /// The length limit of the encoder, and the file that says it.
  let transformer: (name: String, settings: JSON)?
  /// The folders of modules, by their paths.
  let folders: OrderedDictionary<String, OpaqueFiles>

  /// Writes them into a checkpoint's directory, whose root is the encoder's place.
  ///
  /// - Throws: `GraftError` when a file cannot be read or written.
  func write(into directory: URL) throws {
    var texts = [Self.modulesName: modules]
    texts[Self.configurationName] = configuration
    if let transformer { texts[transformer.name] = transformer.settings }
    for (name, text) in texts {
      try FileWriter.write(directory.appending(path: name), text: text.text(.pretty) + "\n")
    }
    for (path, files) in folders {
      let folder = directory.appending(path: path)
      try DirectoryWriter.makeDirectory(folder)
      try files.write(into: folder)
    }
  }
}

extension SentenceFiles {
  /// The settings of an encoder in its folder, which are called after the encoder: `sentence_*_config.json`.
  ///
  /// - Throws: `GraftError` when the folder or the file cannot be read.
  static func transformerSettings(in directory: URL) throws -> (name: String, settings: JSON)? {
    let names = try directoryContents(directory).filter {
      $0.hasPrefix("sentence_") && $0.hasSuffix("_config.json")
    }
    return try names.min().flatMap { name in
      try JSON(fileIfPresent: name, in: directory).map { (name, $0) }
    }
  }
}

/// One entry of `modules.json`.
struct SentenceModuleEntry {
  /// What its class is called, without the modules of Python that it is in, which vary by version.
  let kind: String
  /// Where its files are, from the folder's root; empty for the root itself.
  let path: String

  /// The list of a folder; `nil` where there is none.
  ///
  /// - Throws: `GraftError` when it is not a list of modules, or a path leads out of the folder.
  static func list(in directory: URL) throws -> (entries: [SentenceModuleEntry], json: JSON)? {
    guard let json = try JSON(fileIfPresent: SentenceFiles.modulesName, in: directory) else { return nil }
    let file = directory.appending(path: SentenceFiles.modulesName).path
    guard let list = json.array else {
      throw GraftError(.malformed, "not a list of modules", file: file, found: json.kind)
    }
    let entries = try list.enumerated().map { index, entry in
      guard let type = entry["type"]?.string, let kind = type.split(separator: ".").last,
        let path = entry["path"]?.string
      else {
        throw GraftError(
          .malformed, "a module without type and path", file: file, subject: "module \(index)",
          found: entry.text())
      }
      let isInside = !path.hasPrefix("/") && !path.split(separator: "/").contains { $0 == ".." || $0 == "." }
      guard isInside else {
        throw GraftError(
          .malformed, "a module's path leads out of the folder", file: file, subject: "module \(index)",
          found: "'\(path)'")
      }
      return SentenceModuleEntry(kind: String(kind), path: path)
    }
    return (entries, json)
  }
}

extension JSON {
  /// What a file of a directory says; `nil` where there is no such file.
  ///
  /// - Throws: `GraftError` when it cannot be read, or is not JSON.
  init?(fileIfPresent name: String, in directory: URL) throws {
    let file = directory.appending(path: name)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    do {
      try self.init(parsing: RandomAccessFile(file).bytesOfWholeFile(limit: 16 << 20))
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }
}
