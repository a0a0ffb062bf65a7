import Foundation
import GraftCore

extension Registry {
  /// A compute backend by name; `auto` takes the fastest that works here.
  ///
  /// - Parameters:
  ///   - name: A registered name, or `auto`.
  ///   - threads: How many threads to use; `nil` uses every core this process may run on.
  /// - Throws: `GraftError` when the name is unknown, or the backend's library is missing.
  public func makeBackend(_ name: String = "auto", threads: Int? = nil) throws -> any ComputeBackend {
    let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
    guard name == "auto" else { return try backends.find(name).init(threads: threads) }
    let candidates = backends.values.sorted { $0.preference > $1.preference }
    for candidate in candidates {
      if let backend = try? candidate.init(threads: threads) { return backend }
    }
    return try ReferenceBackend(threads: threads)
  }
}
