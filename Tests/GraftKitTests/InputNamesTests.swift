import Foundation
import GraftCompute
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

/// What a model gets of a pair, by `model_input_names` of `tokenizer_config.json`: the logits of transformers, by
/// `Fixtures/pipeline/make_input_names.py`.
@Suite struct InputNamesTests {
  @Test func pairsHaveTypesWhereTransformersGivesThem() throws {
    let golden = try JSON(file: fixtures.appending(path: "pipeline/input_names.json"))
    let pairs = try #require(golden["pairs"]?.array).map { $0.array?.compactMap(\.string) ?? [] }
    let cases = try #require(golden["cases"]?.array)
    #expect(cases.count == 6 && pairs.count == 3)
    let registry = try Registry.builtIn()
    for item in cases {
      try withTemporaryDirectory { directory in
        let folder = directory.appending(path: "model")
        try FileManager.default.copyItem(
          at: fixtures.appending(path: "\(item["model"]?.string ?? "")/sequence-classification"), to: folder)
        let file = folder.appending(path: "tokenizer_config.json")
        var members = try #require(try JSON(file: file).object)
        members["model_input_names"] = item["model_input_names"]
        try Data(JSON.object(members).text().utf8).write(to: file)
        let checkpoint = try registry.open(folder).checkpoint
        // What is written says the same.
        let written = directory.appending(path: "written")
        try checkpoint.write(to: written, registry: registry)
        func processor(_ url: URL) throws -> JSON? {
          try JSON(file: url.appending(path: "tokenizer.json"))["post_processor"]
        }
        #expect(try processor(written) == processor(folder))
        for checkpoint in [checkpoint, try registry.open(written).checkpoint] {
          let (model, tokenizer) = (try checkpoint.makeModel(), try #require(checkpoint.tokenizer))
          let logits = try headLogits(
            InferenceSession(model, backend: ReferenceBackend(threads: 1)), lengths: pairs.map { _ in 1 },
            batchSize: 2, progress: { _ in }
          ) { index in
            tokenizer.encode(
              pairs[index][0], pair: pairs[index][1], maximumLength: nil, addSpecialTokens: true)
          }
          for (found, expected) in zip(logits, item["logits"]?.array ?? []) {
            let expected = expected.array?.compactMap(\.double) ?? []
            #expect(found.count == expected.count)
            #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 }, "\(item.text())")
          }
        }
      }
    }
  }
}
