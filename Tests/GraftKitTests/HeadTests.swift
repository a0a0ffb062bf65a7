import Foundation
import GraftCore
import GraftKit
import Testing

@Suite("Heads as things of their own")
struct HeadTests {
  private let registry: Registry

  init() throws { registry = try Support.registry() }

  @discardableResult
  private func swap(_ source: URL, to name: String, labels: [String]? = nil, output: URL) throws -> HeadChange
  {
    let change = try swapHead(source, to: name, labels: labels, registry: registry)
    try change.checkpoint.write(to: output, registry: registry)
    return change
  }

  @Test(
    "import, swap, swap back: every tensor is bit-identical",
    arguments: [
      ("pretraining", "sequence-classification"), ("legacy-gamma-beta", "sequence-classification"),
      ("pretraining", "masked-lm"), ("masked-lm", "sequence-classification"),
      ("untied-decoder", "next-sentence"),
      ("float16", "sequence-classification"), ("sequence-classification", "masked-lm"),
      ("padded-vocab", "sequence-classification"), ("sharded", "next-sentence"),
    ])
  func roundTrip(_ name: String, _ other: String) throws {
    try Support.withTemporaryDirectory { directory in
      let steps = ["imported", "swapped", "back"].map { directory.appending(path: $0) }
      let source = Support.fixture(name)
      try importModel(source, to: steps[0], registry: registry)
      let original = try #require(try registry.open(steps[0]).checkpoint.activeHead).name
      try swap(steps[0], to: other, output: steps[1])
      #expect(try registry.open(steps[1]).checkpoint.activeHead?.name == other)
      let change = try swap(steps[1], to: original, output: steps[2])
      #expect(change.restored.isEmpty == false || original == "pretraining" && other == "masked-lm")

      let difference = try compare(source, steps[2], registry: registry)
      #expect(difference.changed.isEmpty, "\(difference.changed)")
      #expect(difference.onlyInFirst.isEmpty, "\(difference.onlyInFirst)")
      let back = try registry.open(steps[2]).checkpoint
      #expect(
        back.configuration["id2label"] == (try registry.open(source)).checkpoint.configuration["id2label"])
      #expect(back.activeRecords.allSatisfy { $0.history.isTrained })
    }
  }

  @Test("the pooler and the next-sentence head survive under a masked-lm head")
  func poolerSurvives() throws {
    try Support.withTemporaryDirectory { directory in
      let output = directory.appending(path: "mlm")
      try swap(Support.fixture("pretraining"), to: "masked-lm", output: output)
      let opened = try registry.open(output)
      // What transformers sees has neither…
      #expect(
        !opened.stored.tensors.keys.contains { $0.contains("pooler") || $0.contains("seq_relationship") })
      // … and Graft has both.
      #expect(opened.checkpoint.backbone["pooler.weight"] != nil)
      #expect(opened.checkpoint.parkedRecords.map(\.id) == ["next-sentence"])
    }
  }

  @Test("new labels start a new head and set the old one aside")
  func newLabels() throws {
    try Support.withTemporaryDirectory { directory in
      let output = directory.appending(path: "two")
      let change = try swap(
        Support.fixture("sequence-classification"), to: "sequence-classification", labels: ["no", "yes"],
        output: output)
      #expect(
        change.checkpoint.heads.map(\.id).sorted() == [
          "sequence-classification", "sequence-classification.2",
        ])
      let opened = try registry.open(output).checkpoint
      #expect(try opened.configuration.labels() == ["no", "yes"])
      #expect(opened.activeRecords.map(\.history) == [.untrained])
      #expect(throws: GraftError.self) { try opened.requireTrainedHead() }

      let back = directory.appending(path: "back")
      try swap(output, to: "sequence-classification.2", output: back)
      let restored = try registry.open(back).checkpoint
      #expect(try restored.configuration.labels() == ["World", "Sports", "Business", "Sci/Tech"])
      #expect(restored.activeRecords.allSatisfy { $0.history.isTrained })
      #expect(restored.parkedRecords.map(\.id) == ["sequence-classification.2"])
    }
  }

  @Test("a detached head goes onto another backbone of its width")
  func detachAndAttach() throws {
    try Support.withTemporaryDirectory { directory in
      let (head, output) = (directory.appending(path: "head"), directory.appending(path: "model"))
      let detached = try detachHead(Support.fixture("sequence-classification"), registry: registry)
      let options = Checkpoint.WriteOptions(
        format: try registry.formats.find("safetensors"), dialect: try registry.dialect("transformers", of: "bert"))
      try DirectoryWriter.write(head) { try detached.write(into: $0, options) }
      let names = try registry.openWeights(head.appending(path: "model.safetensors")).weights.tensors.keys
      #expect(Array(names) == ["classifier.weight", "classifier.bias"])

      let change = try attachHead(Support.fixture("pretraining"), head: head, registry: registry)
      try change.checkpoint.write(to: output, registry: registry)
      #expect(change.parked == ["masked-lm", "next-sentence"])
      let opened = try registry.open(output).checkpoint
      #expect(opened.architecture == "BertForSequenceClassification")
      #expect(try opened.configuration.labels() == ["World", "Sports", "Business", "Sci/Tech"])
      let source = try registry.open(Support.fixture("sequence-classification")).checkpoint
      #expect(
        try opened.heads[0].weights["sequence_classification.weight"]?.floats()
          == source.heads[0].weights["sequence_classification.weight"]?.floats())
    }
  }

  @Test("a head of another width is refused with both widths")
  func wrongWidth() throws {
    try Support.withTemporaryDirectory { directory in
      let head = directory.appending(path: "head")
      var detached = try detachHead(Support.fixture("sequence-classification"), registry: registry)
      detached.hiddenSize = 48
      let options = Checkpoint.WriteOptions(
        format: try registry.formats.find("safetensors"), dialect: try registry.dialect("transformers", of: "bert"))
      try DirectoryWriter.write(head) { try detached.write(into: $0, options) }
      let error = #expect(throws: GraftError.self) {
        try attachHead(Support.fixture("pretraining"), head: head, registry: registry)
      }
      #expect(error?.expected == "hidden_size 32" && error?.found == "48")
    }
  }

  @Test("labels for a head that has none are refused")
  func labelsForMaskedLM() {
    #expect(throws: GraftError.self) {
      try swapHead(Support.fixture("pretraining"), to: "masked-lm", labels: ["a"], registry: registry)
    }
  }

  @Test("an unknown head lists the known ones")
  func unknownHead() {
    let error = #expect(throws: GraftError.self) {
      try swapHead(Support.fixture("pretraining"), to: "question-answering", registry: registry)
    }
    #expect(
      error?.description.contains("masked-lm, next-sentence, pretraining, sequence-classification") == true)
  }
}
