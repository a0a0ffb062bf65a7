import Foundation

/// What a body makes of each number below `count`, each on a thread of its own.
func onThreads<Value: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (_ number: Int) throws -> Value
) -> [Result<Value, any Error>] {
  let results = ThreadResults<Value>()
  let group = DispatchGroup()
  for number in 0..<count {
    group.enter()
    Thread.detachNewThread {
      let result = Result { try body(number) }
      results.add(result, number)
      group.leave()
    }
  }
  group.wait()
  return results.inOrder
}

private final class ThreadResults<Value: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var values: [Int: Result<Value, any Error>] = [:]

  func add(_ value: Result<Value, any Error>, _ number: Int) { lock.withLock { values[number] = value } }
  var inOrder: [Result<Value, any Error>] {
    lock.withLock { values.sorted { $0.key < $1.key }.map(\.value) }
  }
}
