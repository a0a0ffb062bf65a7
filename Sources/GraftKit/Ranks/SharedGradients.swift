import GraftCompute
import GraftTensors

/// Gradients of ranks on one machine, in memory that all of them see: each adds up the numbers of its part where the others
/// have them, and nothing is sent.
///
/// In return no rank may begin the next gradients before all have added up: in a step they meet in between.
struct SharedGradients: @unchecked Sendable {
  // Constant; who writes where and when is said above.

  /// Of each rank.
  private let memory: [(start: UnsafeMutablePointer<Float>, owner: SharedMemory)]
  /// Where each parameter's begins.
  private let places: [ObjectIdentifier: Int]

  /// Has the gradients of parameters gather in such memory.
  ///
  /// - Parameter parameters: The same on every rank, each of which has its own.
  /// - Returns: `nil` where the ranks are on several machines, or do not see one another's memory.
  /// - Throws: What went wrong between ranks.
  init?(_ parameters: [Parameter], in group: any ProcessGroup) throws {
    var (size, places) = (0, [ObjectIdentifier: Int]())
    for parameter in parameters {
      places[ObjectIdentifier(parameter)] = size
      // Whole cache lines.
      size += (parameter.value.count + 15) / 16 * 16
    }
    guard let memory = try SharedMemory.ofEach(in: group, byteCount: size * MemoryLayout<Float>.size)
    else { return nil }
    self.places = places
    self.memory = memory.compactMap { memory in
      memory.bytes.baseAddress.map { ($0.assumingMemoryBound(to: Float.self), memory) }
    }
    for parameter in parameters {
      guard let place = place(of: parameter) else { continue }
      parameter.slot.keepGradient(in: numbers(at: place, on: group.rank), of: memory[group.rank])
    }
  }

  /// Where a parameter's gradient begins in the memory of each rank; `nil` of one that is not there.
  func place(of parameter: Parameter) -> Int? { places[ObjectIdentifier(parameter)] }

  /// The numbers of a rank from a place on.
  func numbers(at place: Int, on rank: Int) -> UnsafeMutablePointer<Float> { memory[rank].start + place }
}
