import Foundation
import GraftCore
import GraftTensors
import LineLogs
import TestSupport
import Testing

/// A run's directory, as MLflow's own file store writes it.
@Suite struct MLflowTests {
  private let run = RunDescription(
    name: "news",
    settings: ["learning-rate": 5e-05, "batch-size": 8, "lr-scheduler": "linear", "data": "Züge.csv"],
    configuration: .null)

  /// The texts of all files below a directory, by their paths.
  private func texts(_ directory: URL) throws -> [String: String] {
    let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    return try names.reduce(into: [:]) { texts, name in
      let url = directory.appending(path: name)
      guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { return }
      texts[name] = try String(contentsOf: url, encoding: .utf8)
    }
  }

  /// The members of a `meta.yaml`, without the quotes around texts.
  private func members(_ text: String) -> [String: String] {
    text.split(separator: "\n").reduce(into: [:]) { members, line in
      let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
      members[parts[0]] = parts[1].trimmingCharacters(in: CharacterSet(charactersIn: "'\""))
    }
  }

  /// Golden written by MLflow: `Fixtures/mlflow/make.py`.
  @Test func filesAreMLflows() throws {
    let document = try JSON(parsing: Array(Data(contentsOf: fixtures.appending(path: "mlflow/golden.json"))))
    let golden = try #require(document.object).compactMapValues(\.string)
    try withTemporaryDirectory { directory in
      let writer = try MLflowWriter(directory: directory, after: 0)
      try writer.describe(run)
      try writer.add(["train/loss": 0.6931471805599453, "train/grad_norm": .infinity], step: 5)
      try writer.add(["train/loss": .nan, "eval/accuracy": 0.25], step: 10)
      try writer.end(.finished, step: 10)
      let root = directory.appending(path: "mlruns")
      var found = try texts(root)
      let identifier = found.removeValue(forKey: "graft-run") ?? ""
      #expect(identifier.count == 32)
      let uri = URL(filePath: root.path).absoluteString.trimmingSuffix("/")
      found = found.reduce(into: [:]) { renamed, file in
        let text = file.value.replacing(uri, with: "ROOT").replacing(identifier, with: "RUN")
        renamed[file.key.replacing(identifier, with: "RUN")] = text
      }
      #expect(Set(found.keys) == Set(golden.keys))
      for (path, expected) in golden {
        let text = try #require(found[path])
        if path.hasSuffix("meta.yaml") {
          let (own, theirs) = (members(text), members(expected))
          for (key, value) in own where !key.hasSuffix("_time") && key != "user_id" {
            #expect(theirs[key] == value, "\(path): \(key)")
          }
          #expect(path == "0/meta.yaml" || Set(own.keys) == Set(theirs.keys))
        } else if path.contains("/metrics/") {
          // All but the time.
          func lines(_ text: String) -> [Substring] {
            text.split(separator: "\n").map { $0.drop { $0 != " " } }
          }
          #expect(lines(text) == lines(expected), "\(path)")
        } else if !path.hasSuffix("mlflow.user") {
          #expect(text == expected, "\(path)")
        }
      }
    }
  }

  @Test func aRunThatGoesOnIsTheSame() throws {
    try withTemporaryDirectory { directory in
      var writer = try MLflowWriter(directory: directory, after: 0)
      try writer.describe(run)
      for step in 1...3 { try writer.add(["train/loss": 1, "eval/loss": 2], step: step) }
      try writer.end(.interrupted, step: 3)
      let meta = try #require(texts(directory).first { $0.key.hasSuffix("/metrics/train/loss") }).key
        .replacing("metrics/train/loss", with: "meta.yaml")
      let before = members(try #require(texts(directory)[meta]))
      #expect(before["status"] == "5" && before["end_time"] != "null")
      writer = try MLflowWriter(directory: directory, after: 2)
      try writer.describe(run)
      let after = members(try #require(texts(directory)[meta]))
      #expect(after["status"] == "1" && after["end_time"] == "null")
      #expect(after["start_time"] == before["start_time"])
      for (path, text) in try texts(directory) where path.contains("/metrics/") {
        #expect(text.split(separator: "\n").count == 2, "\(path)")
      }
      try writer.end(.failed, step: 2)
      #expect(members(try #require(texts(directory)[meta]))["status"] == "4")
    }
  }

  @Test func namesThatMLflowDoesNotTake() throws {
    try withTemporaryDirectory { directory in
      let writer = try MLflowWriter(directory: directory, after: 0)
      try writer.add(["eval/../a": 1, "eval/f1 (é)": 1, "/x": 1], step: 1)
      let names = try texts(directory).keys.filter { $0.contains("/metrics/") }
        .map { $0.split(separator: "/metrics/")[1] }
      #expect(Set(names) == ["eval/_/a", "eval/f1 _é_", "_/x"])
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}
