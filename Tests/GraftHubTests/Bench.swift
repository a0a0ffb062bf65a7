import Foundation
import GraftCore
import GraftTensors
import HubServer
import TestSupport

@testable import GraftHub

/// A model on a loopback Hub, and an empty cache.
struct Bench {
  let directory: URL
  let server: HubServer
  var settings: HubSettings
  var retryPolicy = RetryPolicy(firstDelay: 0.002)

  static let id = "acme/tiny-bert"
  static let tokenizerNames = [
    TokenizerFileNames(
      sufficient: [["tokenizer.json"], ["vocab.txt"]], settings: ["tokenizer_config.json"])
  ]
  static let weightNames = ["model.safetensors", "pytorch_model.bin", "tf_model.h5"]

  /// Files of a model: enough to tell them apart.
  static let files: [String: [UInt8]] = [
    "config.json": Array(#"{"model_type": "bert"}"#.utf8),
    "vocab.txt": Array("[PAD]\n[UNK]\n".utf8),
    "README.md": Array("# A model\n".utf8),
    "model.safetensors": bytes(100_000, seed: 1),
    "pytorch_model.bin": bytes(90_000, seed: 2),
    "onnx/model.onnx": bytes(1000, seed: 3),
  ]

  /// Bytes that do not repeat.
  static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      for index in 0..<count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        buffer[index] = UInt8(truncatingIfNeeded: state >> 33)
      }
      filled = count
    }
  }

  static func with<Result>(
    _ files: [String: [UInt8]] = files, formerly: String? = nil,
    change: (inout Repository) -> Void = { _ in },
    _ body: (Bench) throws -> Result
  ) throws -> Result {
    try withTemporaryDirectory { directory in
      let model = directory.appending(path: "model")
      for (name, bytes) in files {
        let url = model.appending(path: name)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
      }
      var repository = try Repository(id, model)
      repository.formerly = formerly
      change(&repository)
      let server = try HubServer([repository])
      let settings = try HubSettings([
        "HF_ENDPOINT": server.endpoint, "HF_HOME": directory.appending(path: "home").path,
      ])
      return try body(Bench(directory: directory, server: server, settings: settings))
    }
  }

  var hub: Hub { hub(settings) }

  func hub(_ settings: HubSettings) -> Hub {
    Hub(
      settings, weightNames: Self.weightNames, configurationNames: ["config.json"],
      tokenizerNames: Self.tokenizerNames,
      retryPolicy: retryPolicy)
  }

  func fetch(_ name: String = id, observe: (Hub.Event) -> Void = { _ in }) throws -> Hub.Model {
    guard let name = ModelName(name) else { throw GraftError(.unknownName, "no name") }
    return try hub.model(name, observe: observe)
  }

  /// The message of a fetch that fails.
  func failure(_ name: String = id) -> String {
    do {
      _ = try fetch(name)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  /// What was asked since the last time, without addresses' queries.
  func requests() -> [String] {
    defer { server.clearLog() }
    return server.log.map { entry in
      let path = entry.target.split(separator: "?")[0]
      return "\(entry.isHub ? "hub" : "files") \(entry.method) \(path)\(entry.range.map { " " + $0 } ?? "")"
    }
  }

  /// The files of a model in the cache, read through its links.
  func contents(_ model: Hub.Model) throws -> [String: [UInt8]] {
    let names =
      FileManager.default.enumerator(atPath: model.directory.path)?.compactMap { $0 as? String } ?? []
    return Dictionary(
      uniqueKeysWithValues: try names.map { name in
        (name, Array(try Data(contentsOf: model.directory.appending(path: name))))
      })
  }

  /// Every file and link of the cache, by its path.
  func cached() -> [String] {
    (FileManager.default.enumerator(atPath: settings.cache.path)?.compactMap { $0 as? String } ?? []).filter {
      var isDirectory: ObjCBool = false
      let path = settings.cache.appending(path: $0).path
      return !FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        || !isDirectory.boolValue
    }.sorted()
  }

  /// Blobs whose bytes are not what their names say, and what is left behind.
  func wrongBlobs() throws -> [String] {
    try cached().filter { $0.contains("/blobs/") }.filter { path in
      let name = String(path.split(separator: "/").last ?? "")
      guard let content = ContentID(etag: name) else { return true }
      let bytes = Array(try Data(contentsOf: settings.cache.appending(path: path)))
      var hasher = content.hasher(size: bytes.count)
      bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) }
      return hasher.hexadecimal != name
    }
  }
}
