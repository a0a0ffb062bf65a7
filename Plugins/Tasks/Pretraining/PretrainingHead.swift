import GraftCompute
import GraftCore
import MaskedLM
import NextSentence

/// Both heads that BERT was pretrained with; the loss is their sum. Devlin et al., arXiv:1810.04805, 3.1.
///
/// Rows without a label train the masked-language model alone and leave the next-sentence head as it is.
public struct PretrainingHead: Head {
  public static let name = "pretraining"
  public static let architecture = "ForPreTraining"
  public static let needsPooler = true
  public static let parts: [any Head.Type] = [MaskedLMHead.self, NextSentenceHead.self]
  public static let rows: [String: [Dialect.Row]] = [:]

  private let maskedLM: MaskedLMHead
  private let nextSentence: NextSentenceHead

  public init(_ configuration: Configuration, on backbone: any Backbone) throws {
    maskedLM = try MaskedLMHead(configuration, on: backbone)
    nextSentence = try NextSentenceHead(configuration, on: backbone)
  }

  public var parameters: [ParameterSpec] { maskedLM.parameters + nextSentence.parameters }

  public func prepare(_ batch: inout Batch, examples: [Example], sampler: Sampler) throws {
    try maskedLM.prepare(&batch, examples: examples, sampler: sampler)
    if examples.contains(where: { $0.label != nil }) {
      try nextSentence.prepare(&batch, examples: examples, sampler: sampler)
    }
  }

  public func forward(_ output: BackboneOutput, _ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Logits
  {
    try maskedLM.forward(output, batch, scope, tape)
      .merging(nextSentence.forward(output, batch, scope, tape)) { first, _ in first }
  }

  public func loss(_ logits: Logits, _ batch: Batch, _ tape: Tape) throws -> Variable {
    let loss = try maskedLM.loss(logits, batch, tape)
    guard batch.targets[NextSentenceHead.name] != nil else { return loss }
    return tape.add(loss, try nextSentence.loss(logits, batch, tape))
  }

  public func score(_ logits: Logits, _ batch: Batch, into metrics: inout Metrics) throws {
    try maskedLM.score(logits, batch, into: &metrics)
  }
}
