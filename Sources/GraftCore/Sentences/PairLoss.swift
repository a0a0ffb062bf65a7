/// The losses that one number for each text or pair of texts is learnt by.
public enum PairLoss: String, Sendable, CaseIterable {
  /// The cross-entropy of a logit's sigmoid and a score from 0 to 1: `BinaryCrossEntropyLoss` of sentence-transformers'
  /// CrossEncoders.
  case binaryCrossEntropy = "binary-cross-entropy"
  /// The squared difference between a logit and a number, as transformers' classes with one label have it.
  case meanSquaredError = "mse"
}
