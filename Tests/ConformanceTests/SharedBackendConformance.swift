import Foundation
import GraftCompute
import Synchronization
import Testing

/// Every compute backend with several callers at once, as a server has them.
@Suite("Every backend, shared") struct SharedBackendConformance {
  @Test(
    "callers on threads of their own get, bit for bit, what they get alone", arguments: BackendCandidate.all)
  func severalCallers(_ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 2)
    // Of different sizes, so that one caller's buffers would not do for another.
    let samples = [(64, 40), (32, 90), (96, 23), (64, 41)].map { BackendSample(hidden: $0, tokens: $1) }
    let alone = try samples.map { try $0.run(backend) }
    let differences = Mutex<[String]>([])
    let callers = DispatchGroup()
    for (number, sample) in samples.enumerated() {
      callers.enter()
      Thread {
        defer { callers.leave() }
        for round in 0..<6 {
          let found = Result { try sample.run(backend) }
          guard case .success(alone[number]) = found else {
            differences.withLock { $0.append("caller \(number), round \(round)") }
            return
          }
        }
      }.start()
    }
    callers.wait()
    #expect(differences.withLock(\.self) == [])
  }
}
