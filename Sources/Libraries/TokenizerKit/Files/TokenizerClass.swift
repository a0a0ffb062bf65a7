import GraftTensors

extension TokenizerSettings {
  /// The class of transformers that files ask for, without the `Fast` of older ones: what `tokenizer_config.json` names, else
  /// `config.json`, else the known one whose name begins with the model type; `nil` where there is none.
  ///
  /// - Parameters:
  ///   - model: `config.json`.
  ///   - known: The classes of families that may be meant.
  public func className(model: JSON, among known: [String]) -> String? {
    if let name = configuration["tokenizer_class"]?.string ?? model["tokenizer_class"]?.string {
      return name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
    }
    let family = (model["model_type"]?.string ?? "").filter { $0.isLetter || $0.isNumber }.lowercased()
    return family.isEmpty ? nil : known.first { $0.lowercased() == family + "tokenizer" }
  }
}
