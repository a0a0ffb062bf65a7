import GraftCompute
import GraftKit

/// What an experiment is computed with: backends, made when they are first wanted.
public final class ExperimentMachine {
  /// The name of the CPU, for the record.
  let cpu: String
  /// How stages train that do not say.
  public let precision: Precision
  /// The ranks that share the work.
  let group: any ProcessGroup
  private let make: (Precision) throws -> any ComputeBackend
  private var backends: [Precision: any ComputeBackend] = [:]

  /// - Parameters:
  ///   - cpu: The name of the CPU, for the record.
  ///   - precision: How stages train that do not say.
  ///   - group: The ranks that share the work, each of which makes the same calls.
  ///   - make: Makes a backend that multiplies in a precision.
  public init(
    cpu: String = "unknown", precision: Precision = .float32, group: any ProcessGroup = SingleProcess(),
    _ make: @escaping (Precision) throws -> any ComputeBackend
  ) {
    (self.cpu, self.precision, self.group, self.make) = (cpu, precision, group, make)
  }

  /// The backend of a stage. Evaluations are in float32, whatever the training is in.
  ///
  /// - Throws: `GraftError` when it cannot be made.
  func backend(for task: Experiment.Task) throws -> any ComputeBackend {
    guard case .train(let training) = task else { return try backend(.float32) }
    return try backend(training.precision ?? precision)
  }

  /// The backend of a precision.
  func backend(_ precision: Precision) throws -> any ComputeBackend {
    if let backend = backends[precision] { return backend }
    let backend = try make(precision)
    backends[precision] = backend
    return backend
  }
}
