import FuzzTargets
import Foundation
import Testing

/// Every reader on inputs that are its seeds with a few changes, and on those that were faults once.
///
/// All take a minute, or as long as `GRAFT_FUZZ_SECONDS` says; `GRAFT_FUZZ_SEED` says which inputs.
@Suite struct SmokeTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let seconds =
    (environment["GRAFT_FUZZ_SECONDS"].flatMap(Double.init) ?? 60) / Double(FuzzTarget.all.count)
  private static let seed = environment["GRAFT_FUZZ_SEED"].flatMap(UInt64.init) ?? 1

  @Test("nothing that is read ends the program, or takes more than it should", arguments: FuzzTarget.all)
  func changedInputs(_ target: FuzzTarget) throws {
    let run = try DeterministicRun(target, seconds: Self.seconds, seed: Self.seed)
    // Both have to happen, or the changes test nothing.
    #expect(run.read > 0 && run.inputs > 10, "\(run)")
    #expect(run.read < run.inputs || !Self.canRefuse(target), "\(run)")
  }

  /// Some readers take whatever there is.
  private static func canRefuse(_ target: FuzzTarget) -> Bool {
    !["text-", "model-card", "http-head"].contains { target.name.hasPrefix($0) }
  }
}
