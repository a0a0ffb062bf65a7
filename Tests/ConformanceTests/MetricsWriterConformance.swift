import Foundation
import TestSupport
import Testing

@testable import GraftCore
@testable import GraftTensors
import GraftPlugins

/// Every metrics writer in the registry: what a run may ask of one.
@Suite("Every metrics writer")
struct MetricsWriterConformance {
  static let writers: [any MetricsWriter.Type] = (try? Registry(builtInPlugins))?.metricsWriters.values ?? []

  @Test("there are some: an empty list would pass every test below")
  func notEmpty() { #expect(!Self.writers.isEmpty) }

  /// The bytes of all files below a place that does not exist at first.
  private func files(_ body: (URL) throws -> Void) throws -> [Data] {
    try withTemporaryDirectory { directory in
      try body(directory.appending(path: "runs"))
      let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
      return names.compactMap { FileManager.default.contents(atPath: directory.appending(path: $0).path) }
    }
  }

  private let values = ["train/loss": 0.5, "eval/accuracy": 1, "train/learning_rate": .infinity]

  @Test("numbers are on the disk as soon as they were added", arguments: writers.map { $0.name })
  func isWritten(_ name: String) throws {
    let type = try Registry(builtInPlugins).metricsWriters.find(name)
    func size(_ steps: ClosedRange<Int>) throws -> Int {
      var sizes = 0
      _ = try files { place in
        let writer = try type.init(directory: place, after: 0)
        for step in steps { try writer.add(values, step: step) }
        try withExtendedLifetime(writer) {
          for name in try FileManager.default.contentsOfDirectory(atPath: place.path) {
            sizes += FileManager.default.contents(atPath: place.appending(path: name).path)?.count ?? 0
          }
        }
      }
      return sizes
    }
    #expect(try size(1...1) > 0)
    #expect(try size(1...2) > size(1...1))
  }

  @Test("a run that is resumed has as much as one that was not", arguments: writers.map { $0.name })
  func isResumed(_ name: String) throws {
    let type = try Registry(builtInPlugins).metricsWriters.find(name)
    let whole = try files { place in
      let writer = try type.init(directory: place, after: 0)
      for step in 0...5 { try writer.add(values, step: step) }
    }
    let resumed = try files { place in
      for (start, end) in [(0, 2), (0, 4), (3, 5), (2, 4), (4, 5)] {
        let writer = try type.init(directory: place, after: start)
        for step in (start == 0 ? 0 : start + 1)...end { try writer.add(values, step: step) }
      }
    }
    #expect(whole.map(\.count) == resumed.map(\.count))
  }

  @Test("a place that cannot be written is an error, not a crash", arguments: writers.map { $0.name })
  func isRefused(_ name: String) throws {
    let type = try Registry(builtInPlugins).metricsWriters.find(name)
    #expect(throws: GraftError.self) { try type.init(directory: URL(filePath: "/proc/graft"), after: 0) }
  }
}
