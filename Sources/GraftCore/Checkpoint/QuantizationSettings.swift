import GraftTensors

/// What `config.json` says of weights of eight bits, in the words of compressed-tensors, which transformers loads them by:
/// whole numbers with a scale for each output, and activations rounded token by token.
/// https://github.com/vllm-project/compressed-tensors
struct QuantizationSettings {
  static let key = "quantization_config"
  private static let method = "compressed-tensors"

  /// The names of the linear layers.
  let layers: [String]

  /// Those of the weights that are so; `nil` where none is.
  ///
  /// - Parameter stored: In the names of the file.
  init?(_ stored: Weights) {
    layers = stored.tensors.compactMap { name, tensor in
      tensor.quantized.map { _ in String(name.trimmingSuffix(".weight")) }
    }
    if layers.isEmpty { return nil }
  }

  /// Whether a configuration has settings of this kind.
  static func areOwn(_ configuration: Configuration) -> Bool {
    configuration[key]?["quant_method"]?.string == method
  }

  /// Makes sure that a configuration which speaks of compressed-tensors means weights of this kind.
  ///
  /// - Throws: `GraftError` naming the key that says something else.
  static func check(_ configuration: Configuration) throws {
    guard areOwn(configuration), let settings = configuration[key] else { return }
    try checkFormat(of: settings, key)
    let isDense = settings["sparsity_config"]?["format"] == "dense"
    try checkKeys(of: settings, key, isDense ? known.union(["sparsity_config"]) : known)
    guard let groups = settings["config_groups"]?.object, !groups.isEmpty else {
      throw wrong("\(key).config_groups", expected: "a group of layers", found: settings["config_groups"])
    }
    for (name, group) in groups {
      let path = "\(key).config_groups.\(name)"
      try checkFormat(of: group, path)
      try checkKeys(
        of: group, path, ["targets", "weights", "input_activations", "output_activations", "format"])
      let targets = group["targets"]
      guard let names = targets?.array, !names.isEmpty, names.allSatisfy({ $0.string?.isEmpty == false })
      else { throw wrong("\(path).targets", expected: "the names of layers", found: targets) }
      guard let weights = group["weights"], weights.object != nil else {
        throw wrong("\(path).weights", expected: "how weights are stored", found: group["weights"])
      }
      try check(weights, "\(path).weights", strategy: "channel", isDynamic: false)
      if let inputs = group["input_activations"], inputs != .null {
        try check(inputs, "\(path).input_activations", strategy: "token", isDynamic: true)
      }
      if let outputs = group["output_activations"], outputs != .null {
        throw wrong("\(path).output_activations", expected: "none", found: outputs)
      }
    }
  }

  /// What a configuration may say at its top. Some of it is how other tools use the weights.
  private static let known: Set<String> = [
    "quant_method", "format", "quantization_status", "global_compression_ratio", "ignore", "version",
    "run_compressed", "config_groups",
  ]

  private static func checkFormat(of settings: JSON, _ path: String) throws {
    try check(settings, "format", path, isOneOf: ["int-quantized", "naive-quantized"])
  }

  /// Refuses what is said beyond keys that are known: it may change numbers.
  private static func checkKeys(of settings: JSON, _ path: String, _ known: Set<String>) throws {
    for (name, value) in settings.object ?? [:] where !known.contains(name) {
      guard ![.null, false, [:], []].contains(value) else { continue }
      throw wrong("\(path).\(name)", expected: "nothing", found: value)
    }
  }

  /// What is not said is as compressed-tensors has it: symmetric whole numbers of eight bits, not dynamic. Without a
  /// strategy there is one scale for all numbers, or one for each output where groups have the size -1.
  private static func check(_ numbers: JSON, _ path: String, strategy: String, isDynamic: Bool) throws {
    try check(numbers, "num_bits", path, isOneOf: [8])
    try check(numbers, "type", path, isOneOf: ["int"])
    try check(numbers, "symmetric", path, isOneOf: [true])
    try check(numbers, "group_size", path, isOneOf: [-1])
    let hasGroups = ![nil, .null].contains(numbers["group_size"])
    let said = numbers["strategy"].flatMap { $0 == .null ? nil : $0 }
    guard (said ?? (hasGroups ? "channel" : nil)) == .string(strategy) else {
      throw wrong("\(path).strategy", expected: "\"\(strategy)\"", found: said)
    }
    guard isDynamic == (numbers["dynamic"] == true) else {
      throw wrong("\(path).dynamic", expected: "\(isDynamic)", found: numbers["dynamic"])
    }
    // How scales were found, and types that symmetric numbers have no use for, change nothing.
    try checkKeys(
      of: numbers, path,
      [
        "num_bits", "type", "symmetric", "strategy", "group_size", "dynamic", "observer", "observer_kwargs",
        "scale_dtype", "zp_dtype",
      ])
  }

  private static func check(_ settings: JSON, _ name: String, _ path: String, isOneOf known: [JSON]) throws {
    guard let value = settings[name], value != .null, !known.contains(value) else { return }
    throw wrong("\(path).\(name)", expected: known.map { $0.text() }.joined(separator: " or "), found: value)
  }

  private static func wrong(_ path: String, expected: String, found: JSON?) -> GraftError {
    GraftError(
      .unsupported, "weights of eight bits are read as whole numbers with one scale for each output",
      file: ModelDirectory.configurationName, subject: "key '\(path)'", expected: expected,
      found: found?.text() ?? "nothing", advice: "Take the model's float32 weights.")
  }

  /// The layers as regular expressions that end like their names. What they all begin with is left out where it may be
  /// the name that a class with a head gives its encoder: the class of the encoder alone has none.
  private var targets: [String] {
    let names = layers.map { $0.split(separator: ".") }
    let hasPrefix = names.allSatisfy { $0.count > 1 && $0[0] == names[0][0] }
    return names.map { #"re:(.*\.)?"# + $0.dropFirst(hasPrefix ? 1 : 0).joined(separator: #"\."#) + "$" }
  }

  var json: JSON {
    func numbers(_ strategy: String, isDynamic: Bool) -> JSON {
      [
        "num_bits": 8, "type": "int", "symmetric": true, "strategy": .string(strategy),
        "dynamic": .bool(isDynamic),
      ]
    }
    return [
      "quant_method": .string(Self.method), "format": "int-quantized", "quantization_status": "compressed",
      "config_groups": [
        "group_0": [
          "targets": .array(targets.map { .string($0) }), "weights": numbers("channel", isDynamic: false),
          "input_activations": numbers("token", isDynamic: true),
        ]
      ],
    ]
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> Substring {
    hasSuffix(suffix) ? dropLast(suffix.count) : self[...]
  }
}
