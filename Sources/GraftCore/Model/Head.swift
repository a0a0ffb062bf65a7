import GraftCompute
import GraftTensors

/// What turns a backbone's output into logits and a loss.
///
/// A head decides the task: how examples become targets, what the logits are called, how predictions are
/// scored. It brings its rows for each ``Dialect`` it knows, so that a file decodes as backbone plus heads.
public protocol Head: Sendable {
  /// The name on the command line: `head swap --to NAME`.
  static var name: String { get }

  /// What class names end with: `ForMaskedLM` in `BertForMaskedLM`.
  static var architecture: String { get }

  /// The head's rows, by ``Dialect/id``. A dialect may bring rows for heads that do not know it.
  static var rows: [String: [Dialect.Row]] { get }

  /// The heads this one is made of, when it is a combination; they are stored and listed separately.
  static var parts: [any Head.Type] { get }

  /// Whether the head reads ``BackboneOutput/pooled``.
  static var needsPooler: Bool { get }

  /// Whether the head's outputs are the labels of the configuration.
  static var hasLabels: Bool { get }

  /// The task as the Hugging Face Hub calls it, such as `text-classification`; `nil` for none.
  static var pipelineTag: String? { get }

  /// The configuration's keys that belong to the head and go where it goes.
  static var settingKeys: [String] { get }

  /// - Parameters:
  ///   - configuration: The checkpoint's configuration, labels included.
  ///   - backbone: What it sits on.
  /// - Throws: ``GraftError`` when the two do not go together.
  init(_ configuration: Configuration, on backbone: any Backbone) throws

  /// The head's own parameters, in canonical names.
  var parameters: [ParameterSpec] { get }

  /// Fills a batch's targets, and changes its inputs where the task asks for it, as masking does.
  ///
  /// - Parameters:
  ///   - batch: The batch of `examples`' encodings.
  ///   - examples: The rows of data, in the batch's order.
  ///   - sampler: Randomness and the tokenizer's facts.
  /// - Throws: ``GraftError`` when an example lacks what the task needs, such as a label.
  func prepare(_ batch: inout Batch, examples: [Example], sampler: Sampler) throws

  /// The forward pass.
  ///
  /// - Returns: Logits by name, as `graft verify` calls them: `prediction_logits`,
  ///   `seq_relationship_logits`, `logits`.
  func forward(_ output: BackboneOutput, _ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Logits

  /// The mean loss over the batch's targets, a scalar.
  ///
  /// - Throws: ``GraftError`` when the batch was not prepared.
  func loss(_ logits: Logits, _ batch: Batch, _ tape: Tape) throws -> Variable

  /// Adds a batch's predictions to a running score.
  ///
  /// - Throws: ``GraftError`` when the batch was not prepared.
  func score(_ logits: Logits, _ batch: Batch, into metrics: inout Metrics) throws
}

extension BackboneOutput {
  /// The pooled states, or the error that the checkpoint has no pooler.
  public func requirePooled(_ head: String) throws -> Variable {
    guard let pooled else {
      throw GraftError(
        .missing,
        "the head '\(head)' reads the pooler's output, and the backbone has no pooler"
      )
    }
    return pooled
  }
}

extension Tensor {
  /// The column of each row's largest element, the first of equals.
  public var largestColumns: [Int32] {
    (0..<rows).map { row in
      let values = buffer[(row * columns)..<((row + 1) * columns)]
      return Int32((values.indices.max { values[$0] < values[$1] } ?? row * columns) - row * columns)
    }
  }

  /// How many rows have their largest element at the row's class.
  public func countOfHits(_ classes: [Int32]) -> Int { zip(largestColumns, classes).count { $0 == $1 } }
}

/// A head's outputs by name.
public typealias Logits = [String: Variable]

extension Head {
  public static var parts: [any Head.Type] { [Self.self] }
  public static var needsPooler: Bool { false }
  public static var hasLabels: Bool { false }
  public static var pipelineTag: String? { nil }
  public static var settingKeys: [String] {
    hasLabels ? ["id2label", "label2id", "num_labels", "problem_type", "classifier_dropout"] : []
  }

  public func score(_ logits: Logits, _ batch: Batch, into metrics: inout Metrics) throws {}
}

/// The facts and the randomness that preparing a batch may need.
public struct Sampler: Sendable {
  /// The randomness of this batch, the same whenever this batch of this step is prepared again.
  public let key: RandomKey
  /// Ids of the tokens with a role.
  public let specialTokens: SpecialTokens
  /// The number of ids that random replacement draws from.
  public let vocabularySize: Int
  /// The share of tokens that masked-language modelling predicts.
  public let maskingProbability: Float

  public init(
    key: RandomKey,
    specialTokens: SpecialTokens,
    vocabularySize: Int,
    maskingProbability: Float = 0.15
  ) {
    self.key = key
    self.specialTokens = specialTokens
    self.vocabularySize = vocabularySize
    self.maskingProbability = maskingProbability
  }
}
