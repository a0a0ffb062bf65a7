import GraftCompute
import GraftCore
import GraftTensors

/// Predicts masked tokens. Computes on the selected tokens only. Devlin et al., arXiv:1810.04805, 3.1.
public struct MaskedLM: Task {
  public static let name = "masked-lm"
  public static let classSuffix = "ForMaskedLM"
  public static let pipelineTag: String? = "fill-mask"
  public static let predictsTokens = true
  public static let readsLabels = false
  public static let needsTokens = true
  public static let settingKeys = ["tie_word_embeddings", "mlm_hidden_act", "mlm_layer_norm_eps"]
  public static let outputs = [TaskOutput("prediction_logits", rows: .tokens)]

  public init(_ configuration: Configuration) throws {}

  public func outputCount(on backbone: any Backbone) -> Int { backbone.vocabularySize }

  /// Chooses the tokens to predict and hides them: of every 100 chosen, 80 become `[MASK]`, 10 a random
  /// token, 10 stay. Special tokens are never chosen; at least one other is, when there is any.
  public func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {
    guard let mask = context.specialTokens.mask else {
      throw GraftError(
        .missing,
        "the tokenizer has no mask token, which masked-language modelling needs"
      )
    }
    let chosen = try context.chosenTokens(of: batch.inputs, examples)
    batch.setTargets(
      ClassTargets(chosen.map { batch.inputs.ids[$0] }), of: self, selection: chosen.map(Int32.init))
    for token in chosen {
      let words = context.words(ofToken: token)
      switch context.fraction(words.y) {
      case ..<0.8: batch.inputs.ids[token] = mask
      case ..<0.9:
        batch.inputs.ids[token] = Int32((UInt64(words.z) * UInt64(context.vocabularySize)) >> 32)
      default: break
      }
    }
  }

  public func scoreNames(topRanks: [Int]) -> Set<String>? { ["accuracy"] }

  public func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable {
    tape.crossEntropy(scores, classes: try batch.targets(of: self).classes)
  }

  /// Adds the share of masked tokens that are the most likely ones, as `accuracy`.
  public func score(
    _ scores: Tensor, _ batch: PreparedBatch, _ examples: [Example], into metrics: inout Metrics
  ) throws {
    let targets: ClassTargets = try batch.targets(of: self)
    metrics.add(
      "accuracy", total: Double(scores.countOfHits(targets.classes)), weight: Double(targets.count))
  }
}
