import GraftCompute
import GraftTensors

extension Experiment.Scoring {
  /// - Throws: `GraftError` when a backend does not multiply in the precision.
  func requirePrecision(of backend: any ComputeBackend) throws {
    guard precision != .float32, backend.kernels.panels(for: precision) == nil else { return }
    throw GraftError(
      .unsupported, "the backend does not multiply in \(precision.rawValue)", option: "precision",
      advice: "Leave it out, or take another backend.")
  }
}
