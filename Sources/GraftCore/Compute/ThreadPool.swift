import Foundation

/// Threads that wait for parallel loops.
///
/// Work is cut into pieces by shape alone, never by the number of threads, so that results do not depend on
/// it; threads take pieces as they come free.
public final class ThreadPool: @unchecked Sendable {
  /// How many threads take part, the caller's included.
  public let count: Int

  private let condition = NSCondition()
  private var job: Job?
  private var generation = 0
  private var stopping = false

  /// One parallel loop: a body and the next piece to take. `unclaimed` and `unfinished` are guarded by
  /// the pool's condition.
  private final class Job: @unchecked Sendable {
    let body: (Int) -> Void
    let pieces: Int
    var next = 0
    var unfinished: Int

    init(_ pieces: Int, _ body: @escaping (Int) -> Void) {
      self.pieces = pieces
      self.body = body
      unfinished = pieces
    }
  }

  /// - Parameter count: How many threads take part, at least one; one means no thread is started.
  public init(count: Int) {
    self.count = max(1, count)
    for _ in 1..<self.count {
      Thread.detachNewThread { [weak self] in
        ThreadPool.work { self }
      }
    }
  }

  /// Runs `body` for each piece `0 ..< pieces`, in any order and on any thread, and waits for all.
  ///
  /// Not to be called from inside a piece.
  public func run(_ pieces: Int, _ body: (Int) -> Void) {
    if count == 1 || pieces <= 1 {
      for piece in 0..<pieces { body(piece) }
      return
    }
    withoutActuallyEscaping(body) { body in
      let job = Job(pieces, body)
      condition.lock()
      self.job = job
      generation += 1
      condition.broadcast()
      help(job)
      while job.unfinished > 0 { condition.wait() }
      self.job = nil
      condition.unlock()
    }
  }

  /// Takes pieces until none is left. Called and left with the lock held.
  private func help(_ job: Job) {
    while job.next < job.pieces {
      let piece = job.next
      job.next += 1
      condition.unlock()
      job.body(piece)
      condition.lock()
      job.unfinished -= 1
      if job.unfinished == 0 { condition.broadcast() }
    }
  }

  private static func work(_ pool: () -> ThreadPool?) {
    fatalError("replaced by the compute helper")
  }
}
