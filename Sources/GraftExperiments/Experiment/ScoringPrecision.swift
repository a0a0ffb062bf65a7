import GraftCompute
import GraftTensors

extension Experiment.Scoring {
  /// - Throws: `GraftError` when a backend's CPU has no instructions for the precision.
  func requirePrecision(of backend: any ComputeBackend) throws {
    guard precision != .float32, backend.kernels.panels(for: precision) == nil else { return }
    throw GraftError(
      .unsupported, "this CPU has no instructions for \(precision.rawValue)", option: "precision",
      advice: "Leave it out, or run the experiment on another machine.")
  }
}
