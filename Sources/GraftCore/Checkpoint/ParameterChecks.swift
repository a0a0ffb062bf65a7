import GraftTensors
import OrderedCollections

extension LazyTensor {
  /// Demands a parameter's shape and numbers.
  ///
  /// - Throws: `GraftError` naming the parameter and what is wrong.
  func check(_ spec: ParameterSpec, name: String) throws {
    guard self.spec.dtype != .int8 else {
      throw GraftError(
        .missing, "whole numbers without their scales", subject: "tensor '\(name)'",
        expected: "a tensor '\(QuantizedTensor.scaleName(of: name))' of float32 [\(spec.shape.first ?? 1)]",
        found: "nothing", advice: "Quantize the model again, or take its float32 weights.")
    }
    guard self.spec.dtype.isFloatingPoint else {
      throw GraftError(
        .mismatch, "wrong type", subject: "tensor '\(name)'", expected: "floating-point numbers",
        found: "\(self.spec)")
    }
    guard self.spec.shape == spec.shape else {
      throw GraftError(
        .mismatch,
        "wrong shape",
        subject: "tensor '\(name)'",
        expected: "\(spec.shape), as config.json has it",
        found: "\(self.spec)",
        advice: "The weights and config.json belong to different models."
      )
    }
  }
}

extension Component {
  /// The parameters that it has in a model.
  ///
  /// - Throws: `GraftError` when the configuration is not usable.
  func parameters(
    _ configuration: Configuration, _ family: Family, on backbone: any Backbone
  ) throws -> [ParameterSpec] {
    switch kind {
    case .backbone: return backbone.parameters
    case .pooler: return try family.makePooler(configuration, on: backbone)?.parameters ?? []
    case .head(let task):
      let settings = configuration.applying(self)
      return try family.makeHead(task.init(settings), settings, on: backbone).parameters
    case .opaque: return []
    }
  }

  /// Demands that a head is whole and fits a backbone; one that is not known fits any.
  ///
  /// - Throws: `GraftError` naming the first tensor that is missing or of another shape.
  public func check(
    _ configuration: Configuration, _ family: Family, on backbone: any Backbone, _ table: NameTable? = nil
  ) throws {
    guard task != nil else { return }
    for spec in try parameters(configuration, family, on: backbone) {
      let name = table?.storedName(spec.name) ?? spec.name
      guard let tensor = weights[spec.name] else {
        throw GraftError(
          .missing,
          "the head '\(id)' is incomplete",
          subject: "tensor '\(name)'",
          advice: "Download the checkpoint again, or swap the head."
        )
      }
      try tensor.check(spec, name: name)
    }
  }

  /// Corrects what the configuration says of a head by what the file holds: how many labels, tied or not.
  ///
  /// - Throws: `GraftError` when the configuration is not usable.
  mutating func settleSettings(
    _ task: any Task.Type, _ configuration: Configuration, _ family: Family, _ backbone: any Backbone
  ) throws {
    guard let familyHead = family.head(for: task.name) else { return }
    if task.hasLabels, settings["id2label"] == nil {
      let head = try familyHead.head(configuration, on: backbone, outputs: 1)
      if let name = head.outputWeight, let shape = weights[name]?.spec.shape, shape.count == 2,
        shape[0] <= Configuration.maximumLabels
      {
        settings.setLabels(Configuration.numberedLabels(shape[0]))
      }
    }
    // A decoder of its own is there, or it is not.
    guard task.settingKeys.contains("tie_word_embeddings") else { return }
    let isTied = weights["\(FamilyHead.scope(task.name)).decoder.weight"] == nil
    if !isTied || settings["tie_word_embeddings"] != nil { settings["tie_word_embeddings"] = JSON(isTied) }
  }
}
