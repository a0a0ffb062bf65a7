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
  var configuration: JSON?
  /// The length limit of the encoder, and the file that says it.
  let transformer: (name: String, settings: JSON)?
  /// The folders of modules, by their paths.
  let folders: OrderedDictionary<String, OpaqueFiles>
  /// Files of modules that are new, by their paths.
  var newFiles: OrderedDictionary<String, JSON> = [:]

  /// Writes them into a checkpoint's directory, whose root is the encoder's place.
  ///
  /// - Throws: `GraftError` when a file cannot be read or written.
  func write(into directory: URL) throws {
    var texts = [Self.modulesName: modules]
    texts[Self.configurationName] = configuration
    if let transformer { texts[transformer.name] = transformer.settings }
    for (name, text) in newFiles { texts[name] = text }
    for (name, text) in texts {
      try DirectoryWriter.makeDirectory(directory.appending(path: name).deletingLastPathComponent())
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
  /// The files of modules that no folder had before, in the spelling that all versions of sentence-transformers read.
  ///
  /// - Parameters:
  ///   - pipeline: Of pooling and normalizing.
  ///   - hiddenSize: How many numbers a token's state has.
  init(new pipeline: SentencePipeline, hiddenSize: Int) {
    var (list, files): ([JSON], OrderedDictionary<String, JSON>) = ([Self.entry(0, "Transformer", "")], [:])
    for (index, module) in pipeline.modules.enumerated() {
      let number = index + 1
      switch module {
      case .pooling(let pooling):
        let path = "\(number)_Pooling"
        list.append(Self.entry(number, "Pooling", path))
        files["\(path)/config.json"] = pooling.olderSettings(hiddenSize: hiddenSize)
      case .normalize: list.append(Self.entry(number, "Normalize", "\(number)_Normalize"))
      case .dense, .splade: preconditionFailure("such a module comes from files")
      }
    }
    self.init(
      modules: .array(list),
      configuration: [
        "__version__": [:], "model_type": "SentenceTransformer",
        "prompts": .object(pipeline.prompts.mapValues { .string($0) }),
        "default_prompt_name": pipeline.defaultPrompt.map { .string($0) } ?? .null,
        "similarity_fn_name": .string(pipeline.similarity ?? VectorSimilarity.cosine.rawValue),
      ],
      transformer: (
        "sentence_bert_config.json",
        [
          "max_seq_length": pipeline.maximumLength.map { JSON($0) } ?? .null,
          "do_lower_case": JSON(pipeline.lowercases),
        ]
      ), folders: [:], newFiles: files)
  }

  /// The files of a CrossEncoder that no folder had before, as version 6 writes them; earlier versions read the classifier
  /// alone.
  ///
  /// - Parameters:
  ///   - activation: What becomes of its logits.
  ///   - maximumLength: The most tokens of a pair.
  ///   - task: What the classifier's task is called.
  init(crossEncoder activation: CrossEncoder.Activation, maximumLength: Int?, task: String) {
    var transformer: OrderedDictionary<String, JSON> = [
      "transformer_task": .string(task),
      "modality_config": ["text": ["method": "forward", "method_output_name": "logits"]],
      "module_output_name": "scores",
    ]
    transformer["max_seq_length"] = maximumLength.map { JSON($0) }
    self.init(
      modules: [
        [
          "idx": 0, "name": "0", "path": "",
          "type": "sentence_transformers.base.modules.transformer.Transformer",
        ]
      ],
      configuration: [
        "__version__": [:], "activation_fn": .string(activation.className), "default_prompt_name": .null,
        "model_type": "CrossEncoder", "prompts": [:],
      ],
      transformer: ("sentence_bert_config.json", .object(transformer)), folders: [:])
  }

  private static func entry(_ index: Int, _ kind: String, _ path: String) -> JSON {
    [
      "idx": JSON(index), "name": JSON("\(index)"), "path": JSON(path),
      "type": JSON("sentence_transformers.models.\(kind)"),
    ]
  }

  /// The most tokens of a text that files say; `nil` for a number that is no limit.
  static func lengthLimit(_ number: Int?) -> Int? {
    // Tokenizers without a limit say 10³⁰, which no integer holds, or another number of that kind.
    number.flatMap { $0 > 0 && $0 < 1 << 30 ? $0 : nil }
  }

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

extension SentenceFiles {
  /// The files of a folder that are about its modules, whatever is wrong with them: the configuration, the list, and what
  /// stands in the folders that a list names.
  ///
  /// - Throws: `GraftError` when a folder cannot be read.
  static func paths(in directory: URL) throws -> [String] {
    let own = try directoryContents(directory).filter { name in
      [modulesName, configurationName].contains(name)
        || name.hasPrefix("sentence_") && name.hasSuffix("_config.json")
    }
    // Of a list that cannot be read nobody knows the folders.
    let entries = (try? SentenceModuleEntry.list(in: directory))?.entries ?? []
    let root = CheckpointFolder(directory)
    return try own
      + entries.map(\.path).filter { !$0.isEmpty }.flatMap { path in
        let folder = directory.appending(path: path)
        guard FileManager.default.fileExists(atPath: folder.path) else { return [String]() }
        return try root.filePaths(below: path).map { "\(path)/\($0)" }
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

extension SentencePooling {
  /// The `config.json` of a pooling, in the keys of versions before 6, which that reads as well.
  fileprivate func olderSettings(hiddenSize: Int) -> JSON {
    var settings: OrderedDictionary<String, JSON> = ["word_embedding_dimension": JSON(hiddenSize)]
    for (key, mode) in Self.olderKeys { settings[key] = JSON(modes.contains(mode)) }
    settings["include_prompt"] = JSON(includesPrompt)
    return .object(settings)
  }
}

extension SentencePipeline {
  /// Writes its files into a checkpoint's directory, whose root is the encoder's place, with the weights of dense layers
  /// that were trained.
  ///
  /// - Throws: `GraftError` when a file cannot be read or written.
  func write(
    into directory: URL, _ options: Checkpoint.WriteOptions, hiddenSize: Int, counting tally: NonFiniteTally?
  ) throws {
    try (files ?? SentenceFiles(new: self, hiddenSize: hiddenSize)).write(into: directory)
    for case .dense(let dense) in modules where dense.isTrained {
      let folder = directory.appending(path: dense.path)
      // What stays of the layer's own files says what its activation is.
      for name in try directoryContents(folder) where name != "config.json" {
        try FileManager.default.removeItem(at: folder.appending(path: name))
      }
      var weights = Weights()
      weights["linear.weight"] = dense.weight
      if let bias = dense.bias { weights["linear.bias"] = bias }
      try options.write(
        ModelFile(weights), to: folder.appending(path: try options.format.type.fileName()), counting: tally)
    }
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
