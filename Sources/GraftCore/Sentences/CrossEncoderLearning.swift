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
  /// cross-encoder becomes one, whose scores are probabilities, and so does one that learnt numbers.
  ///
  /// - Parameter maximumLength: The most tokens of a pair, for a new cross-encoder.
  public mutating func scorePairs(maximumLength: Int) {
    let learntNumbers = learnsNumbers && crossEncoder?.activation == .identity
    setProblemType(nil)
    if crossEncoder == nil || learntNumbers && crossEncoder?.files == nil {
      crossEncoder = CrossEncoder(
        new: .sigmoid, maximumLength: maximumLength, task: activeHead?.name ?? "")
    }
    if learntNumbers { setActivation(.sigmoid) }
  }

  /// Makes the active head, of one label, one that learns numbers by squared error. Its scores of pairs are then its
  /// logits, which the configuration says: without a word sentence-transformers takes the sigmoid.
  public mutating func predictNumbers() {
    setProblemType(.regression)
    setActivation(.identity)
  }

  /// Whether the configuration says that the active head learns numbers.
  public var learnsNumbers: Bool {
    configuration["problem_type"]?.string == ProblemType.regression.rawValue
  }

  /// Says what becomes of the logits, in all places where it is said.
  private mutating func setActivation(_ activation: CrossEncoder.Activation) {
    var own = crossEncoder ?? CrossEncoder(activation: activation, maximumLength: nil, files: nil)
    own.activation = activation
    let name = JSON(activation.className)
    if var files = own.files?.configuration?.object {
      files["activation_fn"] = name
      own.files?.configuration = .object(files)
    }
    crossEncoder = own
    // What the configuration says counts before the folder's own file.
    var settings = configuration[CrossEncoder.key]?.object ?? [:]
    settings["activation_fn"] = name
    configuration[CrossEncoder.key] = .object(settings)
    configuration.values[CrossEncoder.olderKey] = nil
  }

  private mutating func setProblemType(_ type: ProblemType?) {
    for head in activeHeads where head.task?.hasLabels == true {
      self[head.id]?.settings.values["problem_type"] = type.map { .string($0.rawValue) }
    }
  }
}
