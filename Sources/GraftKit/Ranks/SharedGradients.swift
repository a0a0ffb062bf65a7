import GraftCompute
import GraftTensors

/// Gradients of ranks on one machine, in memory that the ranks share: each adds up the numbers of its part where the others
/// have them, and none is sent. Long ones gather there; short ones are packed there, a bucket at a time.
///
/// In return no rank may begin the next gradients before all have added up: in a step they meet in between.
final class SharedGradients: @unchecked Sendable {
  // Constant but for the room that is left, which the thread of the steps counts; who writes the numbers when is said above.

  /// Of each rank.
  private let memory: [SharedMemory]
  private let rank: Int
  /// Where each long parameter's begins.
  private let places: [ObjectIdentifier: Int]
  private let long: [Parameter]
  /// Where copies begin, and how many numbers of them were placed since the gradients began.
  private let copies: Int
  private var copied = 0

  /// Has long gradients gather in such memory.
  ///
  /// - Parameters:
  ///   - parameters: The same on every rank, each of which has its own.
  ///   - copyCount: How many numbers of short gradients are packed there in a step at most.
  /// - Returns: `nil` where the ranks are on several machines, or do not see one another's memory.
  /// - Throws: What went wrong between ranks.
  init?(long parameters: [Parameter], copyCount: Int, in group: any ProcessGroup) throws {
    var (size, places) = (0, [ObjectIdentifier: Int]())
    for parameter in parameters {
      places[ObjectIdentifier(parameter)] = size
      // Whole cache lines.
      size += (parameter.value.count + 15) / 16 * 16
    }
    guard
      let memory = try SharedMemory.ofEach(
        in: group, byteCount: (size + copyCount) * MemoryLayout<Float>.size)
    else { return nil }
    (self.places, self.memory, long, copies, rank) = (places, memory, parameters, size, group.rank)
    for parameter in parameters {
      guard let place = place(of: parameter) else { continue }
      parameter.slot.sharedBuffer = Tensor(
        parameter.shape, in: numbers(at: place, on: group.rank), of: memory[group.rank])
    }
  }

  /// Leaves the parameters without such memory.
  func release() {
    for parameter in long { parameter.slot.sharedBuffer = nil }
  }

  /// The gradients of another step are to come.
  func begin() { copied = 0 }

  /// Room for a copy of short gradients, the same on every rank that asks in the same order, and where it begins.
  func copy(_ shape: [Int]) -> (tensor: Tensor, place: Int) {
    let place = copies + copied
    copied += shape.reduce(1, *)
    return (Tensor(shape, in: numbers(at: place, on: rank), of: memory[rank]), place)
  }

  /// Where a parameter's gradient begins in the memory of each rank; `nil` of one that is not there.
  func place(of parameter: Parameter) -> Int? { places[ObjectIdentifier(parameter)] }

  /// The numbers of a rank from a place on.
  func numbers(at place: Int, on rank: Int) -> UnsafeMutablePointer<Float> {
    guard let start = memory[rank].bytes.baseAddress else { preconditionFailure("memory without an address") }
    return start.assumingMemoryBound(to: Float.self) + place
  }
}
