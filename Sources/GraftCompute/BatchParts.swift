import Synchronization

extension Tape {
  /// Computes a row for each token of a batch, or for each sequence, for parts of the batch at the same time where that
  /// is faster.
  ///
  /// With packed weights a thread takes a part through all layers. The part's activations stay in the cache of its core, and
  /// it waits for no other thread until the end. The result is the same, bit for bit: no sequence depends on another, and
  /// no row of a product with a packed weight on other rows.
  ///
  /// - Parameters:
  ///   - batch: The sequences.
  ///   - width: The columns of the result.
  ///   - perSequence: Whether there is a row for each sequence, and not for each token.
  ///   - body: Makes the rows of the batch or of a part of it, with the tape that it is given; called on any thread.
  /// - Returns: `[tokens, width]` or `[sequences, width]`, in the order of the batch.
  /// - Throws: what `body` throws for the first part that fails.
  public func inParts(
    of batch: Batch, width: Int, perSequence: Bool = false,
    _ body: (_ part: Batch, _ tape: Tape) throws -> Variable
  ) throws -> Variable {
    // What is packed first is packed by all threads. Times, recorded steps, traces and checks are those of one tape.
    let canBeCut = (prepared?.byteCount ?? 0) > 0 && profile == nil && trace == nil && !checksNumbers
    let parts = canBeCut ? BatchParts(batch.offsets, threads: backend.threads.count).ranges : []
    guard let pool, parts.count > 1 else { return try body(batch, self) }
    let y = Variable(scratch([perSequence ? batch.sequenceCount : batch.tokenCount, width]))
    let pools = (0..<backend.threads.count).map(pool.part)
    let failure = Mutex<(part: Int, error: any Error)?>(nil)
    backend.threads.run(parts.count) { [backend, prepared] index, worker in
      let tape = Tape(backend, recording: false, pool: pools[worker], prepared: prepared)
      do {
        let rows = try body(batch.part(parts[index]), tape).value
        let sequence = parts[index].lowerBound
        let first = perSequence ? sequence : batch.offsets[sequence]
        (y.value.pointer + first * width).update(from: rows.pointer, count: rows.count)
      } catch {
        failure.withLock { if $0.map({ index < $0.part }) != false { $0 = (index, error) } }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure.error }
    return y
  }
}

/// How a batch is cut for threads: into stretches of sequences of about as many tokens.
struct BatchParts {
  /// The sequences of each part. One part where cutting does not pay.
  let ranges: [Range<Int>]

  /// A part of fewer rows multiplies slower, for it reads all weights.
  static let leastTokens = 96
  /// The activations of a part of more rows leave a core's cache.
  static let mostTokens = 256

  /// - Parameters:
  ///   - offsets: Where sequences start: `[sequences + 1]`.
  ///   - threads: How many threads there are.
  init(_ offsets: [Int], threads: Int) {
    let (sequences, tokens) = (offsets.count - 1, offsets.last ?? 0)
    let wanted = (tokens + Self.mostTokens - 1) / Self.mostTokens
    let count = (max(1, wanted) + threads - 1) / threads * threads
    let whole = [0..<max(0, sequences)]
    guard threads > 1, tokens >= count * Self.leastTokens else {
      ranges = whole
      return
    }
    var ranges: [Range<Int>] = []
    var (start, longest) = (0, 0)
    for part in 1...count {
      // Ends where a part of the share of all tokens would.
      let end = offsets.firstIndex { $0 * count >= tokens * part } ?? sequences
      guard end > start else { continue }
      ranges.append(start..<end)
      longest = max(longest, offsets[end] - offsets[start])
      start = end
    }
    // Threads that have nothing left wait for the longest part.
    let rounds = (ranges.count + threads - 1) / threads
    self.ranges = rounds * threads * longest <= tokens * 5 / 4 ? ranges : whole
  }
}
