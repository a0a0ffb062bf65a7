import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import Pipeline

/// Ids, types, offsets and decoded texts against those of Hugging Face `tokenizers`; see Fixtures/pipeline/make.py.
struct GoldenTests {
  static let pipelines = [
    "xlm-roberta", "camembert", "albert", "albert-cased", "deberta", "modernbert", "mpnet", "wordlevel",
    "llama",
    "openai-gpt", "openai-gpt-fused", "openai-gpt-dropped", "bpe-prefixed", "unigram-bytes",
    "unigram-ties",
  ]

  @Test(arguments: pipelines)
  func agrees(pipeline: String) throws {
    for golden in try Golden.read(pipeline) {
      try golden.check(try #require(try load(["tokenizer.json": golden.document.text()])))
    }
  }

  /// Each normalizer and pre-tokenizer alone, in a pipeline whose tokens are the bytes or the pieces of its text.
  @Test(arguments: ["normalizers", "pre-tokenizers"])
  func componentsAgree(file: String) throws {
    for golden in try Golden.read(file) {
      try golden.check(try #require(try load(["tokenizer.json": golden.document.text()])))
    }
  }

  @Test(arguments: pipelines)
  func agreesWhenWritten(pipeline: String) throws {
    let golden = try #require(try Golden.read(pipeline).first)
    let tokenizer = try #require(try load(["tokenizer.json": golden.document.text()]))
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      try golden.check(try #require(try PipelineTokenizer.load(from: directory)))
      let written = try JSON(
        parsing: Data(contentsOf: directory.appendingPathComponent("tokenizer.json")))
      // Nothing is lost on the way: numbers aside, which are written in another way, the file is the same.
      #expect(written["normalizer"] == golden.document["normalizer"])
      #expect(written["pre_tokenizer"] == golden.document["pre_tokenizer"])
      #expect(written["post_processor"] == golden.document["post_processor"])
      #expect(written["decoder"] == golden.document["decoder"])
      #expect(written["added_tokens"] == golden.document["added_tokens"])
      #expect(written["model"]?["merges"] == golden.document["model"]?["merges"])
    }
  }

  /// The many cases that are too large to commit: `make.py --full` writes them.
  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["GRAFT_PIPELINE_GOLDENS"] != nil),
    arguments: pipelines + ["normalizers", "pre-tokenizers"])
  func agreesInFull(pipeline: String) throws {
    let path = try #require(ProcessInfo.processInfo.environment["GRAFT_PIPELINE_GOLDENS"])
    let directory = URL(fileURLWithPath: path)
    guard FileManager.default.fileExists(atPath: directory.appending(path: "\(pipeline).jsonl.gz").path)
    else {
      return
    }
    for golden in try Golden.read(pipeline, in: directory) {
      try golden.check(try #require(try load(["tokenizer.json": golden.document.text()])))
    }
  }
}
