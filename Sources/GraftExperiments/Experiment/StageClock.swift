import Foundation
import GraftTensors

/// How long a training run has taken, over all processes that took part in it.
///
/// It is written down with each checkpoint, because a process that is killed takes the time since then with it.
final class StageClock {
  private let file: URL
  private let before: Double
  private let start = ContinuousClock.now

  init(_ directory: URL) {
    file = directory.appending(path: "clock.json")
    let seconds = (try? JSON(file: file))?["seconds"]?.double ?? 0
    before = seconds.isFinite ? max(0, seconds) : 0
  }

  var ownSeconds: Double { start.secondsSince }
  var seconds: Double { before + ownSeconds }

  func save() {
    // A time that cannot be written is no reason to end a run.
    try? FileWriter.write(file, text: JSON.object(["seconds": JSON(seconds)]).text() + "\n")
  }

  func remove() {
    try? FileManager.default.removeItem(at: file)
    TemporaryName.clear(file, isAlone: true)
  }
}
