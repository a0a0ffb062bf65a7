import Foundation
import GraftCompute
import GraftTensors
import OrderedCollections

extension Registry {
  /// What a folder of sentence-transformers says of vectors for texts; `nil` of another folder.
  ///
  /// - Parameters:
  ///   - directory: The folder that has `modules.json`.
  ///   - hiddenSize: How many numbers a token's state has.
  /// - Throws: `GraftError` naming a module, a mode or a setting that is not known, or a layer of another width.
  func sentencePipeline(in directory: URL, hiddenSize: Int) throws -> SentencePipeline? {
    guard let (entries, modules) = try SentenceModuleEntry.list(in: directory) else { return nil }
    let configuration = try JSON(fileIfPresent: SentenceFiles.configurationName, in: directory)
    // The other kinds of models have no vectors for texts: a CrossEncoder scores pairs.
    guard ["SentenceTransformer", "SparseEncoder", nil].contains(configuration?["model_type"]?.string) else {
      return nil
    }
    guard let first = entries.first, ["Transformer", "MLMTransformer"].contains(first.kind) else {
      throw unsupported(
        "the first module is no encoder", expected: "Transformer", found: entries.first?.kind ?? "no module",
        in: directory)
    }
    let encoder = directory.appending(path: first.path)
    let transformer = try SentenceFiles.transformerSettings(in: encoder)
    let settings = transformer?.settings
    let tokenizer = try JSON(fileIfPresent: "tokenizer_config.json", in: encoder)
    let pooled = try entries.dropFirst().map { entry in
      (entry, try module(entry, in: directory))
    }
    let steps = try checked(pooled, hiddenSize: hiddenSize, in: directory)
    let prompts = configuration?["prompts"]?.members ?? []
    return SentencePipeline(
      modules: steps,
      maximumLength: SentenceFiles.lengthLimit(
        settings?["max_seq_length"]?.int ?? tokenizer?["model_max_length"]?.int),
      lowercases: settings?["do_lower_case"]?.bool ?? false,
      prompts: OrderedDictionary(
        prompts.compactMap { member in member.value.string.map { (member.key, $0) } },
        uniquingKeysWith: { first, _ in first }),
      defaultPrompt: configuration?["default_prompt_name"]?.string,
      similarity: configuration?["similarity_fn_name"]?.string,
      files: SentenceFiles(
        modules: moved(modules), configuration: configuration, transformer: transformer,
        folders: try OrderedDictionary(
          entries.dropFirst().filter { !$0.path.isEmpty && exists($0, in: directory) }.map {
            ($0.path, try OpaqueFiles($0.path, of: directory))
          }, uniquingKeysWith: { first, _ in first })))
  }

  private func exists(_ entry: SentenceModuleEntry, in directory: URL) -> Bool {
    FileManager.default.fileExists(atPath: directory.appending(path: entry.path).path)
  }

  /// The list with the encoder at the root, where checkpoints have it.
  private func moved(_ modules: JSON) -> JSON {
    guard var list = modules.array, var first = list.first?.object else { return modules }
    first["path"] = ""
    list[0] = .object(first)
    return .array(list)
  }

  /// Demands that the first step pools, that no other does, and that layers fit what they read.
  private func checked(
    _ modules: [(entry: SentenceModuleEntry, module: SentencePipeline.Module)], hiddenSize: Int,
    in directory: URL
  ) throws -> [SentencePipeline.Module] {
    // An encoder alone is followed by the mean, as sentence-transformers has it.
    guard !modules.isEmpty else { return SentencePipeline(pooling: .mean).modules }
    var width = hiddenSize
    for (index, (entry, module)) in modules.enumerated() {
      if case .pooling = module, index > 0 {
        throw unsupported("a second pooling", found: "module '\(entry.path)'", in: directory)
      }
      if index == 0 {
        switch module {
        case .pooling: break
        case .splade where modules.count == 1: break
        case .splade:
          throw unsupported(
            "a module behind a sparse vector", found: modules[1].entry.kind, in: directory)
        case .dense, .normalize:
          throw unsupported(
            "what follows the encoder does not pool", expected: "Pooling or SpladePooling",
            found: entry.kind, in: directory)
        }
      } else if case .splade = module {
        throw unsupported("a second pooling", found: "module '\(entry.path)'", in: directory)
      }
      if case .dense(let dense) = module, dense.inputs != width {
        throw GraftError(
          .mismatch, "a layer does not fit what it reads", file: directory.appending(path: entry.path).path,
          subject: "tensor 'linear.weight'", expected: "[\(dense.outputs), \(width)]",
          found: "\(dense.weight.spec)")
      }
      width = SentencePipeline(modules: [module]).width(hiddenSize: width)
    }
    return modules.map(\.module)
  }

  private func module(_ entry: SentenceModuleEntry, in directory: URL) throws -> SentencePipeline.Module {
    let folder = directory.appending(path: entry.path)
    let found = try JSON(fileIfPresent: "config.json", in: folder)
    guard found != nil || !["Pooling", "Dense"].contains(entry.kind) else {
      throw GraftError(
        .missing, "the settings of a module that \(SentenceFiles.modulesName) names are not there",
        file: folder.appending(path: "config.json").path, advice: "Copy or download the model again.")
    }
    let settings = found ?? [:]
    do {
      switch entry.kind {
      case "Pooling": return .pooling(try SentencePooling(settings))
      case "Dense": return .dense(try dense(settings, in: folder, path: entry.path))
      case "Normalize": return .normalize
      case "SpladePooling": return .splade(try SpladePooling(settings))
      default:
        throw unsupported(
          "a module that is not known",
          expected: "one of Transformer, Pooling, Dense, Normalize, SpladePooling",
          found: entry.kind, in: directory)
      }
    } catch let error as GraftError {
      throw error.inFile(folder.appending(path: "config.json").path)
    }
  }

  private func dense(_ settings: JSON, in folder: URL, path: String) throws -> SentenceDense {
    let input = settings["module_input_name"]?.string ?? "sentence_embedding"
    for (key, value) in [
      ("module_input_name", input), ("module_output_name", settings["module_output_name"]?.string ?? input),
    ] where value != "sentence_embedding" {
      throw GraftError(
        .unsupported, "not supported", subject: "key '\(key)'", expected: "sentence_embedding", found: value)
    }
    guard settings["use_residual"]?.bool != true else {
      throw GraftError(
        .unsupported, "not supported", subject: "key 'use_residual'", expected: "false", found: "true")
    }
    let weights = try openWeights(try ModelDirectory(folder, formats: checkpointFormats).weights).weights
    guard let weight = weights["linear.weight"], weight.spec.shape.count == 2,
      weight.spec.dtype.isFloatingPoint
    else {
      throw GraftError(
        .missing, "a dense layer without its matrix", file: folder.path, subject: "tensor 'linear.weight'",
        found: weights.tensors.keys.joined(separator: ", "))
    }
    let bias = weights["linear.bias"]
    guard bias.map({ $0.spec.shape == [weight.spec.shape[0]] && $0.spec.dtype.isFloatingPoint }) ?? true
    else {
      throw GraftError(
        .mismatch, "wrong shape", file: folder.path, subject: "tensor 'linear.bias'",
        expected: "[\(weight.spec.shape[0])]", found: bias.map { "\($0.spec)" })
    }
    for (key, extent) in [("in_features", weight.spec.shape[1]), ("out_features", weight.spec.shape[0])] {
      guard let size = settings[key]?.int, size != extent else { continue }
      throw GraftError(
        .mismatch, "a dense layer does not fit its weights", subject: "key '\(key)'",
        expected: "\(extent), for a matrix of \(weight.spec)", found: "\(size)")
    }
    let name = settings["activation_function"]?.string ?? "torch.nn.modules.activation.Tanh"
    let activation = name.split(separator: ".").last.flatMap { Activation(rawValue: $0.lowercased()) }
    guard let activation else {
      throw GraftError(
        .unsupported, "an activation that is not known", subject: "key 'activation_function'",
        expected: "one of Tanh, ReLU, GELU, SiLU, Mish, Sigmoid, Identity", found: "'\(name)'")
    }
    return SentenceDense(weight: weight, bias: bias, activation: activation, path: path)
  }

  private func unsupported(
    _ problem: String, expected: String? = nil, found: String, in directory: URL
  ) -> GraftError {
    GraftError(
      .unsupported, problem, file: directory.appending(path: SentenceFiles.modulesName).path,
      expected: expected,
      found: found, advice: "Without modules.json the encoder is read alone.")
  }
}

extension SentencePooling {
  /// Keys of older versions, in the order in which their vectors stand.
  static let olderKeys: KeyValuePairs<String, Mode> = [
    "pooling_mode_cls_token": .cls, "pooling_mode_max_tokens": .max, "pooling_mode_mean_tokens": .mean,
    "pooling_mode_mean_sqrt_len_tokens": .meanSqrtLength, "pooling_mode_weightedmean_tokens": .weightedMean,
    "pooling_mode_lasttoken": .last,
  ]

  /// - Parameter settings: The `config.json` of a pooling, in the keys of any version.
  /// - Throws: `GraftError` naming a mode that is not known.
  init(_ settings: JSON) throws {
    let names: [String]
    switch settings["pooling_mode"] {
    case .string(let name): names = [name]
    case .array(let list): names = list.map { $0.string ?? $0.text() }
    default:
      let modes = Self.olderKeys.filter { settings[$0.key]?.bool == true }.map(\.value)
      let unknown = (settings.members ?? []).first { member in
        member.key.hasPrefix("pooling_mode_") && member.value.bool == true
          && !Self.olderKeys.contains { $0.key == member.key }
      }
      guard unknown == nil else { throw Self.unknown(unknown?.key ?? "") }
      self.init(modes.isEmpty ? [.mean] : modes, includesPrompt: settings["include_prompt"]?.bool ?? true)
      return
    }
    let modes = try names.map { name in
      guard let mode = Mode(rawValue: name) else { throw Self.unknown(name) }
      return mode
    }
    guard !modes.isEmpty else { throw Self.unknown("") }
    self.init(modes, includesPrompt: settings["include_prompt"]?.bool ?? true)
  }

  private static func unknown(_ name: String) -> GraftError {
    GraftError(
      .unsupported, "a pooling mode that is not known",
      expected: "one of \(Mode.allCases.map(\.rawValue).joined(separator: ", "))", found: "'\(name)'")
  }
}
