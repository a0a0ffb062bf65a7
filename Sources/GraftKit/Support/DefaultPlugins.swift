/// The plugins that are used where nobody names one: what transformers and its `Trainer` use.
///
/// A registry without them is fine as long as others are named.
public enum DefaultPlugins {
  /// The weight format that checkpoints are written in.
  public static let format = "safetensors"
  /// The head that a model from nothing is pretrained with.
  public static let pretrainingHead = "masked-lm"
  /// The head that learns labels of whole texts.
  public static let classificationHead = "sequence-classification"
  /// The optimizer of a training run.
  public static let optimizer = "adamw"
  /// The metrics writers that plot a training run.
  public static let metricsWriters = ["tensorboard"]
}
