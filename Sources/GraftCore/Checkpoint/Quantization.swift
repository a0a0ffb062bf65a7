import GraftTensors
import OrderedCollections

/// What rounding a checkpoint's linear layers to eight bits has done.
public struct Quantization: Sendable {
  /// A linear layer of the encoder.
  public struct Layer: Sendable {
    /// What it is called where the model is stored: `bert.encoder.layer.0.attention.self.query`.
    public let name: String
    /// The canonical names of the parameters that are its weight: several where a file stores them as one.
    public fileprivate(set) var parameters: [String]
    /// The number of its weights.
    public fileprivate(set) var count: Int
    /// Whether it stays in floating-point numbers.
    public fileprivate(set) var isKept: Bool
  }

  /// In the order of computing.
  public let layers: [Layer]
  /// How large all weights of the checkpoint are before and afterwards, heads and embeddings among them.
  public let bytesBefore: Int
  public let bytes: Int

  /// Those that are whole numbers now.
  public var rounded: [Layer] { layers.filter { !$0.isKept } }
  /// Those that are not.
  public var kept: [Layer] { layers.filter(\.isKept) }
}

extension Checkpoint {
  /// Rounds the weights of the encoder's linear layers to int8, with a scale for each output, as an inference session in
  /// int8 does. They are rounded when they are read.
  ///
  /// - Parameter kept: The layers that stay in floating-point numbers, each by its name or by some of the words of it
  ///   between dots: `layer.0` and `attention.output` are layers, too.
  /// - Returns: What became of each layer.
  /// - Throws: `GraftError` when no layer has one of the names, all are kept, some are whole numbers already, of which what
  ///   they were before is lost, or the configuration is not usable.
  public mutating func quantize(keeping kept: [String] = []) throws -> Quantization {
    let layers = try linearLayers(keeping: kept)
    let before = storedByteCount
    guard let index = components.firstIndex(where: { $0.id == Component.backbone }) else {
      return Quantization(layers: [], bytesBefore: before, bytes: before)
    }
    let weights = components[index].weights
    let quantized = layers.filter { $0.parameters.contains { weights[$0]?.quantized != nil } }
    guard quantized.isEmpty else {
      throw GraftError(
        .refused, "layers of the encoder are whole numbers of eight bits already",
        found: LoadReport.sample(quantized.map(\.name)),
        advice: "Quantize the model that they were made from.")
    }
    guard layers.contains(where: { !$0.isKept }) else {
      throw GraftError(
        .refused, "no layer is left to be rounded", found: "\(layers.count) linear layers, all kept",
        advice: "Keep fewer layers in float32.")
    }
    for layer in layers where !layer.isKept {
      for parameter in layer.parameters {
        guard let tensor = weights[parameter] else { continue }
        components[index].weights[parameter] =
          LazyTensor(QuantizedTensor(rounding: tensor, name: layer.name + ".weight"))
      }
    }
    return Quantization(layers: layers, bytesBefore: before, bytes: storedByteCount)
  }

  /// The linear layers of the encoder, whose products an inference session rounds.
  private func linearLayers(keeping kept: [String]) throws -> [Quantization.Layer] {
    let backbone = try makeBackbone()
    let weights = self[Component.backbone]?.weights ?? Weights()
    let own = Set(backbone.parameters.map(\.name)).subtracting([backbone.wordEmbedding])
    let names =
      family.dialects.first.map {
        NameTable($0, on: backbone, heads: []).storedNames(
          architecture: architecture, withHead: activeHead != nil)
      } ?? [:]
    var unused = Set(kept)
    var layers: OrderedDictionary<String, Quantization.Layer> = [:]
    for weight in try graph().linearWeights where own.contains(weight) {
      let spellings = [names[weight] ?? weight, weight].map {
        $0.split(separator: ".").dropLast().map(String.init)
      }
      let matching = kept.filter { pattern in
        let words = pattern.split(separator: ".").map(String.init)
        return spellings.contains { $0.contains(words) }
      }
      unused.subtract(matching)
      let name = spellings[0].joined(separator: ".")
      var layer = layers[name] ?? Quantization.Layer(name: name, parameters: [], count: 0, isKept: false)
      layer.parameters.append(weight)
      layer.count += weights[weight]?.spec.elementCount ?? 0
      layer.isKept = layer.isKept || !matching.isEmpty
      layers[name] = layer
    }
    if let name = kept.first(where: unused.contains) {
      let known = Array(layers.keys)
      throw GraftError(
        .unknownName, "no linear layer of the encoder is called so", subject: "layer '\(name)'",
        expected: "a name such as \(LoadReport.sample(known))",
        advice: NearestName.find(name, among: known).map { "Did you mean '\($0)'?" })
    }
    return Array(layers.values)
  }

  /// How large its weights are where whole numbers of eight bits are stored as such.
  private var storedByteCount: Int {
    components.reduce(0) { sum, component in
      component.weights.tensors.values.reduce(sum) { sum, tensor in
        sum
          + (tensor.quantized.map { $0.numbers.spec.byteCount + $0.scales.spec.byteCount }
            ?? tensor.spec.byteCount)
      }
    }
  }

  /// The encoder's linear weights, by canonical name, that are not whole numbers where others of them are. What else is
  /// whole numbers, such as an embedding, says nothing of the layers.
  ///
  /// - Throws: `GraftError` when the configuration is not usable.
  func weightsLeftInFloat32() throws -> Set<String> {
    guard quantizedCount > 0, let weights = self[Component.backbone]?.weights else { return [] }
    let linear = Set(try linearLayers(keeping: []).flatMap(\.parameters))
    let left = linear.filter { weights[$0]?.quantized == nil }
    return left.count < linear.count ? left : []
  }

  /// How many of its weights are whole numbers of eight bits.
  public var quantizedCount: Int {
    components.reduce(0) { $0 + $1.weights.tensors.values.count { $0.quantized != nil } }
  }

  /// What a way to write it makes of weights of eight bits; `nil` where they stay what they are.
  ///
  /// - Throws: `GraftError` when the dialect cannot name a tensor.
  package func changeOfNumbers(in options: WriteOptions) throws -> String? {
    guard quantizedCount > 0 else { return nil }
    if options.keepsNumbers {
      guard try !encodedWeights(options).tensors.values.contains(where: { $0.quantized != nil }) else {
        return nil
      }
    }
    return "weights of eight bits are written as what they stand for, in \(options.dtype?.name ?? "float32")"
  }

  /// What to know of a checkpoint with weights of eight bits.
  var quantizationNote: String? {
    let count = quantizedCount
    guard count > 0 else { return nil }
    return
      "\(count) weights are whole numbers of eight bits: int8 multiplies by them as they are, and all else reads "
      + "what they stand for in float32"
  }
}
