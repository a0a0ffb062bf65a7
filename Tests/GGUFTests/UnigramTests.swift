import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import GGUF

/// Unigram tokenizers in GGUF files, and the families that have them.
@Suite struct UnigramTests {
  @Test("a tokenizer of the wrong kind or size is refused by the key")
  func brokenUnigram() throws {
    let file = "xlm-roberta-sequence-classification"
    let attributes = try GGUFFormat().open(fixtures.appending(path: "gguf/\(file)-f16.gguf")).attributes
    func list(_ key: String, _ change: (inout [JSON]) -> Void) throws -> JSON {
      var list = try #require(attributes["tokenizer.ggml.\(key)"]?.array)
      change(&list)
      return .array(list)
    }
    let cases: [(key: String, value: JSON?)] = [
      ("scores", nil), ("scores", try list("scores") { $0.removeLast() }), ("scores", "none"),
      ("scores", try list("scores") { $0.append(0.5) }),
      ("scores", try list("scores") { list in list = list.map { _ in "a" } }),
      ("token_type", try list("token_type") { $0.removeLast() }),
      ("token_type", try list("token_type") { $0[7] = 9 }), ("token_type", 1),
      ("tokens", try list("tokens") { $0[9] = $0[8] }), ("mask_token_id", 269), ("unknown_token_id", 1000),
      ("add_space_prefix", "yes"), ("remove_extra_whitespaces", 1), ("precompiled_charsmap", "table"),
      ("precompiled_charsmap", try list("precompiled_charsmap") { $0.removeLast(900) }),
      ("precompiled_charsmap", [7]),
    ]
    for (key, value) in cases {
      try expectError(in: file, ["tokenizer.ggml.\(key)": value]) { error in
        #expect(error.subject == "key 'tokenizer.ggml.\(key)'", "\(error)")
      }
    }
    try expectError(in: file, ["tokenizer.ggml.add_eos_token": false]) { #expect($0.kind == .unsupported) }
    try expectError(in: file, ["tokenizer.ggml.bos_token_id": nil]) { #expect($0.kind == .unsupported) }
  }

  @Test("without Graft's word for it, a file of Unigram tokens is of the family that its first token is of")
  func unnamedFamily() throws {
    try withTemporaryDirectory { directory in
      for family in ["xlm-roberta", "camembert"] {
        let url = directory.appending(path: "\(family).gguf")
        try export("\(family)-base", to: url)
        var file = try GGUFFormat().open(url)
        #expect(file.attributes.removeValue(forKey: "bert.model_type")?.string == family)
        let unnamed = directory.appending(path: "unnamed.gguf")
        try GGUFFormat().write(file, to: unnamed, limit: nil)
        #expect(try registry.get().open(unnamed).checkpoint.family.name == family)
      }
    }
  }

  @Test("a mask token whose place has only a stand-in, as files from SentencePiece models have it")
  func unnamedMask() throws {
    let theirs = try GGUFFormat().open(
      fixtures.appending(path: "gguf/xlm-roberta-sequence-classification-f16.gguf"))
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.gguf")
      var file = theirs
      func change(_ key: String, _ value: JSON) throws {
        var list = try #require(file.attributes["tokenizer.ggml.\(key)"]?.array)
        list[259] = value
        file.attributes["tokenizer.ggml.\(key)"] = .array(list)
      }
      try change("tokens", "[PAD258]")
      try change("token_type", 5)
      try change("scores", -10000.0)
      try GGUFFormat().write(file, to: url, limit: nil)
      let name = "xlm-roberta-sequence-classification"
      let original = try withSource(name) { try registry.get().open($0).checkpoint }
      try expectSameTokens(registry.get().open(url).checkpoint, original)
    }
  }

  @Test("a mask token that takes no space before it")
  func plainMask() throws {
    try withTemporaryDirectory { directory in
      let (source, url) = (try checkpointURL("xlm-roberta-base"), directory.appending(path: "model.gguf"))
      try exportModel(source, to: url, options: OutputOptions(format: "gguf"), registry: registry.get())
      try expectSameTokens(registry.get().open(url).checkpoint, registry.get().open(source).checkpoint)
      #expect(try GGUFFormat().open(url).attributes["tokenizer.ggml.mask_token_lstrip"] == false)
    }
  }

  @Test("spaces that llama.cpp keeps are kept", arguments: [true, false])
  func keptSpaces(_ addsFirst: Bool) throws {
    let theirs = try GGUFFormat().open(
      fixtures.appending(path: "gguf/xlm-roberta-sequence-classification-f16.gguf"))
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "model.gguf")
      var file = theirs
      file.attributes["tokenizer.ggml.remove_extra_whitespaces"] = false
      file.attributes["tokenizer.ggml.add_space_prefix"] = JSON(addsFirst)
      try GGUFFormat().write(file, to: url, limit: nil)
      let checkpoint = try registry.get().open(url).checkpoint
      let tokenizer = try #require(checkpoint.tokenizer)
      func tokens(_ text: String) -> [String] {
        tokenizer.encode(text).ids.dropFirst().dropLast().compactMap(tokenizer.token)
      }
      let prefix = addsFirst ? "\u{2581}" : ""
      #expect(tokens("s  s") == [prefix + "s", "\u{2581}", "\u{2581}s"])
      #expect(tokens(" s ") == (addsFirst ? ["\u{2581}"] : []) + ["\u{2581}s", "\u{2581}"])
      #expect(tokens("") == [])
      let again = directory.appending(path: "again.gguf")
      try exportModel(url, to: again, options: OutputOptions(format: "gguf"), registry: registry.get())
      for key in ["remove_extra_whitespaces", "add_space_prefix", "precompiled_charsmap", "scores"] {
        let key = "tokenizer.ggml.\(key)"
        #expect(try GGUFFormat().open(again).attributes[key] == file.attributes[key], "\(key)")
      }
    }
  }
}
