import Foundation
import GraftCompute
import Testing

@testable import GraftKit

/// What a thread had to do and took of a core.
@Suite struct CPUClockTests {
  @Test func anIdleThreadHasNothingToDoAndAWaitingOneTakesNoCore() throws {
    let clock = CPUClock()
    #expect(clock.reading == Profile.Overlap())
    let (working, waiting, over) = (Gate(), Gate(), Gate())
    var readings: [Profile.Overlap] = []
    Thread.detachNewThread {
      clock.follow(pthread_self())
      clock.start()
      working.open()
      // Half a second of a core, however long that takes.
      while clock.reading.cpuSeconds < 0.5 {}
      clock.stop()
      waiting.open()
      over.wait()
    }
    working.wait()
    waiting.wait()
    readings.append(clock.reading)
    Thread.sleep(forTimeInterval: 0.2)
    readings.append(clock.reading)
    over.open()
    // The thread took a little before it had something to do.
    #expect(readings[0].cpuSeconds >= 0.5 && readings[0].seconds > 0.4)
    #expect(readings[1].seconds == readings[0].seconds)
    #expect(readings[1].cpuSeconds - readings[0].cpuSeconds < 0.1)
  }

  /// Something that others wait for.
  private final class Gate: @unchecked Sendable {
    // Guarded by the condition.
    private let condition = NSCondition()
    private var isOpen = false

    func open() {
      condition.lock()
      isOpen = true
      condition.broadcast()
      condition.unlock()
    }

    func wait() {
      condition.lock()
      while !isOpen { condition.wait() }
      condition.unlock()
    }
  }
}
