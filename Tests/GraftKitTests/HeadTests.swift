import Foundation
import GraftCore
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
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
    try withTemporaryDirectory { directory in
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
      #expect(back.activeHeads.allSatisfy { !$0.isUntrained })
    }
  }

  @Test("the pooler and the next-sentence head survive under a masked-lm head")
  func poolerSurvives() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "mlm")
      try swap(Support.fixture("pretraining"), to: "masked-lm", output: output)
      let opened = try registry.open(output)
      // What transformers sees has neither…
      #expect(
        !opened.stored.tensors.keys.contains { $0.contains("pooler") || $0.contains("seq_relationship") })
      // … and Graft has both.
      #expect(opened.checkpoint[Component.pooler]?.weights["pooler.weight"] != nil)
      #expect(opened.checkpoint.parkedHeads.map(\.id) == ["next-sentence"])
    }
  }

  @Test("new labels start a new head and set the old one aside")
  func newLabels() throws {
    try withTemporaryDirectory { directory in
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
      #expect(opened.activeHeads.map(\.history) == [.untrained])
      #expect(throws: GraftError.self) { try opened.requireTrainedHead() }

      let back = directory.appending(path: "back")
      try swap(output, to: "sequence-classification.2", output: back)
      let restored = try registry.open(back).checkpoint
      #expect(try restored.configuration.labels() == ["World", "Sports", "Business", "Sci/Tech"])
      #expect(restored.activeHeads.allSatisfy { !$0.isUntrained })
      #expect(restored.parkedHeads.map(\.id) == ["sequence-classification.2"])
    }
  }

  @Test("a detached head goes onto another backbone of its width")
  func detachAndAttach() throws {
    try withTemporaryDirectory { directory in
      let (head, output) = (directory.appending(path: "head"), directory.appending(path: "model"))
      let detached = try detachHead(Support.fixture("sequence-classification"), registry: registry)
      let options = Checkpoint.WriteOptions(
        format: try registry.checkpointFormat("safetensors"),
        dialect: try registry.dialect("transformers", of: detached.family))
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
    try withTemporaryDirectory { directory in
      let head = directory.appending(path: "head")
      var detached = try detachHead(Support.fixture("sequence-classification"), registry: registry)
      detached.hiddenSize = 48
      let options = Checkpoint.WriteOptions(
        format: try registry.checkpointFormat("safetensors"),
        dialect: try registry.dialect("transformers", of: detached.family))
      try DirectoryWriter.write(head) { try detached.write(into: $0, options) }
      let error = #expect(throws: GraftError.self) {
        try attachHead(Support.fixture("pretraining"), head: head, registry: registry)
      }
      #expect(error?.expected == "hidden_size 32" && error?.found == "48")
    }
  }

  @Test("a new head that is given no labels says which it has")
  func assumedLabels() throws {
    func assumed(_ source: URL, _ name: String, _ labels: [String]? = nil) throws -> [String]? {
      try swapHead(source, to: name, labels: labels, registry: registry).assumedLabels
    }
    let pretraining = Support.fixture("pretraining")
    #expect(try assumed(pretraining, "sequence-classification") == ["LABEL_0", "LABEL_1"])
    #expect(try assumed(pretraining, "sequence-classification", ["a", "b", "c"]) == nil)
    #expect(try assumed(pretraining, "masked-lm") == nil)
    #expect(try assumed(Support.fixture("base"), "masked-lm") == nil)
    try withTemporaryDirectory { directory in
      let parked = directory.appending(path: "parked")
      try swap(Support.fixture("sequence-classification"), to: "masked-lm", output: parked)
      #expect(try assumed(parked, "sequence-classification") == nil)
    }
  }

  @Test("labels for a head that has none are refused")
  func labelsForMaskedLM() {
    #expect(throws: GraftError.self) {
      try swapHead(Support.fixture("pretraining"), to: "masked-lm", labels: ["a"], registry: registry)
    }
  }

  /// The built-in plugins without one.
  private func registry(without plugin: String) throws -> Registry {
    let others = builtInPlugins.filter { String(describing: $0) != plugin }
    #expect(others.count == builtInPlugins.count - 1)
    return try Registry(others)
  }

  @Test("a parked head that no plugin knows is carried along, byte for byte")
  func unknownParkedHead() throws {
    try withTemporaryDirectory { directory in
      func url(_ name: String) -> URL { directory.appending(path: name) }
      try swap(Support.fixture("sequence-classification"), to: "masked-lm", output: url("model"))
      let head = url("model/heads/sequence-classification")
      try FileWriter.write(head.appending(path: "labels.txt"), text: "what another tool left here")

      let others = try registry(without: "SequenceClassificationPlugin")
      let opened = try others.open(url("model"))
      #expect(opened.checkpoint.parkedHeads.map(\.id) == ["sequence-classification"])
      #expect(opened.checkpoint["sequence-classification"]?.task == nil)
      // Written in another type, which is not for it; then read and written once more.
      try opened.checkpoint.write(to: url("written"), OutputOptions(dtype: "bfloat16"), registry: others)
      let change = try swapHead(url("written"), to: "next-sentence", registry: others)
      try change.checkpoint.write(to: url("swapped"), registry: others)
      for copy in ["written", "swapped"] {
        let files = url("\(copy)/heads/sequence-classification")
        #expect(try contents(files) == contents(head))
        for name in try contents(head) {
          #expect(
            try Data(contentsOf: files.appending(path: name)) == Data(contentsOf: head.appending(path: name)),
            "\(copy): \(name)")
        }
      }
      let error = #expect(throws: GraftError.self) {
        try swapHead(url("swapped"), to: "sequence-classification", registry: others)
      }
      #expect(error?.kind == .unsupported || error?.kind == .unknownName)

      // With the plugin it is the head that it was.
      let back = try swapHead(url("swapped"), to: "sequence-classification", registry: registry)
      #expect(back.restored == ["sequence-classification"])
      let source = try registry.open(Support.fixture("sequence-classification")).checkpoint
      let weights = try #require(back.checkpoint["sequence-classification"]).weights
      for (name, tensor) in try #require(source["sequence-classification"]).weights.tensors {
        #expect(try weights[name]?.isIdentical(to: tensor) == true, "\(name)")
      }
      #expect(try back.checkpoint.configuration.labels() == source.configuration.labels())
    }
  }

  @Test("histories of heads and pooler are written and read, whatever they say")
  func histories() throws {
    try withTemporaryDirectory { directory in
      var pairs = TrainedInputs()
      (pairs.maxLength, pairs.stride, pairs.pairs, pairs.labelBase) = (64, 8, true, -1)
      (pairs.textColumns, pairs.pairColumn, pairs.labelColumns) = (["2", "title"], "b", ["class"])
      let all: [Component.History] = [
        .untrained, .imported(from: "somewhere/model.bin"),
        .trained(on: Component.Training(data: ["a.csv", "b.csv"], examples: 80, steps: 10)),
        .trained(on: Component.Training(data: ["a.csv"], examples: 8, steps: 1, inputs: pairs)),
      ]
      #expect(all[2].description == "trained on 80 examples of a.csv, b.csv, 10 steps")
      let one = Component.Training(data: ["a.csv"], examples: 1, steps: 1)
      #expect(Component.History.trained(on: one).description == "trained on 1 example of a.csv, 1 step")
      let many = Component.Training(data: ["a.csv"], examples: 30584, steps: 1911)
      #expect(
        Component.History.trained(on: many).description == "trained on 30,584 examples of a.csv, 1,911 steps")
      for (index, history) in all.enumerated() {
        let output = directory.appending(path: "\(index)")
        var checkpoint = try registry.open(Support.fixture("pretraining")).checkpoint
        // An active head, a parked one, and the pooler under a head that does not read it.
        checkpoint.activeHead = try registry.heads("masked-lm", of: checkpoint.family)
        for component in checkpoint.components where component.id != Component.backbone {
          checkpoint[component.id]?.history = history
        }
        try checkpoint.write(to: output, registry: registry)
        let opened = try registry.open(output).checkpoint
        for id in ["masked-lm", "next-sentence", Component.pooler] {
          #expect(opened[id]?.history == history, "\(id)")
        }
      }
    }
  }

  @Test("an unknown head lists the known ones")
  func unknownHead() {
    let error = #expect(throws: GraftError.self) {
      try swapHead(Support.fixture("pretraining"), to: "ranking", registry: registry)
    }
    #expect(
      error?.description.contains(
        "masked-lm, multiple-choice, next-sentence, pretraining, question-answering")
        == true)
  }

  /// Writes a detached head of a fixture.
  private func detach(_ name: String, to output: URL) throws {
    try detachHead(Support.fixture(name), registry: registry).write(to: output, registry: registry)
  }

  @Test("an untied decoder stays untied on a backbone whose own head was tied, and the other way round")
  func untiedDecoderMoves() throws {
    try withTemporaryDirectory { directory in
      let pairs = [("untied-decoder", "pretraining", false), ("masked-lm", "untied-decoder", true)]
      for (head, backbone, isTied) in pairs {
        let (detached, output) = (
          directory.appending(path: head), directory.appending(path: "on-\(backbone)")
        )
        try detach(head, to: detached)
        let change = try attachHead(Support.fixture(backbone), head: detached, registry: registry)
        try change.checkpoint.write(to: output, registry: registry)
        let opened = try registry.open(output)
        #expect(opened.stored["cls.predictions.decoder.weight"] == nil ? isTied : !isTied)
        #expect(try opened.checkpoint.configuration.bool("tie_word_embeddings", default: true) == isTied)
      }
    }
  }

  @Test("a trained head on a pooler that is new does not predict")
  func newPooler() throws {
    try withTemporaryDirectory { directory in
      let (head, output) = (directory.appending(path: "head"), directory.appending(path: "model"))
      try detach("sequence-classification", to: head)
      let change = try attachHead(Support.fixture("base-no-pooler"), head: head, registry: registry)
      #expect(change.report.groups.flatMap(\.initialized).contains("bert.pooler.dense.weight"))
      try change.checkpoint.write(to: output, registry: registry)
      var opened = try registry.open(output).checkpoint
      let error = #expect(throws: GraftError.self) { try opened.requireTrainedHead() }
      #expect(error?.description.contains("pooler") == true)
      // It learns with the head even when the backbone is frozen.
      let model = try opened.makeModel(frozen: .backbone)
      let learning = model.parameters.all.filter(\.needsGradient).map(\.name)
      #expect(
        Set(learning) == Set(["pooler.weight", "pooler.bias"]).union(opened.heads[0].weights.tensors.keys))
      let training = Component.Training(data: ["train.csv"], examples: 8, steps: 1)
      opened.markTrained(on: training, parameters: ["sequence_classification.weight"])
      #expect(throws: GraftError.self) { try opened.requireTrainedHead() }
      opened.markTrained(on: training, parameters: ["pooler.weight", "pooler.bias"])
      try opened.requireTrainedHead()
    }
  }

  @Test("a damaged parked head is found when the checkpoint is opened")
  func damagedParkedHead() throws {
    try withTemporaryDirectory { directory in
      let output = directory.appending(path: "model")
      try swap(Support.fixture("sequence-classification"), to: "masked-lm", output: output)
      let weights = Weights([
        "classifier.weight": LazyTensor([Float](repeating: 0, count: 4 * 99), shape: [4, 99]),
        "classifier.bias": LazyTensor([Float](repeating: 0, count: 4), shape: [4]),
      ])
      let file = output.appending(path: "heads/sequence-classification/model.safetensors")
      try registry.formats.find("safetensors").init().write(weights, to: file)
      let error = #expect(throws: GraftError.self) { try registry.open(output) }
      #expect(error?.description.contains("[4, 99]") == true)
    }
  }

  @Test("a folder called heads that Graft did not write is left alone")
  func foreignHeadsFolder() throws {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      try FileManager.default.copyItem(at: Support.fixture("pretraining"), to: model)
      try FileManager.default.createDirectory(
        at: model.appending(path: "heads/notes"), withIntermediateDirectories: true)
      #expect(try registry.open(model).checkpoint.heads.count == 2)
    }
  }

  @Test("a task that the family has no head for is refused with a list of those that it has")
  func headOfAnotherFamily() {
    let source = fixtures.appending(path: "distilbert-tiny/masked-lm")
    #expect(
      errorMessage { _ = try swapHead(source, to: "next-sentence", registry: registry) }
        == "the family 'distilbert' has no head for 'next-sentence'. It has: masked-lm, multiple-choice, question-answering, sequence-classification, token-classification."
    )
  }

  /// BERT, whose usual dialect has no names for the classifier.
  private enum Nameless: Plugin {
    static func register(in registry: inout Registry) throws {
      let family = try Support.registry().families.find("bert")
      let dialect = family.dialects[0]
      let heads = dialect.heads.filter { $0.key != "sequence-classification" }
      let nameless = Dialect(
        name: dialect.name, backbonePrefixes: dialect.backbonePrefixes, files: dialect.files,
        backbone: [dialect.backbone], pooler: dialect.pooler, heads: heads)
      try registry.add(
        Family(
          name: family.name, classPrefix: family.classPrefix, backbone: family.backbone,
          pooler: family.pooler, heads: family.heads,
          dialects: [nameless] + family.dialects.dropFirst()))
    }
  }

  @Test("a head that cannot be written is refused before anything is written or trained")
  func headWithoutNames() throws {
    let others = try builtInPlugins.filter { try Registry([$0]).families["bert"] == nil }
    let registry = try Registry(others + [Nameless.self])
    let expected =
      "the dialect 'transformers' of the family 'bert' has no names for the head 'sequence-classification'. "
      + "It has those of: masked-lm, multiple-choice, next-sentence, question-answering, token-classification."
    let source = Support.fixture("masked-lm")
    #expect(
      errorMessage { _ = try swapHead(source, to: "sequence-classification", registry: registry) } == expected
    )
    // Another dialect has names for it, so that it can be opened and not be written.
    try withTemporaryDirectory { directory in
      let head = directory.appending(path: "head")
      try detachHead(Support.fixture("sequence-classification"), registry: self.registry)
        .write(to: head, OutputOptions(format: "npz"), registry: self.registry)
      #expect(errorMessage { _ = try attachHead(source, head: head, registry: registry) } != nil)
    }
  }

  @Test("a detached head is no checkpoint, and the message says so")
  func detachedHeadIsNoCheckpoint() throws {
    try withTemporaryDirectory { directory in
      let head = directory.appending(path: "head")
      try detach("sequence-classification", to: head)
      let error = #expect(throws: GraftError.self) { try registry.open(head) }
      #expect(error?.description.contains("attachHead") == true)
    }
  }
}
