import Foundation
import GraftCompute
import GraftCore
import GraftTensors

extension Registry {
  /// A compute backend by name; `auto` takes the fastest that works here.
  ///
  /// - Parameters:
  ///   - name: A registered name, or `auto`.
  ///   - threads: How many threads to use; `nil` uses every core this process may run on.
  ///   - precision: What products should multiply in. The backend's `precision` is float32 where the CPU gains
  ///     nothing by it, the library does not multiply in it or, with `auto`, every library lacks it.
  ///   - note: Is told why that is so, and why each faster backend does not work when `auto` is left with the
  ///     slow reference one.
  /// - Throws: `GraftError` when the name is unknown, the backend's library is missing, or the named backend
  ///   knows no other precision than float32.
  public func makeBackend(
    _ name: String = "auto", threads: Int? = nil, precision: Precision = .float32,
    note: (String) -> Void = { _ in }
  ) throws -> any ComputeBackend {
    let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
    func make(_ type: any ComputeBackend.Type) throws -> any ComputeBackend {
      let backend = try type.init(threads: threads, precision: precision)
      if backend.precision != precision {
        let (asked, used) = (precision.rawValue, backend.precision.rawValue)
        let reason = backend.precisionLimit.map { "\($0): \(used) is used" }
        note((reason ?? "this CPU multiplies no faster in \(asked) than in \(used), which is used") + ".")
      }
      return backend
    }
    guard name == "auto" else { return try make(backends.find(name, or: ["auto"])) }
    var failures: [any Error] = []
    for candidate in backends.values.sorted(by: { $0.preference > $1.preference }) {
      if candidate is ReferenceBackend.Type {
        if precision != .float32, let failure = failures.first {
          // Any library's float32 is faster than the reference's bfloat16.
          note("\(failure) Using float32.")
          return try makeBackend(threads: threads, note: note)
        }
        for failure in failures { note("\(failure) Using '\(candidate.name)', which is slow.") }
      }
      do { return try make(candidate) } catch { failures.append(error) }
    }
    throw failures.first ?? GraftError(.missing, "there is no compute backend")
  }
}
