import Dispatch
import Foundation
import Synchronization

/// What a body makes of parts of some elements, in their order; several parts at once.
///
/// - Parameters:
///   - elements: They are cut into parts of 64.
///   - threads: How many parts at once; `nil` is as many as there are cores.
///   - body: Is called from several threads.
/// - Throws: What `body` throws, the first in the order of the parts.
package func inParallel<Element: Sendable, Result: Sendable>(
  _ elements: [Element], threads: Int? = nil,
  _ body: @Sendable (ArraySlice<Element>) throws -> Result
) throws -> [Result] {
  let size = 64
  let count = (elements.count + size - 1) / size
  let results = Mutex<[Swift.Result<Result, any Error>?]>(Array(repeating: nil, count: count))
  let next = Mutex(0)
  let threads = min(threads ?? ProcessInfo.processInfo.activeProcessorCount, count)
  DispatchQueue.concurrentPerform(iterations: threads) { _ in
    while true {
      let index = next.withLock { next in
        defer { next += 1 }
        return next
      }
      guard index < count else { return }
      let part = elements[index * size..<min((index + 1) * size, elements.count)]
      let result = Swift.Result { try body(part) }
      results.withLock { $0[index] = result }
    }
  }
  return try results.withLock { try $0.compactMap { try $0?.get() } }
}
