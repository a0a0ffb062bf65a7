import GraftTensors

extension TokenizerSettings {
  /// The class of transformers that files ask for, without the `Fast` of older ones: what `tokenizer_config.json` names,
  /// else `config.json`; `nil` where neither does.
  ///
  /// - Parameter model: `config.json`.
  public func className(model: JSON) -> String? {
    let name = configuration["tokenizer_class"]?.string ?? model["tokenizer_class"]?.string
    return name.map { $0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0 }
  }

  /// The classes that take a `tokenizer.json` as it is.
  public static let genericClasses: Set<String> = ["PreTrainedTokenizer", "TokenizersBackend"]
}
