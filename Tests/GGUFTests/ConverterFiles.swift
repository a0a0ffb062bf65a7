import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import GGUF

/// The checkpoint that a file is of: `xlm-roberta-base`.
func checkpointURL(_ file: String) throws -> URL {
  let families = ["distilbert", "roberta", "xlm-roberta", "camembert", "modernbert", "nomic_bert"]
  let family = try #require(families.first { file.hasPrefix($0 + "-") })
  return fixtures.appending(path: "\(family)-tiny/\(file.dropFirst(family.count + 1))")
}

/// Runs a body over a checkpoint as the converter had it: XLM-RoBERTa's with a charsmap, as published ones have it.
func withSource<Result>(_ file: String, _ body: (URL) throws -> Result) throws -> Result {
  let source = try checkpointURL(file)
  guard file.hasPrefix("xlm-roberta") else { return try body(source) }
  let key = "tokenizer.ggml.precompiled_charsmap"
  let bytes = try #require(golden(file)["attributes"]?[key]?.array).compactMap(\.int).map(UInt8.init)
  return try withTemporaryDirectory { directory in
    let copy = directory.appending(path: source.lastPathComponent)
    try FileManager.default.copyItem(at: source, to: copy)
    let url = copy.appending(path: "tokenizer.json")
    let text = try String(contentsOf: url, encoding: .utf8)
    let normalizer = JSON.object([
      "type": "Precompiled", "precompiled_charsmap": .string(Data(bytes).base64EncodedString()),
    ])
    try text.replacing("\"normalizer\": null", with: "\"normalizer\": \(normalizer.text())")
      .replacing(/("content": "<mask>",\s*"single_word": false,\s*"lstrip": )false/) { "\($0.1)true" }
      .write(to: url, atomically: true, encoding: .utf8)
    return try body(copy)
  }
}

/// Exports the checkpoint that a file is of.
@discardableResult
func export(_ file: String, to url: URL, dtype: String? = nil) throws -> LoadReport {
  try withSource(file) { source in
    try exportModel(
      source, to: url, options: OutputOptions(format: "gguf", dtype: dtype), registry: registry.get())
  }
}

/// What the converter wrote of a checkpoint, in float16.
func golden(_ file: String) throws -> JSON {
  let bytes = try Data(contentsOf: fixtures.appending(path: "gguf/families.json"))
  return try #require(try JSON(parsing: Array(bytes))["\(file)-f16"])
}

/// Whether two attributes are the same. The converter's JSON has a float32 with the decimals of a float64.
func isSame(_ own: JSON, _ value: JSON) -> Bool {
  if let own = own.array, let value = value.array {
    return own.count == value.count && zip(own, value).allSatisfy(isSame)
  }
  return own == value || Float(own.double ?? .nan) == Float(value.double ?? 0)
}

/// Expects that two models' tokenizers give the same.
func expectSameTokens(_ found: Checkpoint, _ original: Checkpoint) throws {
  let (ours, theirs) = (try #require(found.tokenizer), try #require(original.tokenizer))
  #expect(type(of: ours).name == type(of: theirs).name)
  #expect(ours.specialTokens == theirs.specialTokens)
  for id in 0..<Int32(theirs.vocabularySize) { #expect(ours.token(of: id) == theirs.token(of: id)) }
  for text in ["The Café of 中文, <mask>unwillingness [MASK]!", "  two spaces\n", "ÜBER straße 😀", ""] {
    for pair in [nil, "Second"] {
      let (a, b) = (
        ours.encode(text, pair: pair, maximumLength: nil, addSpecialTokens: true),
        theirs.encode(text, pair: pair, maximumLength: nil, addSpecialTokens: true)
      )
      #expect(a == b, "\(text)")
    }
    #expect(
      ours.decode(theirs.encode(text).ids, skippingSpecialTokens: true)
        == theirs.decode(theirs.encode(text).ids, skippingSpecialTokens: true))
  }
}

/// Expects that a converter's file with other attributes cannot be opened.
func expectError(
  in file: String, _ attributes: [String: JSON?], _ check: (GraftError) throws -> Void
) throws {
  var model = try GGUFFormat().open(fixtures.appending(path: "gguf/\(file)-f16.gguf"))
  for (key, value) in attributes { model.attributes[key] = value }
  try withTemporaryDirectory { directory in
    let url = directory.appending(path: "model.gguf")
    try GGUFFormat().write(model, to: url, limit: nil)
    let error = #expect(throws: GraftError.self, "\(attributes)") { try registry.get().open(url) }
    if let error { try check(error) }
  }
}
