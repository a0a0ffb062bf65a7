import Foundation
import GraftCompute
import Synchronization

/// For how long a thread has had something to do, and its CPU time. Read by any thread.
final class CPUClock: Sendable {
  private struct State {
    var clock: clockid_t?
    var total: UInt64 = 0
    var since: UInt64?
  }

  private let state = Mutex(State())

  /// Looks at a thread from now on, which lives as long as this is read.
  func follow(_ thread: pthread_t) {
    var clock = clockid_t()
    guard pthread_getcpuclockid(thread, &clock) == 0 else { return }
    state.withLock { $0.clock = clock }
  }

  /// The thread has something to do.
  func start() { state.withLock { $0.since = Self.now } }

  /// It has done all of it.
  func stop() {
    state.withLock { state in
      state.total += state.since.map { Self.now - $0 } ?? 0
      state.since = nil
    }
  }

  var reading: Profile.Overlap {
    state.withLock { state in
      let busy = state.total + (state.since.map { Self.now - $0 } ?? 0)
      var taken = timespec()
      if let clock = state.clock { clock_gettime(clock, &taken) }
      return Profile.Overlap(
        seconds: Double(busy) / 1e9, cpuSeconds: Double(taken.tv_sec) + Double(taken.tv_nsec) / 1e9)
    }
  }

  private static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }
}
