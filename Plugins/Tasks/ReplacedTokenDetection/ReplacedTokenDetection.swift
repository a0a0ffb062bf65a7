import GraftCompute
import GraftCore
import GraftTensors

/// Tells of every token whether it is the text's own or was put in its place by a generator. Clark et al.,
/// arXiv:2003.10555.
///
/// Some tokens are hidden, a generator draws others from its probabilities, and the loss is the binary cross-entropy over
/// all tokens: 1 for a token that is not the text's. One that the generator happened to draw right counts as the text's.
/// https://github.com/google-research/electra/blob/master/run_pretraining.py
public struct ReplacedTokenDetection: Task {
  public static let name = "replaced-token-detection"
  public static let classSuffix = "ForReplacedTokenDetection"
  public static let readsLabels = false
  public static let needsTokens = true
  public static let readsGenerator = true
  public static let outputs = [TaskOutput("logits", rows: .tokens, column: 0)]

  /// Of the tokens that are chosen, the share that the generator does not see; it sees the others.
  private static let hiddenShare: Float = 0.85

  public init(_ configuration: Configuration) throws {}

  public var classNames: [String]? { ["original", "replaced"] }
  /// Its loss is that of single numbers.
  public var usesClassLoss: Bool { false }

  public func scoreNames(topRanks: [Int]) -> Set<String>? { Metrics.namesOfClasses }

  public func outputCount(on backbone: any Backbone) -> Int { 1 }

  /// What is to be said of the tokens of a batch.
  public struct Targets: TaskTargets, Equatable {
    /// The tokens that a generator fills.
    let hidden: HiddenTokens
    /// Of every token whether it was replaced.
    var labels: [Float]
    public var count: Int { labels.count }

    /// - Parameter labels: 1 for each token that was replaced, 0 for others.
    public init(labels: [Float]) { (hidden, self.labels) = (HiddenTokens(), labels) }

    init(_ hidden: HiddenTokens, tokens: Int) {
      self.hidden = hidden
      labels = [Float](repeating: 0, count: tokens)
    }
  }

  /// Chooses the tokens that the generator fills, and hides them from it.
  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    guard let mask = context.specialTokens.mask else {
      throw GraftError(.missing, "the tokenizer has no mask token, which a generator needs")
    }
    let chosen = try context.chosenTokens(of: batch.inputs, examples)
    batch.setTargets(
      Targets(
        HiddenTokens(places: chosen.map(Int32.init), ids: chosen.map { batch.inputs.ids[$0] }),
        tokens: batch.inputs.tokenCount), of: self)
    for token in chosen where context.fraction(context.words(ofToken: token).y) < Self.hiddenShare {
      batch.inputs.ids[token] = mask
    }
  }

  public func hiddenTokens(of batch: PreparedBatch) throws -> HiddenTokens {
    try batch.targets(of: self).hidden
  }

  /// Draws the tokens by their probabilities.
  public func fill(_ batch: inout PreparedBatch, _ probabilities: Tensor, _ context: BatchContext) throws {
    var targets: Targets = try batch.targets(of: self)
    let width = probabilities.columns
    for (row, place) in targets.hidden.places.enumerated() {
      let own = UnsafeBufferPointer(start: probabilities.pointer + row * width, count: width)
      let draw = Double(context.words(ofToken: Int(place)).w) * 0x1p-32
      let id = Self.token(drawnBy: draw, from: own)
      batch.inputs.ids[Int(place)] = id
      targets.labels[Int(place)] = id == targets.hidden.ids[row] ? 0 : 1
    }
    batch.setTargets(targets, of: self)
  }

  /// The token at which the probabilities, added up from the first, exceed a number; the last that is possible where
  /// rounding leaves their sum below it.
  ///
  /// - Parameter draw: In `0 ..< 1`.
  static func token(drawnBy draw: Double, from probabilities: UnsafeBufferPointer<Float>) -> Int32 {
    var (rest, last) = (draw, 0)
    for (id, probability) in probabilities.enumerated() where probability > 0 {
      rest -= Double(probability)
      last = id
      if rest < 0 { break }
    }
    return Int32(last)
  }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.binaryCrossEntropy(scores, targets: try batch.targets(of: self).labels)
  }

  /// Adds how well replaced tokens are told from others.
  public func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics
  ) throws {
    let targets: Targets = try batch.targets(of: self)
    metrics.add(
      actual: targets.labels.map { $0 > 0.5 ? 1 : 0 }, predicted: scores.buffer.map { $0 > 0 ? 1 : 0 },
      classes: 2)
  }
}
