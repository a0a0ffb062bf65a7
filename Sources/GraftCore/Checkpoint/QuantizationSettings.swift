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
          "targets": .array(layers.map { .string($0) }), "weights": numbers("channel", isDynamic: false),
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
