import GraftCompute
import GraftTensors

/// Memory in which ranks' numbers are sent, received and added up, used again from one time to the next.
final class SumBuffers {
  private let (own, received, total) = (Room<Float>(), Room<Float>(), Room<Float>())
  private let (sentHalves, receivedHalves) = (Room<BFloat16>(), Room<BFloat16>())

  /// Memory that grows.
  private final class Room<Element: BitwiseCopyable> {
    private var memory = UnsafeMutableBufferPointer<Element>(start: nil, count: 0)

    func start(_ count: Int) -> UnsafeMutablePointer<Element> {
      if count > memory.count || memory.baseAddress == nil {
        memory.deallocate()
        memory = .allocate(capacity: max(1, count))
      }
      guard let start = memory.baseAddress else { preconditionFailure("memory without an address") }
      return start
    }

    deinit { memory.deallocate() }
  }

  /// Adds up, in the order of ranks.
  func add(_ sum: RankSum, over transport: any Transport) throws {
    let (size, rank, count) = (transport.size, transport.rank, sum.count)
    let (own, total) = (own.start(count * size), total.start(count))
    for other in 0..<size { sum.read(other, own + other * count) }
    switch sum.precision {
    case .float32:
      let received = received.start(count * size)
      try transport.allToAll(own, to: received, blockSize: 4 * count)
      func addend(_ other: Int) -> UnsafePointer<Float> {
        UnsafePointer((other == rank ? own : received) + other * count)
      }
      total.update(from: addend(0), count: count)
      for other in 1..<max(1, size) {
        let addend = addend(other)
        for i in 0..<count { total[i] += addend[i] }
      }
    case .bfloat16:
      let (sent, received) = (sentHalves.start(count * size), receivedHalves.start(count * size))
      for i in 0..<count * size { sent[i] = BFloat16(own[i]) }
      try transport.allToAll(sent, to: received, blockSize: 2 * count)
      total.update(repeating: 0, count: count)
      for other in 0..<size {
        let addend = (other == rank ? sent : received) + other * count
        for i in 0..<count { total[i] += Float(addend[i]) }
      }
    }
    sum.write(total)
  }

  /// Brings every rank's numbers to all.
  func exchange(_ spread: RankSpread, over transport: any Transport) throws {
    let (size, rank, count) = (transport.size, transport.rank, spread.count)
    let own = own.start(count)
    spread.read(own)
    switch spread.precision {
    case .float32:
      let received = received.start(count * size)
      try transport.allGather(own, to: received, blockSize: 4 * count)
      for other in 0..<size { spread.write(other, other == rank ? own : received + other * count) }
    case .bfloat16:
      let (sent, received) = (sentHalves.start(count), receivedHalves.start(count * size))
      for i in 0..<count { sent[i] = BFloat16(own[i]) }
      try transport.allGather(sent, to: received, blockSize: 2 * count)
      for other in 0..<size {
        let halves = other == rank ? sent : received + other * count
        for i in 0..<count { own[i] = Float(halves[i]) }
        spread.write(other, own)
      }
    }
  }
}
