import Foundation
import GraftCore

extension Registry {
  /// A compute backend by name; `auto` takes the fastest that works here.
  ///
  /// - Parameters:
  ///   - name: A registered name, or `auto`.
  ///   - threads: How many threads to use; `nil` uses every core this process may run on.
  ///   - note: Is told why each faster backend does not work when `auto` is left with the slow reference one.
  /// - Throws: `GraftError` when the name is unknown, or the backend's library is missing.
  public func makeBackend(
    _ name: String = "auto", threads: Int? = nil, note: (String) -> Void = { _ in }
  ) throws -> any ComputeBackend {
    let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
    guard name == "auto" else { return try backends.find(name).init(threads: threads) }
    var failures: [any Error] = []
    for candidate in backends.values.sorted(by: { $0.preference > $1.preference }) {
      do {
        let backend = try candidate.init(threads: threads)
        if candidate is ReferenceBackend.Type {
          for failure in failures { note("\(failure) Using '\(candidate.name)', which is slow.") }
        }
        return backend
      } catch {
        failures.append(error)
      }
    }
    throw failures.first ?? GraftError(.missing, "there is no compute backend")
  }
}
