import Foundation
import GraftTensors
import TestSupport
import Testing

@testable import GraftKit

@Suite struct TrainingDirectoryTests {
  private func withCheckpoints(_ steps: [Int], _ body: (TrainingDirectory) throws -> Void) throws {
    try withTemporaryDirectory { url in
      let directory = TrainingDirectory(url: url)
      for step in steps {
        let checkpoint = directory.checkpoint(step)
        try FileManager.default.createDirectory(at: checkpoint, withIntermediateDirectories: true)
        try FileWriter.write(checkpoint.appending(path: "model.safetensors"), text: "\(step)")
      }
      try body(directory)
    }
  }

  @Test(
    arguments: [
      (2, nil, [900, 1000]), (2, 200, [200, 1000]), (1, 200, [200, 1000]), (1, 1000, [1000]),
      (1, nil, [1000]),
      (3, 100, [100, 900, 1000]), (3, 555, [200, 900, 1000]), (9, nil, [100, 200, 900, 1000]),
      (nil, nil, [100, 200, 900, 1000]),
    ] as [(Int?, Int?, [Int])])
  func rotationKeepsTheNewestAndTheBest(_ limit: Int?, _ best: Int?, _ kept: [Int]) throws {
    try withCheckpoints([1000, 100, 900, 200]) { directory in
      let removed = try directory.rotate(keeping: limit, steps: Set([best].compactMap { $0 }))
      #expect(try directory.checkpoints == kept)
      #expect(removed == [100, 200, 900, 1000].filter { !kept.contains($0) }.map(directory.checkpoint))
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.url.path)
      #expect(names.count == kept.count)
    }
  }

  @Test func onlyCheckpointsCount() throws {
    try withCheckpoints([5]) { directory in
      let others = [
        "checkpoint-", "checkpoint--9223372036854775808", "checkpoint-05", "checkpoint-x", "other-7",
      ]
      for name in others + [".checkpoint-9.partial-1"] {
        try FileManager.default.createDirectory(
          at: directory.url.appending(path: name), withIntermediateDirectories: true)
      }
      #expect(try directory.checkpoints == [5])
      try directory.removeDebris(isAlone: true)
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.url.path)
      #expect(names.sorted() == (others + ["checkpoint-5"]).sorted())
    }
  }

  @Test("a run that was killed as it began leaves room for the next") func killedAtOnce() throws {
    try withTemporaryDirectory { url in
      let half = url.appending(path: ".training_args.json.partial-1")
      try FileWriter.write(half, text: "{}")
      try TrainingDirectory(url: url).create()
      #expect(try FileManager.default.contentsOfDirectory(atPath: url.path) == [])
      try FileWriter.write(url.appending(path: ".mine.partial-1"), text: "{}")
      #expect(throws: GraftError.self) { try TrainingDirectory(url: url).create() }
    }
  }

  @Test func publishingReplacesFilesAndDirectories() throws {
    try withTemporaryDirectory { url in
      let directory = TrainingDirectory(url: url)
      for text in ["old", "new"] {
        try directory.publish { temporary in
          let heads = temporary.appending(path: "heads")
          try FileManager.default.createDirectory(at: heads, withIntermediateDirectories: true)
          try FileWriter.write(heads.appending(path: "a"), text: text)
          try FileWriter.write(temporary.appending(path: "config.json"), text: text)
        }
        #expect(try String(contentsOf: url.appending(path: "heads/a"), encoding: .utf8) == text)
        #expect(try String(contentsOf: url.appending(path: "config.json"), encoding: .utf8) == text)
        #expect(try FileManager.default.contentsOfDirectory(atPath: url.path).count == 2)
      }
    }
  }

  @Test func publishingRemovesNothingThatItCannotReplace() throws {
    try withTemporaryDirectory { url in
      try FileWriter.write(url.appending(path: "heads"), text: "a file")
      let error = #expect(throws: GraftError.self) {
        try TrainingDirectory(url: url).publish { temporary in
          try FileManager.default.createDirectory(
            at: temporary.appending(path: "heads"), withIntermediateDirectories: true)
        }
      }
      #expect(error?.kind == .system)
      #expect(try String(contentsOf: url.appending(path: "heads"), encoding: .utf8) == "a file")
    }
  }
}
