import Foundation
import GraftCore
import GraftTensors
import OrderedCollections
import TokenizerKit

extension PipelineTokenizer {
  public static let fileNames = TokenizerFileNames(
    sufficient: ([TokenizerDocument.fileName] + SentencePieceClass.fileNames).map { [$0] }
      + [[TokenizerDocument.fileName, KerasTokenizer.vocabularyName], [KerasTokenizer.presetName]],
    settings: TokenizerSettings.fileNames)

  public static func load(from directory: URL) throws -> PipelineTokenizer? {
    let description = try PipelineDescription(directory: directory)
    return try TokenizerDirectory(directory).inWhole { try description.map { try PipelineTokenizer($0) } }
  }

  public static func load(describedBy attributes: OrderedDictionary<String, JSON>) throws
    -> PipelineTokenizer?
  {
    try (GGUFTokenizer.description(of: attributes) ?? PipelineDescription(attributes: attributes)).map {
      try PipelineTokenizer($0)
    }
  }

  public func attributes(as representation: TokenizerRepresentation) -> OrderedDictionary<String, JSON> {
    switch representation {
    case .ggml: GGUFTokenizer.attributes(of: self)
    case .huggingFace: core.attributes(text: documentText())
    default: [:]
    }
  }

  public func differences(as representation: TokenizerRepresentation) -> [String] {
    representation.name == KerasTokenizer.representation ? SentencePieceExport.differences(of: self) : []
  }

  /// Writes `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json`.
  ///
  /// What a `tokenizer.json` and a `tokenizer_config.json` had beyond what Graft knows is written again.
  public func write(to url: URL, as representation: TokenizerRepresentation) throws {
    if representation.name == KerasTokenizer.representation {
      return try KerasTokenizer.write(self, to: url, as: representation)
    }
    guard representation == .huggingFace else {
      throw GraftError(
        .unsupported, "this tokenizer cannot be written like this",
        expected: "hugging-face or keras", found: representation.name)
    }
    let directory = TokenizerDirectory(url)
    try directory.write(TokenizerDocument.fileName, documentText())
    try directory.write(configuration: core.configuration)
  }

  private func documentText() -> String {
    let hasMerges = file.json["model"]?["merges"] != nil
    return TokenizerDocument.text(
      core.document, core.vocabulary, scores: file.scores, merges: hasMerges ? file.merges : nil)
  }
}
