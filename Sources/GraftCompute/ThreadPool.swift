import Foundation
import Synchronization

/// Threads that wait for parallel loops.
///
/// Work is cut into pieces by shape alone, never by the number of threads, so that results do not depend on
/// it; threads take pieces as they come free. A waiting thread looks for work for a moment, then sleeps, so
/// that loops that follow each other closely start at once and an idle pool costs nothing.
public final class ThreadPool: Sendable {
  /// How many threads take part, the caller's included.
  public let count: Int

  // The threads own the team and not the pool, so that the pool's end can be theirs.
  let team: Team

  /// - Parameter count: How many threads take part, at least one; one means no thread is started.
  public init(count: Int) {
    self.count = max(1, count)
    team = Team(spins: self.count <= ProcessInfo.processInfo.activeProcessorCount)
    for worker in 1..<self.count {
      Thread.detachNewThread { [team] in team.work(as: worker) }
    }
  }

  deinit { team.stop() }

  /// Runs `body` for each piece `0 ..< pieces`, in any order and on any thread, and waits for all.
  ///
  /// When the pool is busy, because this is called from inside a piece or by another thread, the pieces run
  /// one after the other on the calling thread.
  public func run(_ pieces: Int, _ body: (_ piece: Int) -> Void) {
    run(pieces) { piece, _ in body(piece) }
  }

  /// Runs `body` for each piece, and tells it which of the ``count`` threads it is on.
  ///
  /// No two pieces of a loop run at once with one worker number, so that it can choose among scratch buffers.
  public func run(_ pieces: Int, _ body: (_ piece: Int, _ worker: Int) -> Void) {
    if count == 1 || pieces <= 1 || !team.run(pieces, body) {
      for piece in 0..<max(0, pieces) { body(piece, 0) }
    }
  }

  /// Cuts `0 ..< count` into blocks of `size`, the last one shorter, and runs `body` for each.
  public func forEachBlock(of size: Int, in count: Int, _ body: (_ block: Range<Int>) -> Void) {
    let size = max(1, size)
    run((count + size - 1) / size) { piece in body(piece * size..<min(count, (piece + 1) * size)) }
  }
}

/// What the threads of a pool share: one loop at a time.
final class Team: Sendable {
  /// The number of the loop in the upper half, so that a late thread cannot take a piece of the next loop by
  /// mistake; in the lower half the number of pieces not yet taken.
  private let loop = Atomic<UInt64>(0)
  /// How many pieces have not returned.
  private let unfinished = Atomic<Int>(0)
  private let isBusy = Atomic<Bool>(false)
  private let isStopping = Atomic<Bool>(false)
  private let sleepers = Atomic<Int>(0)
  private let callerSleeps = Atomic<Bool>(false)
  private let started = NSCondition()
  private let finished = NSCondition()
  private let spins: Bool
  // Written by the caller before `loop`, and read only by a thread that has taken a piece of this loop, whose
  // end the caller waits for.
  nonisolated(unsafe) private var body: ((Int, Int) -> Void)?
  nonisolated(unsafe) private var pieces = 0

  /// How long to look for work before sleeping, in nanoseconds: longer than the serial stretches between the
  /// loops of a training step, much shorter than a time slice.
  private static let patience: UInt64 = 100_000

  /// - Parameter spins: Whether looking for work before sleeping is worth it: not with more threads than CPUs.
  init(spins: Bool) { self.spins = spins }

  /// Runs a loop, unless one is running.
  func run(_ pieces: Int, _ body: (Int, Int) -> Void) -> Bool {
    guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      return false
    }
    defer { isBusy.store(false, ordering: .releasing) }
    precondition(pieces <= UInt32.max)
    withoutActuallyEscaping(body) { body in
      self.body = body
      self.pieces = pieces
      unfinished.store(pieces, ordering: .relaxed)
      let number = (loop.load(ordering: .relaxed) >> 32) &+ 1
      loop.store(number << 32 | UInt64(pieces), ordering: .sequentiallyConsistent)
      wake(pieces - 1)
      help(as: 0)
      waitForOthers()
      self.body = nil
    }
    return true
  }

  private func wake(_ wanted: Int) {
    guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
    started.lock()
    for _ in 0..<min(wanted, sleepers.load(ordering: .relaxed)) { started.signal() }
    started.unlock()
  }

  private func waitForOthers() {
    if look(for: { unfinished.load(ordering: .acquiring) == 0 }) { return }
    finished.lock()
    callerSleeps.store(true, ordering: .sequentiallyConsistent)
    while unfinished.load(ordering: .sequentiallyConsistent) > 0 { finished.wait() }
    callerSleeps.store(false, ordering: .relaxed)
    finished.unlock()
  }

  /// Takes pieces until none is left.
  private func help(as worker: Int) {
    while let piece = claim() {
      perform(piece, worker)
      if unfinished.subtract(1, ordering: .sequentiallyConsistent).newValue == 0,
        callerSleeps.load(ordering: .sequentiallyConsistent)
      {
        finished.lock()
        finished.signal()
        finished.unlock()
      }
    }
  }

  private func claim() -> Int? {
    var seen = loop.load(ordering: .acquiring)
    while true {
      let left = Int(seen & 0xFFFF_FFFF)
      guard left > 0 else { return nil }
      let (taken, now) = loop.compareExchange(
        expected: seen,
        desired: seen - 1,
        ordering: .acquiringAndReleasing
      )
      if taken { return pieces - left }
      seen = now
    }
  }

  // A function of its own: its reference to the body ends before the piece counts as finished.
  @inline(never)
  private func perform(_ piece: Int, _ worker: Int) { body?(piece, worker) }

  func work(as worker: Int) {
    // Signals are for the threads of the program: a handler must not interrupt a kernel.
    var signals = sigset_t()
    sigfillset(&signals)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    while !isStopping.load(ordering: .acquiring) {
      help(as: worker)
      if look(for: { hasNews }) { continue }
      started.lock()
      sleepers.add(1, ordering: .sequentiallyConsistent)
      while !hasNews { started.wait() }
      sleepers.subtract(1, ordering: .relaxed)
      started.unlock()
    }
  }

  private var hasNews: Bool {
    loop.load(ordering: .sequentiallyConsistent) & 0xFFFF_FFFF != 0
      || isStopping.load(ordering: .sequentiallyConsistent)
  }

  /// Checks a condition over and over for a short time, letting other threads pass.
  private func look(for condition: () -> Bool) -> Bool {
    guard spins else { return condition() }
    let end = DispatchTime.now().uptimeNanoseconds + Team.patience
    repeat {
      for _ in 0..<64 where condition() { return true }
      sched_yield()
    } while DispatchTime.now().uptimeNanoseconds < end
    return condition()
  }

  func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    started.lock()
    started.broadcast()
    started.unlock()
  }
}
