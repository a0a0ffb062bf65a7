import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// Files store some parameters twice. What training makes of them is stored as any other model's.
@Suite struct TrainedCopiesTests {
  @Test(
    "a model whose copies were never compared is still tied after training",
    arguments: ["bert-tiny/masked-lm", "distilbert-tiny/pytorch-copies", "roberta-tiny/pytorch-copies"])
  func stayTied(_ name: String) throws {
    let registry = try Support.registry()
    try withTemporaryDirectory { directory in
      var source = fixtures.appending(path: name)
      if name.hasPrefix("bert") {
        // TensorFlow's file of a masked-language model has the embeddings twice.
        source = directory.appending(path: "tensorflow")
        try exportModel(
          fixtures.appending(path: name), to: source,
          options: OutputOptions(format: "hdf5", dialect: "transformers-tf"), registry: registry)
      }
      let checkpoint = try registry.open(source).checkpoint
      #expect(checkpoint.components.contains { $0.copies != nil })
      var options = TrainingOptions()
      options.epochs = 1
      options.learningRate = 1e-2
      options.reportTo = []
      let output = directory.appending(path: "trained")
      let rows = ["the cat sat", "a dog ran", "on the mat"].map { TextRow($0) }
      _ = try train(
        checkpoint, on: TrainingData(rows, named: ["texts"]), options: options, output: output,
        backend: registry.makeBackend(), registry: registry)

      let trained = try registry.open(output)
      let embedding = "embeddings.word.weight"
      let before = try #require(checkpoint[Component.backbone]?.weights[embedding])
      let after = try #require(trained.checkpoint[Component.backbone]?.weights[embedding])
      #expect(try !after.isIdentical(to: before))
      #expect(try trained.checkpoint.configuration.bool("tie_word_embeddings", default: true))
      #expect(trained.checkpoint["masked-lm"]?.weights["masked_lm.decoder.weight"] == nil)
      #expect(
        !trained.stored.tensors.keys.contains { $0.contains("decoder") || $0.contains("projector.weight") })
    }
  }
}
