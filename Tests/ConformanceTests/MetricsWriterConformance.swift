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

  /// The sizes of all files below a place that does not exist at first.
  private func sizes(_ body: (URL) throws -> Void) throws -> [Int] {
    try withTemporaryDirectory { directory in
      try body(directory.appending(path: "runs"))
      return sizes(below: directory)
    }
  }

  private func sizes(below directory: URL) -> [Int] {
    let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    return names.compactMap { name in
      FileManager.default.contents(atPath: directory.appending(path: name).path)?.count
    }.sorted()
  }

  private let values = ["train/loss": 0.5, "eval/accuracy": 1, "train/learning_rate": .infinity]

  @Test("numbers are on the disk as soon as they were added", arguments: writers.map { $0.name })
  func isWritten(_ name: String) throws {
    let type = try Registry(builtInPlugins).metricsWriters.find(name)
    func size(_ steps: ClosedRange<Int>) throws -> Int {
      var size = 0
      _ = try sizes { place in
        let writer = try type.init(directory: place, after: 0)
        for step in steps { try writer.add(values, step: step) }
        withExtendedLifetime(writer) { size = sizes(below: place).reduce(0, +) }
      }
      return size
    }
    #expect(try size(1...1) > 0)
    #expect(try size(1...2) > size(1...1))
  }

  @Test("a run that is resumed has as much as one that was not", arguments: writers.map { $0.name })
  func isResumed(_ name: String) throws {
    let type = try Registry(builtInPlugins).metricsWriters.find(name)
    let run = RunDescription(
      name: "run", settings: ["learning-rate": 5e-5, "eval-data": "a, b"],
      configuration: ["model_type": "bert"])
    var longer = run
    longer.settings["epochs"] = 8
    let whole = try sizes { place in
      let writer = try type.init(directory: place, after: 0)
      try writer.describe(longer)
      for step in 0...5 { try writer.add(values, step: step) }
      try writer.end(.finished, step: 5)
    }
    let resumed = try sizes { place in
      for (start, end) in [(0, 2), (0, 4), (3, 5), (2, 4), (4, 5)] {
        let writer = try type.init(directory: place, after: start)
        try writer.describe(start == 4 ? longer : run)
        for step in (start == 0 ? 0 : start + 1)...end { try writer.add(values, step: step) }
        try writer.end(end == 5 ? .finished : RunEnd.allCases[end % 3], step: end)
      }
    }
    #expect(whole == resumed)
  }

  @Test("a place that cannot be written is an error, not a crash", arguments: writers.map { $0.name })
  func isRefused(_ name: String) throws {
    let type = try Registry(builtInPlugins).metricsWriters.find(name)
    #expect(throws: GraftError.self) { try type.init(directory: URL(filePath: "/proc/graft"), after: 0) }
  }
}
