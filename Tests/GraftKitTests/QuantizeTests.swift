import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// Checkpoints with weights of eight bits: what they hold, what other uses make of them, and what is refused.
@Suite struct QuantizeTests {
  private static let query = "bert.encoder.layer.0.attention.self.query"
  /// The same without the prefix of classes with a head, for all classes.
  private static let target = #"re:(.*\.)?encoder\.layer\.0\.attention\.self\.query$"#

  /// A quantized classifier in a directory of its own.
  private func withQuantized(
    keeping kept: [String] = [], _ body: (_ model: URL, _ directory: URL) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      _ = try quantizeModel(
        Support.fixture("sequence-classification"), to: model, keeping: kept, registry: Support.registry())
      try body(model, directory)
    }
  }

  /// The weights of a file as they stand there.
  private func raw(_ model: URL) throws -> Weights {
    try Support.registry().checkpointFormat("safetensors").open(
      RandomAccessFile(model.appending(path: "model.safetensors")))!.weights
  }

  @Test("a weight is the nearest whole numbers, with a scale for each output, and zeros stay zeros")
  func rounding() throws {
    let values: [Float] = [0.5, -1.27, 0.004, 0, 0, 0, 3, 1, 1e-3]
    let tensor = QuantizedTensor(rounding: LazyTensor(values, shape: [3, 3]), name: "w")
    #expect(try tensor.numbers.integers() == [50, -127, 0, 0, 0, 0, 127, 42, 0])
    #expect(try tensor.checkedScales() == [1.27 / 127, 0, 3 / 127])
    let numbers = try LazyTensor(tensor).floats()
    #expect(numbers[3..<6].allSatisfy { $0 == 0 })
    #expect(zip(numbers, values).allSatisfy { abs($0 - $1) <= 3 / 254 })
  }

  @Test("a file has int8 numbers and float32 scales, and config.json says so")
  func file() throws {
    try withQuantized { model, _ in
      let weights = try raw(model)
      let registry = try Support.registry()
      let source = try registry.open(Support.fixture("sequence-classification")).checkpoint
      #expect(weights["\(Self.query).weight"]?.spec == TensorSpec(.int8, [32, 32]))
      #expect(weights["\(Self.query).weight_scale"]?.spec == TensorSpec(.float32, [32, 1]))
      #expect(weights["bert.pooler.dense.weight"]?.spec.dtype == .float32)
      #expect(weights["classifier.weight"]?.spec.dtype == .float32)
      #expect(weights["bert.embeddings.word_embeddings.weight"]?.spec.dtype == .float32)
      let config = try JSON(parsing: Array(Data(contentsOf: model.appending(path: "config.json"))))
      let settings = config["quantization_config"]
      let group = settings?["config_groups"]?["group_0"]
      #expect(settings?["quant_method"]?.string == "compressed-tensors")
      #expect(group?["targets"]?.array?.count == 12)
      #expect(group?["targets"]?.array?.first?.string == Self.target)
      #expect(group?["weights"]?["strategy"]?.string == "channel")
      #expect(group?["input_activations"]?["strategy"]?.string == "token")

      // The numbers by hand.
      let original = try #require(source["backbone"]?.weights["layers.0.attention.query.weight"]).floats()
      let numbers = try #require(weights["\(Self.query).weight"]).integers()
      let scales = try #require(weights["\(Self.query).weight_scale"]).floats()
      for row in 0..<32 {
        let values = original[row * 32..<(row + 1) * 32]
        let peak = try #require(values.map(abs).max())
        #expect(scales[row] == peak / 127)
        for (place, value) in zip(values.indices, values) {
          #expect(numbers[place] == Int((value * (127 / peak)).rounded(.toNearestOrEven)))
        }
      }
      let lineage = try registry.open(model).checkpoint.lineage
      #expect(lineage.last?.action == "quantize")
    }
  }

  @Test("layers that are kept are those whose names have the words")
  func kept() throws {
    try withQuantized(keeping: ["layer.0", "output.dense"]) { model, _ in
      let rounded = try raw(model).tensors.filter { $0.value.spec.dtype == .int8 }.keys
      #expect(
        Set(rounded)
          == Set(
            ["attention.self.query", "attention.self.key", "attention.self.value", "intermediate.dense"].map {
              "bert.encoder.layer.1.\($0).weight"
            }))
    }
    let registry = try Support.registry()
    var checkpoint = try registry.open(Support.fixture("base")).checkpoint
    let found = errorMessage { _ = try checkpoint.quantize(keeping: ["layer.9"]) }
    #expect(
      found?.hasPrefix("layer 'layer.9': no linear layer of the encoder is called so; expected") == true)
    let all = errorMessage { _ = try checkpoint.quantize(keeping: ["encoder"]) }
    #expect(all?.hasPrefix("no layer is left to be rounded; found 12 linear layers") == true)
  }

  @Test("an embedding in int8 alone does not keep int8 from the layers") func embeddingAlone() throws {
    let registry = try Support.registry()
    let (name, backend) = ("embeddings.position.weight", try registry.makeBackend(threads: 2))
    var batch = Batch()
    batch.append(ids: [2, 9, 30, 3], tokenTypes: [0, 0, 0, 0], positions: [0, 1, 2, 3])
    func scores(
      _ precision: WeightPrecision, _ change: (LazyTensor) -> LazyTensor
    ) throws -> [Float]? {
      var checkpoint = try registry.open(Support.fixture("sequence-classification")).checkpoint
      let index = try #require(checkpoint.components.firstIndex { $0.id == Component.backbone })
      let tensor = try #require(checkpoint.components[index].weights[name])
      checkpoint.components[index].weights[name] = change(tensor)
      let model = try checkpoint.makeModel()
      let session = InferenceSession(model, backend: backend, precision: precision)
      return try session.scores(PreparedBatch(batch)).values.first?.values
    }
    func rounded(_ tensor: LazyTensor) -> LazyTensor {
      LazyTensor(QuantizedTensor(rounding: tensor, name: name))
    }
    let found = try scores(.int8, rounded)
    #expect(try found == scores(.int8) { rounded($0).dequantized })
    #expect(try found != scores(.float32, rounded))
  }

  @Test("layers that are kept multiply in float32 in int8, too") func keptLayersCompute() throws {
    let kept = Set(["attention.output", "feed_forward.output"].map { "layers.1.\($0).weight" })
    try withQuantized(keeping: ["layer.1.attention.output", "layer.1.output"]) { model, _ in
      let registry = try Support.registry()
      let backend = try registry.makeBackend(threads: 2)
      var batch = Batch()
      batch.append(ids: [2, 9, 30, 3], tokenTypes: [0, 0, 0, 0], positions: [0, 1, 2, 3])
      func scores(_ model: URL, keeping kept: Set<String> = []) throws -> [Float]? {
        let model = try registry.open(model).checkpoint.makeModel()
        let session = InferenceSession(model, backend: backend, precision: .int8, keeping: kept)
        return try session.scores(PreparedBatch(batch)).values.first?.values
      }
      let original = Support.fixture("sequence-classification")
      #expect(try scores(model) == scores(original, keeping: kept))
      #expect(try scores(model) != scores(original))
    }
  }

  @Test("a model that stores layers as one keeps them together", arguments: ["layers.0.attention.query"])
  func stacked(_ name: String) throws {
    var checkpoint = try Support.registry().open(fixtures.appending(path: "modernbert-tiny/base")).checkpoint
    let kept = try checkpoint.quantize(keeping: [name]).kept
    #expect(kept.map(\.parameters.count) == [3] && kept[0].name.hasSuffix("layers.0.attn.Wqkv"))
  }

  @Test("float32 and training see what the numbers stand for; a changed weight is no longer whole numbers")
  func dequantized() throws {
    try withQuantized { model, _ in
      let weights = try raw(model)
      let numbers = try #require(weights["\(Self.query).weight"]).integers()
      let scales = try #require(weights["\(Self.query).weight_scale"]).floats()
      let made = try Support.registry().open(model).checkpoint.makeModel()
      let parameter = try #require(made.parameters["layers.0.attention.query.weight"])
      #expect(parameter.quantized != nil)
      #expect(parameter.value.values == numbers.enumerated().map { Float($1) * scales[$0 / 32] })
      parameter.value.pointer[0] = 100
      parameter.weightsDidChange()
      #expect(parameter.quantized == nil)
    }
  }

  @Test("what is written keeps the numbers in safetensors, and has float32 elsewhere, said in a note")
  func written() throws {
    try withQuantized { model, directory in
      let registry = try Support.registry()
      let change = "weights of eight bits are written as what they stand for, in float32"
      func hasSettings(_ url: URL) throws -> Bool {
        try JSON(parsing: Array(Data(contentsOf: url.appending(path: "config.json"))))[
          "quantization_config"] != nil
      }
      for (name, options, isKept) in [
        ("same", OutputOptions(), true), ("shards", OutputOptions(shardLimit: 20_000), true),
        ("float32", OutputOptions(dtype: "float32"), false), ("half", OutputOptions(dtype: "float16"), false),
        ("npz", OutputOptions(format: "npz"), false), ("pytorch", OutputOptions(format: "pytorch"), false),
      ] {
        let output = directory.appending(path: name)
        let report = try exportModel(model, to: output, options: options, registry: registry)
        let opened = try registry.open(output)
        #expect((opened.checkpoint.quantizedCount == 12) == isKept, "\(name)")
        #expect(try hasSettings(output) == isKept, "\(name)")
        #expect(report.notes.contains(change) == (!isKept && name != "half"), "\(name)")
        #expect(report.notes.count { $0.contains("eight bits") } == (isKept ? 1 : 2), "\(name)")
        if name != "half" { #expect(try compare(model, output, registry: registry).isEmpty, "\(name)") }
      }
      // A swap of heads writes the encoder as it is.
      let swapped = directory.appending(path: "swapped")
      try swapHead(model, to: "masked-lm", registry: registry).checkpoint.write(
        to: swapped, registry: registry)
      #expect(try registry.open(swapped).checkpoint.quantizedCount == 12 && hasSettings(swapped))
    }
  }

  @Test("a model of eight bits is not quantized again", arguments: [[], ["layer.0"]])
  func again(_ kept: [String]) throws {
    try withQuantized(keeping: kept) { model, directory in
      let output = directory.appending(path: "again")
      let message = errorMessage {
        _ = try quantizeModel(model, to: output, keeping: ["layer.1"], registry: Support.registry())
      }
      #expect(
        message?.hasPrefix(
          "layers of the encoder are whole numbers of eight bits already; found 'bert.encoder.layer.") == true
      )
      #expect(message?.hasSuffix(" more. Quantize the model that they were made from.") == true)
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }

  @Test(
    "the card says what became of the layers and how large the weights are, until they are floating-point again"
  )
  func card() throws {
    try withQuantized(keeping: ["layer.0"]) { model, directory in
      func text(_ url: URL) throws -> String {
        try String(contentsOf: url.appending(path: "README.md"), encoding: .utf8)
      }
      let found = try text(model)
      #expect(found.contains("## Weights of eight bits\n\n6 linear layers of the encoder, of 8,192 weights"))
      #expect(found.contains("were kept too: `bert.encoder.layer.0.attention.self.query`, `bert."))
      let (before, after) = (try raw(Support.fixture("sequence-classification")), try raw(model))
      let sizes = [after, before].map { "\(Int((Double($0.byteCount) / 1000).rounded())) kB" }
      #expect(found.contains("The weights take \(sizes[0]), and \(sizes[1]) before."), "\(sizes) \(found)")
      let registry = try Support.registry()
      for (options, isKept) in [(OutputOptions(), true), (OutputOptions(dtype: "float32"), false)] {
        let output = directory.appending(path: "\(isKept)")
        try exportModel(model, to: output, options: options, registry: registry)
        #expect(try text(output).contains("eight bits") == isKept)
      }
    }
  }

  // MARK: Bad input

  static let otherSettings: [Refusal<[String: JSON]>] = {
    func problem(_ path: String, _ rest: String) -> String {
      "config.json: key 'quantization_config.\(path)': weights of eight bits are read as whole numbers with one scale for each "
        + "output; \(rest). Take the model's float32 weights."
    }
    let weights: JSON = [
      "num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel", "dynamic": false,
    ]
    let group = "config_groups.group_0"
    func changing(_ key: String, _ value: JSON) -> [String: JSON] {
      var changed = weights.object ?? [:]
      changed[key] = value
      return ["weights": .object(changed)]
    }
    return [
      Refusal(
        "four bits", changing("num_bits", 4), problem("\(group).weights.num_bits", "expected 8, found 4")),
      Refusal(
        "floats", changing("type", "float"),
        problem("\(group).weights.type", #"expected "int", found "float""#)),
      Refusal(
        "zero points", changing("symmetric", false),
        problem("\(group).weights.symmetric", "expected true, found false")),
      Refusal(
        "groups", changing("strategy", "group"),
        problem("\(group).weights.strategy", #"expected "channel", found "group""#)),
      Refusal(
        "dynamic weights", changing("dynamic", true),
        problem("\(group).weights.dynamic", "expected false, found true")),
      Refusal(
        "no targets", ["targets": .null],
        problem("\(group).targets", "expected the names of layers, found null")),
      Refusal(
        "empty targets", ["targets": []],
        problem("\(group).targets", "expected the names of layers, found []")),
      Refusal(
        "static activations", ["input_activations": weights],
        problem("\(group).input_activations.strategy", #"expected "token", found "channel""#)),
      Refusal(
        "no strategy", changing("strategy", .null),
        problem("\(group).weights.strategy", #"expected "channel", found nothing"#)),
      Refusal(
        "groups by their size", changing("group_size", 64),
        problem("\(group).weights.group_size", "expected -1, found 64")),
      Refusal(
        "another order", changing("actorder", "weight"),
        problem("\(group).weights.actorder", #"expected nothing, found "weight""#)),
      Refusal(
        "a group's own format", ["format": "pack-quantized"],
        problem("\(group).format", #"expected "int-quantized" or "naive-quantized", found "pack-quantized""#)),
      Refusal(
        "what is not known of a group", ["rotation": 1],
        problem("\(group).rotation", "expected nothing, found 1")),
      Refusal(
        "outputs", ["output_activations": weights],
        problem("\(group).output_activations", "expected none, found \(weights.text())")),
    ]
  }()

  @Test("settings of other kinds of weights are refused by their key", arguments: otherSettings)
  func settings(_ refusal: Refusal<[String: JSON]>) throws {
    try withQuantized { model, _ in
      let file = model.appending(path: "config.json")
      var config = try JSON(file: file).object ?? [:]
      var settings = config["quantization_config"]?.object ?? [:]
      var groups = settings["config_groups"]?.object ?? [:]
      var group = groups["group_0"]?.object ?? [:]
      for (key, value) in refusal.input { group[key] = value }
      groups["group_0"] = .object(group)
      settings["config_groups"] = .object(groups)
      config["quantization_config"] = .object(settings)
      try Data(JSON.object(config).text().utf8).write(to: file)
      let message = errorMessage(in: model) { _ = try Support.registry().open(model) }
      #expect(message == refusal.message)
    }
  }

  private func opens(_ model: URL, with changes: [String: JSON]) throws -> String? {
    let file = model.appending(path: "config.json")
    let before = try Data(contentsOf: file)
    var config = try JSON(file: file).object ?? [:]
    let settings = config["quantization_config"]?.object ?? [:]
    config["quantization_config"] = .object(settings.merging(changes) { $1 })
    try Data(JSON.object(config).text().utf8).write(to: file)
    let message = errorMessage(in: model) { _ = try Support.registry().open(model) }
    try before.write(to: file)
    return message
  }

  @Test("settings beside the groups that change numbers are refused, others are not") func settingsBeside()
    throws
  {
    try withQuantized { model, _ in
      for (key, value) in [
        ("transform_config", ["config_groups": ["u": ["type": "hadamard"]]]),
        ("sparsity_config", ["format": "sparse-24-bitmask"]), ("kv_cache_scheme", ["num_bits": 8]),
      ] as [(String, JSON)] {
        let message = try opens(model, with: [key: value]) ?? ""
        #expect(
          message.hasPrefix("config.json: key 'quantization_config.\(key)': ")
            && message.contains("; expected nothing, found \(value.text())."), "\(message)")
      }
      #expect(
        try opens(
          model,
          with: [
            "transform_config": [:], "kv_cache_scheme": .null, "ignore": ["lm_head"], "version": "0.20.1",
            "sparsity_config": ["format": "dense", "targets": []], "global_compression_ratio": 1.5,
          ]) == nil)
    }
  }

  /// What stands in a file in the place of a tensor; `nil` is nothing.
  struct Change: Sendable {
    let name: String
    let tensor: LazyTensor?
  }

  static let broken: [Refusal<Change>] = {
    let (weight, scale) = ("\(query).weight", "\(query).weight_scale")
    func scales(_ values: [Float], _ shape: [Int]) -> Change {
      Change(name: scale, tensor: LazyTensor(values, shape: shape))
    }
    let ones = [Float](repeating: 1, count: 32)
    func replacing(_ value: Float) -> Change {
      scales(ones.dropLast() + [value], [32, 1])
    }
    let advice = " Quantize the model again, or take its float32 weights."
    let notPositive =
      "tensor '\(scale)': a scale is no positive number, or makes numbers infinite; expected numbers from 0 to 1.3292279e+36, found"
    let tooFew =
      "tensor '\(scale)': a weight needs a scale for each of its outputs; expected float32 [32], found"
    let again = " The file is broken; quantize the model again."
    return [
      Refusal(
        "no scales", Change(name: scale, tensor: nil),
        "tensor '\(weight)': whole numbers without their scales; expected a tensor '\(scale)' of float32 [32], found nothing.\(advice)"
      ),
      Refusal("fewer", scales([1, 1], [2]), "\(tooFew) float32 [2].\(advice)"),
      Refusal("none", scales([], [0]), "\(tooFew) float32 [0].\(advice)"),
      Refusal("one for all", scales([1], []), "\(tooFew) float32 [].\(advice)"),
      Refusal("for inputs", scales(ones, [1, 32]), "\(tooFew) float32 [1, 32].\(advice)"),
      Refusal(
        "integers", Change(name: scale, tensor: LazyTensor([Int64](repeating: 1, count: 32), shape: [32])),
        "\(tooFew) int64 [32].\(advice)"),
      Refusal("negative", replacing(-0.5), "\(notPositive) -0.5 at 31.\(again)"),
      Refusal("NaN", replacing(.nan), "\(notPositive) nan at 31.\(again)"),
      Refusal("infinite", replacing(.infinity), "\(notPositive) inf at 31.\(again)"),
      Refusal("too large", replacing(3e38), "\(notPositive) 3e+38 at 31.\(again)"),
      Refusal(
        "no matrix",
        Change(
          name: weight,
          tensor: LazyTensor(TensorSpec(.int8, [1024]), bytes: [UInt8](repeating: 0, count: 1024))),
        "tensor '\(weight)': a tensor with scales is no matrix of whole numbers; expected int8 of two extents, found int8 [1024]."
      ),
    ]
  }()

  @Test("a file with many weights in int8 is opened in a moment", .timeLimit(.minutes(1)))
  func manyWeights() throws {
    let count = 20_000
    var weights = Weights(metadata: ["format": "pt"])
    weights["first"] = LazyTensor([1, 2, 3] as [Float], shape: [3])
    for index in 0..<count {
      weights["w\(index)"] = LazyTensor(TensorSpec(.int8, [1, 1]), bytes: [3])
      weights["w\(index)_scale"] = LazyTensor([Float(index)], shape: [1])
    }
    weights["alone_scale"] = LazyTensor([1] as [Float], shape: [1])
    let joined = try weights.joiningScales()
    #expect(joined.tensors.keys.elements == ["first"] + (0..<count).map { "w\($0)" } + ["alone_scale"])
    #expect(try joined["w77"]?.floats() == [231])
    #expect(joined.metadata == weights.metadata)
  }

  @Test("scales that are missing, or say nothing, are refused by name", arguments: broken)
  func refused(_ refusal: Refusal<Change>) throws {
    try withQuantized { model, _ in
      let registry = try Support.registry()
      var weights = try raw(model)
      weights[refusal.input.name] = refusal.input.tensor
      // In memory before the file is replaced.
      for (name, tensor) in weights.tensors {
        weights[name] = LazyTensor(tensor.spec, bytes: try tensor.bytes())
      }
      let file = model.appending(path: "model.safetensors")
      try FileManager.default.removeItem(at: file)
      try registry.checkpointFormat("safetensors").write(ModelFile(weights), to: file)
      #expect(makingMessage(model) == refusal.message)
      // Who writes names what it writes.
      let problem = String(refusal.message.split(separator: ": ", maxSplits: 1)[1])
      for options in [OutputOptions(), OutputOptions(format: "pytorch")] {
        #expect(writingMessage(model, options).contains(problem))
      }
    }
  }

  /// The error of making a model, without the file.
  private func makingMessage(_ model: URL) -> String {
    let message = errorMessage(in: model) { _ = try Support.registry().open(model).checkpoint.makeModel() }
    return (message ?? "").replacing("model.safetensors: ", with: "", maxReplacements: 1)
  }

  /// The error of writing it.
  private func writingMessage(_ model: URL, _ options: OutputOptions) -> String {
    errorMessage {
      let registry = try Support.registry()
      try registry.open(model).checkpoint.write(to: model.appending(path: "out"), options, registry: registry)
    } ?? ""
  }

  @Test(
    "a weight that is not finite is refused by name, and nothing is written",
    arguments: [Float.nan, .infinity])
  func notFinite(_ value: Float) throws {
    try withTemporaryDirectory { directory in
      let registry = try Support.registry()
      let source = directory.appending(path: "source")
      var checkpoint = try registry.open(Support.fixture("base")).checkpoint
      let name = "layers.1.feed_forward.output.weight"
      var values = try #require(checkpoint["backbone"]?.weights[name]).floats()
      values[5] = value
      checkpoint["backbone"]?.weights[name] = LazyTensor(values, shape: [32, 64])
      try checkpoint.write(to: source, registry: registry)
      let output = directory.appending(path: "output")
      let message = errorMessage { _ = try quantizeModel(source, to: output, registry: registry) }
      #expect(
        message?.contains(
          "source/model.safetensors: tensor 'encoder.layer.1.output.dense.weight': a weight is not finite, so that it has no scale for int8"
        )
          == true, "\(message ?? "")")
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }
}
