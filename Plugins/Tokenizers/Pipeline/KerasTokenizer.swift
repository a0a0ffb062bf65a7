import Foundation
import GraftCore
import GraftTensors
import TokenizerKit

/// KerasHub's files: a serialized tokenizer object in `tokenizer.json`, which is not what Hugging Face calls so, and a
/// SentencePiece model beside it.
///
/// KerasHub has SentencePiece's own normalizer, of which the `Precompiled` of `tokenizers` differs for a few sequences of
/// combining marks; see `PrecompiledNormalizer`.
enum KerasTokenizer {
  /// The name of ``TokenizerRepresentation/keras(module:className:)``.
  static let representation = TokenizerRepresentation.keras(module: "", className: "").name
  static let vocabularyName = "assets/tokenizer/" + SentencePieceClass.kerasFileName
  /// The model's name in the presets of KerasNLP until version 0.5, which have no file for the tokenizer's class.
  static let presetName = "vocab.spm"

  /// The model in a directory, its name there, and what its class makes of it.
  ///
  /// - Returns: `nil` when there are no such files.
  /// - Throws: ``GraftError`` when they are broken, or of a class that is not known.
  static func model(
    in directory: TokenizerDirectory
  ) throws -> (name: String, file: SentencePieceFile, tokenizerClass: SentencePieceClass)? {
    guard let (name, found) = try place(in: directory) else { return nil }
    let model = try directory.inFile(name) { try SentencePieceFile(directory.read(name) ?? []) }
    var tokenizerClass = found
    tokenizerClass.addsPrefixSpace = model.addsDummyPrefix
    if !model.removesExtraSpaces {
      tokenizerClass.normalizers = { _, charsmap in SentencePieceClass.precompiled(charsmap) }
    }
    return (name, model, tokenizerClass)
  }

  /// The name of the model in a directory, and its class.
  private static func place(
    in directory: TokenizerDirectory
  ) throws -> (name: String, tokenizerClass: SentencePieceClass)? {
    if directory.has(vocabularyName), let object = try directory.serializedObject() {
      let tokenizerClass = try directory.inFile(TokenizerDocument.fileName) {
        try SentencePieceClass.kerasHub(object["class_name"]?.string ?? "")
      }
      return (vocabularyName, tokenizerClass)
    }
    guard directory.has(presetName) else { return nil }
    let model = try directory.readObject("config.json")["class_name"]?.string ?? ""
    return SentencePieceClass.kerasHub(ofModel: model).map { (presetName, $0) }
  }

  /// - Parameter representation: One that ``TokenizerRepresentation/keras(module:className:)`` makes.
  /// - Throws: ``GraftError`` of kind `unsupported` when a SentencePiece model cannot say what the tokenizer does.
  static func write(
    _ tokenizer: PipelineTokenizer, to url: URL, as representation: TokenizerRepresentation
  ) throws {
    let tokenizerClass = try SentencePieceClass.kerasHub(representation.options["class_name"] ?? "")
    let model = try SentencePieceExport(tokenizer, tokenizerClass).file
    let vocabulary = url.appendingPathComponent(vocabularyName)
    try DirectoryWriter.makeDirectory(vocabulary.deletingLastPathComponent())
    try FileWriter.write(vocabulary) { try $0.append(model.bytes) }
    try TokenizerDirectory(url).writeSerializedObject(
      representation, ["proto": .null, "add_bos": false, "add_eos": false])
  }
}
