import GraftCompute
import GraftTensors

/// Memory in which other ranks' numbers are received, used again from one time to the next. It lives as long as what was
/// begun in it is not ended.
final class SumBuffers {
  private let (received, sums) = (Room<Float>(), Room<Float>())
  private let (sentHalves, receivedHalves) = (Room<BFloat16>(), Room<BFloat16>())
  private let barrierBytes = Room<UInt8>()
  /// How many numbers are added up at once: few enough to stay in the first cache.
  private static let run = 2048

  /// How many sums, or spreads, are on their way at once: four, and of many ranks fewer, each of which has its memory.
  static func exchangesAtOnce(ranks: Int) -> Int { max(1, min(4, 64 / ranks)) }

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

  /// Begins to add up, in the order of ranks.
  ///
  /// - Returns: Waits for the others' numbers and adds them up.
  func begin(_ sum: RankSum, over transport: any Transport) throws -> () throws -> Void {
    let (size, rank) = (transport.size, transport.rank)
    let parts = (0..<size).map(sum.part)
    let own = parts[rank]
    /// The end of a sum in float32, with where other ranks' numbers then are.
    func end(_ exchange: any PendingExchange, _ other: @escaping (Int) -> UnsafeMutablePointer<Float>)
      -> () throws -> Void
    {
      { [self] in
        try exchange.wait()
        if size > 1, let mine = own.baseAddress {
          addUp((0..<size).map { $0 == rank ? mine : other($0) }, to: mine, own.count)
        }
        sum.done()
      }
    }
    switch sum.source {
    case .shared(let numbers): return end(try barrier(over: transport), numbers)
    case .sent(.float32):
      let received = received.start(own.count * size)
      let exchange = try transport.begin(
        sent: { UnsafeRawBufferPointer(parts[$0]) },
        received: { .init(UnsafeMutableBufferPointer(start: received + $0 * own.count, count: own.count)) })
      return end(exchange) { received + $0 * own.count }
    case .sent(.bfloat16):
      let halves = rounded(parts)
      let received = receivedHalves.start(own.count * size)
      let exchange = try transport.begin(
        sent: { UnsafeRawBufferPointer(halves[$0]) },
        received: { .init(UnsafeMutableBufferPointer(start: received + $0 * own.count, count: own.count)) })
      return {
        try exchange.wait()
        guard let target = own.baseAddress else { return sum.done() }
        for start in stride(from: 0, to: own.count, by: Self.run) {
          let places = start..<min(start + Self.run, own.count)
          for other in 0..<size {
            let addend =
              other == rank
              ? UnsafePointer(halves[rank].baseAddress) : UnsafePointer(received + other * own.count)
            guard let addend else { continue }
            if other == 0 {
              for i in places { target[i] = Float(addend[i]) }
            } else {
              for i in places { target[i] += Float(addend[i]) }
            }
          }
        }
        sum.done()
      }
    }
  }

  /// Begins to wait for all ranks: each sends the others a byte.
  private func barrier(over transport: any Transport) throws -> any PendingExchange {
    let bytes = barrierBytes.start(1 + transport.size)
    bytes[0] = 0
    return try transport.begin(
      sent: { _ in UnsafeRawBufferPointer(start: bytes, count: 1) },
      received: { UnsafeMutableRawBufferPointer(start: bytes + 1 + $0, count: 1) })
  }

  /// Adds up the numbers of at least two ranks in their order, a run at a time. Those of other ranks stay as they are.
  private func addUp(
    _ numbers: [UnsafeMutablePointer<Float>], to target: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    let (sums, last) = (sums.start(Self.run), numbers[numbers.count - 1])
    for start in stride(from: 0, to: count, by: Self.run) {
      let places = 0..<min(Self.run, count - start)
      var total = numbers[0] + start
      for addend in numbers.dropFirst().dropLast() {
        for i in places { sums[i] = total[i] + addend[start + i] }
        total = sums
      }
      for i in places { target[start + i] = total[i] + last[start + i] }
    }
  }

  /// Numbers in half the memory.
  private func rounded(
    _ parts: [UnsafeMutableBufferPointer<Float>]
  ) -> [UnsafeMutableBufferPointer<BFloat16>] {
    var next = sentHalves.start(parts.reduce(0) { $0 + $1.count })
    return parts.map { part in
      let halves = UnsafeMutableBufferPointer(start: next, count: part.count)
      for i in 0..<part.count { halves[i] = BFloat16(part[i]) }
      next += part.count
      return halves
    }
  }

  /// Begins to bring every rank's numbers to all.
  ///
  /// - Returns: Waits for the others'.
  func begin(_ spread: RankSpread, over transport: any Transport) throws -> () throws -> Void {
    let (size, rank) = (transport.size, transport.rank)
    let parts = (0..<size).map(spread.part)
    switch spread.precision {
    case .float32:
      let exchange = try transport.begin(
        sent: { _ in UnsafeRawBufferPointer(parts[rank]) }, received: { .init(parts[$0]) })
      return {
        try exchange.wait()
        for other in 0..<size { spread.done(other) }
      }
    case .bfloat16:
      let halves = rounded([parts[rank]])[0]
      var next = receivedHalves.start(parts.reduce(0) { $0 + $1.count })
      let received = parts.map { part in
        defer { next += part.count }
        return UnsafeMutableBufferPointer(start: next, count: part.count)
      }
      let exchange = try transport.begin(
        sent: { _ in UnsafeRawBufferPointer(halves) }, received: { .init(received[$0]) })
      return {
        try exchange.wait()
        for (other, part) in parts.enumerated() {
          let halves = other == rank ? halves : received[other]
          for i in 0..<part.count { part[i] = Float(halves[i]) }
          spread.done(other)
        }
      }
    }
  }
}
