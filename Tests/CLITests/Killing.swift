import Foundation
import GraftTensors
import Testing

extension Sandbox {
  /// Runs the binary and kills it after a time.
  ///
  /// - Returns: Whether it was still running.
  func graft(_ arguments: [String], killedAfter delay: Double) throws -> Bool {
    let process = try start(arguments)
    Thread.sleep(forTimeInterval: delay)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    if process.terminationReason == .exit {
      #expect(process.terminationStatus == 0, "it failed before it was killed")
      return false
    }
    return true
  }

  /// Starts the binary, which prints nowhere.
  func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = Sandbox.binary
    process.arguments = arguments.map(resolve)
    process.currentDirectoryURL = directory
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }
}

/// What tests that kill have in common.
enum Killing {
  /// A document without what the clock, the directory's name and the number of processes decide.
  static func withoutTimes(_ file: URL) throws -> JSON {
    func cleaned(_ json: JSON) -> JSON {
      switch json {
      case .array(let elements): .array(elements.map(cleaned))
      case .object(let members):
        .object(
          members.filter { key, _ in
            !key.hasSuffix("_runtime") && !key.hasSuffix("_per_second")
              && !["best_model_checkpoint", "started", "seconds", "cached"].contains(key)
          }.mapValues(cleaned))
      default: json
      }
    }
    return cleaned(try JSON(parsing: Array(Data(contentsOf: file))))
  }
}

/// A small generator with a seed, for moments that are random and the same in each run.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
