import Foundation
import GraftTensors

extension CrossEncoder {
  /// What a checkpoint's folder says, in the spelling of any version; `nil` where nothing does.
  ///
  /// - Parameters:
  ///   - directory: The folder.
  ///   - configuration: What `config.json` says.
  /// - Throws: `GraftError` for files that are broken, and for an activation that is not known.
  init?(in directory: URL, _ configuration: Configuration) throws {
    let own = try JSON(fileIfPresent: SentenceFiles.configurationName, in: directory)
    let isCrossEncoder = own?["model_type"]?.string == "CrossEncoder"
    let places = [
      (
        "config.json", "\(Self.key).activation_fn",
        configuration[Self.key]?["activation_fn"]
      ),
      ("config.json", Self.olderKey, configuration[Self.olderKey]),
      (SentenceFiles.configurationName, "activation_fn", isCrossEncoder ? own?["activation_fn"] : nil),
    ]
    let said = places.first { $0.2 != nil && $0.2 != .null }
    guard isCrossEncoder || said != nil else { return nil }
    let activation = try said.map { file, key, value in
      let name = value?.string?.split(separator: ".").last.map(String.init) ?? ""
      guard let activation = Activation(rawValue: name) else {
        throw GraftError(
          .unsupported, "an activation that is not known", file: directory.appending(path: file).path,
          subject: "key '\(key)'",
          expected: "one of \(Activation.allCases.map(\.rawValue).joined(separator: ", "))",
          found: value?.text() ?? "nothing")
      }
      return activation
    }
    let transformer = isCrossEncoder ? try SentenceFiles.transformerSettings(in: directory) : nil
    let modules = isCrossEncoder ? try SentenceModuleEntry.list(in: directory) : nil
    if let modules, modules.entries.map(\.kind) != ["Transformer"] || modules.entries[0].path != "" {
      throw GraftError(
        .unsupported, "modules that are not supported",
        file: directory.appending(path: SentenceFiles.modulesName).path,
        expected: "a Transformer alone, in the folder itself",
        found: modules.entries.map(\.kind).joined(separator: ", "),
        advice: "Without modules.json the classifier is read alone.")
    }
    self.init(
      activation: try activation ?? Self.usual(configuration.labels().count),
      maximumLength: SentenceFiles.lengthLimit(transformer?.settings["max_seq_length"]?.int),
      files: modules.map {
        SentenceFiles(modules: $0.json, configuration: own, transformer: transformer, folders: [:])
      })
  }

  /// The keys of `config.json` that say the activation. They belong to the head.
  public static let settingKeys = [key, olderKey]

  /// Where versions from 4 on say the activation, in `activation_fn`.
  static let key = "sentence_transformers"
  /// Where versions before 4 say the activation.
  static let olderKey = "sbert_ce_default_activation_function"
}
