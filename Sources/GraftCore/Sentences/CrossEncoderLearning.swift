import GraftTensors

extension Checkpoint {
  /// Whether its active head gives each pair of texts one score from 0 to 1, and learns it by cross-entropy: a
  /// cross-encoder with one label, of which nothing says that it is a number.
  public var scoresPairs: Bool {
    guard crossEncoder != nil, activeHead?.hasLabels == true, configuration["problem_type"] == nil else {
      return false
    }
    return (configuration["id2label"]?.object?.count ?? configuration["num_labels"]?.int) == 1
  }

  /// Makes the active head, of one label, one that learns scores of pairs by cross-entropy. A checkpoint that is no
  /// cross-encoder becomes one, whose scores are probabilities.
  ///
  /// - Parameter maximumLength: The most tokens of a pair, for a new cross-encoder.
  public mutating func scorePairs(maximumLength: Int) {
    setProblemType(nil)
    crossEncoder =
      crossEncoder
      ?? CrossEncoder(new: .sigmoid, maximumLength: maximumLength, task: activeHead?.name ?? "")
  }

  /// Makes the active head, of one label, one that learns numbers by squared error. The scores of a cross-encoder are then
  /// its logits.
  public mutating func predictNumbers() {
    setProblemType(.regression)
    guard var own = crossEncoder else { return }
    own.activation = .identity
    let name = JSON(CrossEncoder.Activation.identity.className)
    if var files = own.files?.configuration?.object {
      files["activation_fn"] = name
      own.files?.configuration = .object(files)
    }
    crossEncoder = own
    // What the configuration says counts before the folder's own file.
    var settings = configuration["sentence_transformers"]?.object ?? [:]
    settings["activation_fn"] = name
    configuration["sentence_transformers"] = .object(settings)
    configuration.values[CrossEncoder.olderKey] = nil
  }

  private mutating func setProblemType(_ type: ProblemType?) {
    for head in activeHeads where head.task?.hasLabels == true {
      self[head.id]?.settings.values["problem_type"] = type.map { .string($0.rawValue) }
    }
  }
}
