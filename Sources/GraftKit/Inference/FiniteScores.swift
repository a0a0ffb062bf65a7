import GraftCompute
import GraftCore
import GraftTensors

/// Demands that what a model computed are numbers: weights or settings that are broken make others.
///
/// - Throws: `GraftError` of kind `notFinite` naming what is not a number; in `InferenceSession.run(_:)` it gets the layer.
func requireNumbers(_ values: Tensor, _ what: String) throws {
  guard values.buffer.contains(where: \.isNaN) else { return }
  throw GraftError(
    .notFinite, "the model computes \(what) that are not numbers", expected: "numbers", found: "NaN",
    advice: "Its weights or its configuration are broken; \(action: .checkWeights) looks for such weights.")
}
