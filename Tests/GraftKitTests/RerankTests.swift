import Foundation
import GraftCompute
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

@testable import GraftCore
@testable import GraftKit

@Suite struct RerankTests {
  private static func json(_ file: URL) throws -> JSON { try JSON(parsing: Array(Data(contentsOf: file))) }

  /// A folder like a fixture, with other files beside it, and with more in its configuration.
  private func withFolder<Result>(
    of name: String, files: [(String, JSON)] = [], settings: [(String, JSON)] = [],
    _ body: (URL) throws -> Result
  ) throws -> Result {
    try withTemporaryDirectory { directory in
      let source = fixtures.appending(path: "bert-tiny/\(name)")
      let folder = directory.appending(path: "folder")
      try FileManager.default.copyItem(at: source, to: folder)
      let configuration = folder.appending(path: "config.json")
      guard case .object(var members) = try Self.json(configuration) else { return try #require(nil) }
      for (key, value) in settings { members[key] = value }
      for (file, text) in files + [("config.json", .object(members))] {
        try Data(text.text().utf8).write(to: folder.appending(path: file))
      }
      return try body(folder)
    }
  }

  /// The scores of sentence-transformers, in `Fixtures/sentences/rankings.json`; the folder is written as it was.
  @Test func scoresOfSentenceTransformers() throws {
    let golden = try Self.json(fixtures.appending(path: "sentences/rankings.json"))
    let texts = try #require(golden["texts"]?.array).compactMap(\.string)
    let query = try #require(golden["query"]?.string)
    let cases = try #require(golden["cases"]?.array)
    #expect(cases.count == 11)
    let registry = try Registry.builtIn()
    for item in cases {
      let files = try #require(item["files"]?.object).map { ($0.key, $0.value) }
      let expected = try #require(item["scores"]?.array).map { ($0.array ?? []).compactMap(\.double) }
      try withFolder(of: #require(item["model"]?.string), files: files) { folder in
        let checkpoint = try registry.open(folder).checkpoint
        let written = folder.appending(path: "written")
        try checkpoint.write(to: written, registry: registry)
        for (name, file) in files { #expect(try Self.json(written.appending(path: name)) == file) }
        for checkpoint in [checkpoint, try registry.open(written).checkpoint] {
          let model = try checkpoint.makeModel()
          let labels = try checkpoint.configuration.labels()
          for (output, label) in labels.enumerated() {
            let ranked = try rerank(
              texts, query: query, with: InferenceSession(model, backend: ReferenceBackend(threads: 1)),
              #require(checkpoint.crossEncoder),
              label: labels.count == 1 ? nil : label, batchSize: 4)
            #expect(ranked.map(\.index).sorted() == Array(texts.indices))
            #expect(zip(ranked, ranked.dropFirst()).allSatisfy { $0.score >= $1.score })
            for text in ranked {
              #expect(abs(Double(text.score) - expected[text.index][output]) < 1e-5, "\(item.text())")
            }
          }
        }
      }
    }
  }

  @Test func equalScoresKeepTheOrderOfTheTexts() {
    #expect(ranked([0.5, 2, -1, 2, 0.5]).map(\.index) == [1, 3, 0, 4, 2])
  }

  /// Where older versions say the activation; the configuration counts before the folder's own file.
  @Test func activationsInTheConfiguration() throws {
    let identity: JSON = "torch.nn.modules.linear.Identity"
    let own: JSON = ["model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.activation.Tanh"]
    let file = "config_sentence_transformers.json"
    let registry = try Registry.builtIn()
    func activation(_ files: [(String, JSON)], _ settings: [(String, JSON)]) throws -> CrossEncoder
      .Activation?
    {
      try withFolder(of: "regression", files: files, settings: settings) {
        try registry.open($0).checkpoint.crossEncoder?.activation
      }
    }
    #expect(try activation([], []) == nil)
    #expect(CrossEncoder(outputs: 1).activation == .sigmoid)
    #expect(CrossEncoder(outputs: 3).activation == .identity)
    #expect(try activation([], [("sbert_ce_default_activation_function", identity)]) == .identity)
    #expect(try activation([], [("sentence_transformers", ["activation_fn": identity])]) == .identity)
    #expect(try activation([(file, own)], []) == .tanh)
    #expect(
      try activation([(file, own)], [("sentence_transformers", ["activation_fn": identity])]) == .identity)
    #expect(try activation([(file, ["model_type": "CrossEncoder"])], []) == .sigmoid)
    #expect {
      try activation([(file, ["model_type": "CrossEncoder", "activation_fn": "my.Own"])], [])
    } throws: { error in
      "\(error)".contains(
        "key 'activation_fn': an activation that is not known; expected one of Identity, Sigmoid, ")
    }
    #expect {
      try activation(
        [(file, own), ("modules.json", [["idx": 0, "name": "0", "path": "", "type": "a.b.LogitScore"]])], [])
    } throws: { error in
      "\(error)".contains("modules.json: modules that are not supported; expected a Transformer alone")
    }
  }

  private static let encoderFiles: [(String, JSON)] = [
    ("modules.json", [["idx": 0, "name": "0", "path": "", "type": "a.Transformer"]]),
    ("config_sentence_transformers.json", ["model_type": "CrossEncoder"]),
  ]

  /// What a classifier says of a pair.
  private func score(_ folder: URL) throws -> Float {
    try score(of: Registry.builtIn().open(folder).checkpoint)
  }

  private func score(of checkpoint: Checkpoint) throws -> Float {
    let model = try checkpoint.makeModel()
    let row = TextRow("can he", pair: "he can do it, and so can she")
    let found = try predict(
      InferenceSession(model, backend: ReferenceBackend(threads: 1)),
      on: Dataset([row], for: model, requiringLabels: false))
    return try #require(found.first?.scores.first)
  }

  @Test(
    "a length limit that is none is passed over, and a small one cuts",
    arguments: [0, -1, .min, 1 << 30, 1, 2, 3, 8] as [Int])
  func lengthLimits(_ length: Int) throws {
    func score(_ limit: JSON) throws -> Float {
      try withFolder(
        of: "regression", files: Self.encoderFiles + [("sentence_bert_config.json", limit)], self.score)
    }
    let (found, whole) = (try score(["max_seq_length": JSON(length)]), try score([:]))
    #expect((found == whole) == !(1...8).contains(length))
    try withFolder(
      of: "regression",
      files: Self.encoderFiles + [("sentence_bert_config.json", ["max_seq_length": JSON(length)])]
    ) {
      let limit = try Registry.builtIn().open($0).checkpoint.crossEncoder?.maximumLength
      #expect(limit == ((1...8).contains(length) ? length : nil))
    }
  }

  @Test("a cross-encoder that is swapped for a language model and back is one again")
  func swapped() throws {
    let own: JSON = ["model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.activation.Tanh"]
    let files = [Self.encoderFiles[0], ("config_sentence_transformers.json", own)]
    try withFolder(of: "regression", files: files + [("sentence_bert_config.json", ["max_seq_length": 30])]) {
      folder in
      let registry = try Registry.builtIn()
      let places = ["adapted", "back"].map { folder.appending(path: $0) }
      for (source, (place, head)) in zip(
        [folder] + places, zip(places, ["masked-lm", "sequence-classification"]))
      {
        try swapHead(source, to: head, registry: registry).checkpoint.write(to: place, registry: registry)
      }
      let name = "modules.json"
      #expect(!FileManager.default.fileExists(atPath: places[0].appending(path: name).path))
      for (name, file) in files { #expect(try Self.json(places[1].appending(path: name)) == file) }
      let encoder = try #require(registry.open(places[1]).checkpoint.crossEncoder)
      #expect(encoder.activation == .tanh && encoder.maximumLength == 30)
      #expect(try score(places[1]) == score(folder))
    }
  }

  /// The files of an encoder whose scores are tanh of its logits.
  private static let tanhFiles: [(String, JSON)] = [
    encoderFiles[0],
    (
      "config_sentence_transformers.json",
      ["model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.activation.Tanh"]
    ),
    ("sentence_bert_config.json", ["max_seq_length": 30]),
  ]

  private func files(in folder: URL) throws -> [JSON?] {
    try Self.tanhFiles.map { name, _ in
      let file = folder.appending(path: name)
      return FileManager.default.fileExists(atPath: file.path) ? try Self.json(file) : nil
    }
  }

  @Test(
    "a cross-encoder whose head is parked is one again when that is selected, whatever is active instead",
    arguments: [
      ("masked-lm", nil), ("token-classification", ["a"]), ("sequence-classification", ["a", "b"]),
    ])
  func parked(_ other: String, _ labels: [String]?) throws {
    try withFolder(of: "regression", files: Self.tanhFiles) { folder in
      let registry = try Registry.builtIn()
      let (parked, back) = (folder.appending(path: "parked"), folder.appending(path: "back"))
      let swapped = try swapHead(folder, to: other, labels: labels, registry: registry).checkpoint
      try swapped.write(to: parked, registry: registry)
      let own = "sequence-classification"
      let id = other == own ? "\(own).2" : own
      let (none, all) = ([JSON?](repeating: nil, count: 3), Self.tanhFiles.map { JSON?.some($0.1) })
      #expect(try files(in: parked) == none)
      #expect(try files(in: parked.appending(path: "heads/\(id)")) == all)
      let expected = try score(folder)
      for checkpoint in [swapped, try registry.open(parked).checkpoint] {
        #expect(checkpoint.crossEncoder == nil)
        let selected = try checkpoint.selecting(head: id)
        #expect(selected.crossEncoder?.activation == .tanh && selected.crossEncoder?.maximumLength == 30)
        #expect(try score(of: selected) == expected)
        // The head that gives its place has none of it.
        let again = try selected.selecting(head: other == own ? id : other)
        #expect(again.crossEncoder == nil && again.activeHead?.name == other)
      }
      try registry.open(parked).checkpoint.selecting(head: id).write(to: back, registry: registry)
      #expect(try files(in: back) == all)
      #expect(try files(in: back.appending(path: "heads/\(other == own ? id : other)")) == none)
      #expect(try score(back) == expected)
    }
  }

  @Test("files of a cross-encoder go with its head where that is detached, and come with it")
  func detached() throws {
    try withFolder(of: "regression", files: Self.tanhFiles) { folder in
      let registry = try Registry.builtIn()
      let (head, other) = (folder.appending(path: "head"), folder.appending(path: "other"))
      try detachHead(folder, registry: registry).write(to: head, registry: registry)
      try swapHead(folder, to: "sequence-classification", labels: ["a", "b"], registry: registry)
        .checkpoint.write(to: other, registry: registry)
      let attached = try attachHead(other, head: head, registry: registry).checkpoint
      #expect(attached.crossEncoder?.maximumLength == 30)
      #expect(try score(of: attached) == score(folder))
    }
  }

  @Test(
    "a broken file beside a parked head is kept as it is, and matters once the head is active",
    arguments: [
      ("config_sentence_transformers.json", #"{"model_type": "CrossEncoder", "activation_fn": "a.Own"}"#),
      ("modules.json", "[{"), ("modules.json", #"[{"idx": 0, "path": "", "type": "a.LogitScore"}]"#),
    ])
  func unread(_ name: String, _ text: String) throws {
    try withFolder(of: "regression", files: Self.tanhFiles) { folder in
      let registry = try Registry.builtIn()
      let (parked, again) = (folder.appending(path: "parked"), folder.appending(path: "again"))
      try swapHead(folder, to: "masked-lm", registry: registry).checkpoint.write(
        to: parked, registry: registry)
      let head = "heads/sequence-classification"
      try Data(text.utf8).write(to: parked.appending(path: "\(head)/\(name)"))
      // What is not the head's does not go along, wherever it leads.
      try Data("other".utf8).write(to: parked.appending(path: "\(head)/other.safetensors"))
      try FileManager.default.createDirectory(
        at: parked.appending(path: "\(head)/sub"), withIntermediateDirectories: false)
      try FileManager.default.createSymbolicLink(
        atPath: parked.appending(path: "\(head)/sentence_own_config.json").path,
        withDestinationPath: "/etc/hostname")
      let opened = try registry.open(parked)
      let note = "the head 'sequence-classification' cannot be made active: \(parked.path)/\(head)/\(name)"
      #expect(opened.report.notes.contains { $0.hasPrefix(note) }, "\(opened.report.notes)")
      #expect(throws: GraftError.self) { try opened.checkpoint.selecting(head: "sequence-classification") }
      #expect(throws: GraftError.self) {
        try swapHead(parked, to: "sequence-classification", registry: registry)
      }
      try swapHead(parked, to: "token-classification", labels: ["a", "b"], registry: registry)
        .checkpoint.write(to: again, registry: registry)
      #expect(try String(contentsOf: again.appending(path: "\(head)/\(name)"), encoding: .utf8) == text)
      let names = try FileManager.default.contentsOfDirectory(atPath: again.appending(path: head).path)
      #expect(
        Set(names) == Set(["config.json", "graft.json", "model.safetensors"] + Self.tanhFiles.map(\.0)))
    }
  }

  @Test("what is unknown of a parked cross-encoder is asked of its own configuration")
  func ownConfiguration() throws {
    try withFolder(of: "regression", files: Self.encoderFiles) { folder in
      let registry = try Registry.builtIn()
      // Of three labels the usual activation is none; of one it is the sigmoid.
      let checkpoint = try swapHead(
        folder, to: "sequence-classification", labels: ["a", "b", "c"], registry: registry
      ).checkpoint
      let parked = folder.appending(path: "parked")
      try checkpoint.write(to: parked, registry: registry)
      let selected = try registry.open(parked).checkpoint.selecting(head: "sequence-classification.2")
      #expect(selected.crossEncoder?.activation == .sigmoid)
    }
  }

  @Test("what a task is told beside config.json is not read from there")
  func keysOfOtherFiles() throws {
    let settings: [(String, JSON)] = ["cross_encoder_", ""].flatMap { prefix -> [(String, JSON)] in
      [
        ("\(prefix)activation", "Sigmoid"), ("\(prefix)activation_fn", "Sigmoid"),
        ("\(prefix)max_length", -4), ("max_seq_length", -4),
      ]
    }
    #expect(
      try withFolder(of: "regression", settings: settings, score) == withFolder(of: "regression", score))
    let vectors: [(String, JSON)] = [
      ("max_seq_length", 3), ("do_lower_case", true), ("similarity_fn_name", "none"),
      ("sentence_loss_scale", "none"), ("prompts_of_texts", ["a", "b", "c"]),
    ]
    try withFolder(of: "base", settings: vectors) { folder in
      let registry = try Registry.builtIn()
      var checkpoint = try registry.open(folder).checkpoint
      try checkpoint.selectTask("sentence-embedding", registry: registry)
      let task = try #require(checkpoint.makeTasks().first)
      #expect(task.maximumLength == nil)
      var row = TextRow("He can")
      row.fields["positive"] = "She can"
      #expect(try task.sequences(of: row).map(\.text) == ["He can", "She can"])
    }
  }

  @Test("numbers learnt in place of scores leave other members of the file as they are")
  func otherMembers() throws {
    let members: JSON = [
      "version": "5.1.0", "activation_fn": "torch.nn.modules.activation.Sigmoid", "prompt_template": "x",
    ]
    try withFolder(of: "regression", settings: [("sentence_transformers", members)]) { folder in
      var checkpoint = try Registry.builtIn().open(folder).checkpoint
      checkpoint.predictNumbers()
      #expect(
        checkpoint.configuration["sentence_transformers"] == [
          "version": "5.1.0", "activation_fn": "torch.nn.modules.linear.Identity", "prompt_template": "x",
        ])
    }
  }

  @Test("an activation in the configuration is parked with its head and comes back with it")
  func activationOfAHead() throws {
    let said: JSON = ["activation_fn": "torch.nn.modules.linear.Identity"]
    try withFolder(of: "regression", settings: [("sentence_transformers", said)]) { folder in
      let registry = try Registry.builtIn()
      let (other, back) = (folder.appending(path: "other"), folder.appending(path: "back"))
      try swapHead(folder, to: "sequence-classification", labels: ["closeness"], registry: registry)
        .checkpoint.write(to: other, registry: registry)
      let new = try registry.open(other).checkpoint
      #expect(new.crossEncoder == nil && new.configuration["sentence_transformers"] == nil)
      try swapHead(other, to: "sequence-classification.2", registry: registry)
        .checkpoint.write(to: back, registry: registry)
      let old = try registry.open(back).checkpoint
      #expect(old.crossEncoder?.activation == .identity)
      #expect(old.configuration["sentence_transformers"] == said)
    }
  }

  @Test func headsThatCannotSort() throws {
    let registry = try Registry.builtIn()
    func message(_ name: String, label: String? = nil) throws -> String {
      let checkpoint = try registry.open(fixtures.appending(path: "bert-tiny/\(name)")).checkpoint
      let error = try #require(throws: GraftError.self) {
        try rerank(
          ["a"], query: "b",
          with: InferenceSession(checkpoint.makeModel(), backend: ReferenceBackend(threads: 1)),
          CrossEncoder(outputs: 1), label: label)
      }
      return "\(error)"
    }
    #expect(
      try message("masked-lm")
        == "the head 'masked-lm' does not label pairs as a whole, and cannot sort texts. Swap it for one that does: 'swapHead(to: \"NAME\")'."
    )
    #expect(try message("token-classification").contains("does not label pairs as a whole"))
    #expect(
      try message("sequence-classification").hasPrefix(
        "the head has several labels; expected the label to sort by: World, Sports, Business, Sci/Tech."))
    #expect(
      try message("sequence-classification", label: "Weather")
        == "'Weather': the head has no such label; expected World, Sports, Business, Sci/Tech.")
  }

  /// A weight that is not a number makes scores that are none, for every command that shows them.
  @Test func scoresThatAreNoNumbers() throws {
    let registry = try Registry.builtIn()
    func model(_ name: String, _ parameter: String) throws -> Model {
      let model = try registry.open(fixtures.appending(path: "bert-tiny/\(name)")).checkpoint.makeModel()
      let parameter = try #require(
        model.parameters.all.last { $0.name.contains(parameter) && $0.name.hasSuffix("bias") })
      parameter.value.buffer[0] = .nan
      return model
    }
    let backend = try ReferenceBackend(threads: 1)
    let rows = [TextRow("he can")]
    let classifier = try model("regression", "sequence_classification")
    let encoder = try model("base", "layers.1.feed_forward.norm")
    let predictor = try model("masked-lm", "layers.1.feed_forward.norm")
    let ranking = errorMessage {
      _ = try rerank(
        ["he"], query: "can", with: InferenceSession(classifier, backend: backend), CrossEncoder(outputs: 1))
    }
    #expect(
      ranking?.hasPrefix("the model computes scores that are not numbers; expected numbers, found NaN.")
        == true)
    let predicting = errorMessage {
      let data = try Dataset(rows, for: classifier, requiringLabels: false)
      _ = try predict(InferenceSession(classifier, backend: backend), on: data)
    }
    #expect(predicting?.hasPrefix("the model computes scores that are not numbers") == true)
    let embedding = errorMessage {
      let options = EmbeddingOptions(SentencePipeline(pooling: .mean))
      _ = try embed(rows, with: InferenceSession(encoder, backend: backend), options)
    }
    #expect(embedding?.hasPrefix("the model computes vectors that are not numbers") == true)
    let filling = errorMessage {
      _ = try fillMask("he [MASK]", with: InferenceSession(predictor, backend: backend))
    }
    #expect(filling?.hasPrefix("the model computes scores that are not numbers") == true)
  }
}
