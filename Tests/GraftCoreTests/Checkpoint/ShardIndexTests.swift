import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@Suite struct ShardIndexTests {
  /// Opens an index of this text, with shards that hold one tensor `all` each.
  func message(_ index: String, shards: [String] = ["one.raw"]) throws -> String {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.raw.index.json")
      try FileWriter.write(url, text: index)
      for shard in shards { try FileWriter.write(directory.appendingPathComponent(shard), text: "RAW1abc") }
      var names = ""
      let error = errorMessage(in: directory) {
        let (weights, format) = try Registry([RawPlugin.self]).openWeights(url)
        #expect(format == "raw")
        names = weights.tensors.keys.joined(separator: " ")
      }
      return error ?? names
    }
  }

  @Test(arguments: [
    (#"{"weight_map":{"all":"one.raw"}}"#, "all"),
    (#"{"metadata":{"total_size":3},"weight_map":{"all":"one.raw"}}"#, "all"),
    ("", "model.raw.index.json: invalid JSON at byte 0: the text ends where a value should stand."),
    ("[]", "model.raw.index.json: the index has no 'weight_map'."),
    (#"{"weight_map":{}}"#, "model.raw.index.json: the index lists no tensor."),
    (#"{"weight_map":[]}"#, "model.raw.index.json: the index has no 'weight_map'."),
    (
      #"{"weight_map":{"all":3}}"#,
      "model.raw.index.json: tensor 'all': not a file beside the index or in a folder there; found the number 3."
    ),
    (
      #"{"weight_map":{"all":""}}"#,
      #"model.raw.index.json: tensor 'all': not a file beside the index or in a folder there; found the string ""."#
    ),
    (
      #"{"weight_map":{"all":"../one.raw"}}"#,
      #"model.raw.index.json: tensor 'all': not a file beside the index or in a folder there; found the string "../one.raw"."#
    ),
    (
      #"{"weight_map":{"all":"/etc/passwd"}}"#,
      #"model.raw.index.json: tensor 'all': not a file beside the index or in a folder there; found the string "/etc/passwd"."#
    ),
    (
      #"{"weight_map":{"all":".."}}"#,
      #"model.raw.index.json: tensor 'all': not a file beside the index or in a folder there; found the string ".."."#
    ),
    (
      #"{"weight_map":{"all":"one.raw\u0000x"}}"#,
      "model.raw.index.json: tensor 'all': not a file beside the index or in a folder there; found the string \"one.raw\\u0000x\"."
    ),
    (
      #"{"weight_map":{"all":"two.raw"}}"#,
      "two.raw: this shard is missing; found 0 of 1 tensors in other shards. Download the whole model again."
    ),
    // As in transformers, what the files hold counts.
    (#"{"weight_map":{"some":"one.raw"}}"#, "all"),
    (#"{"weight_map":{"all":"./one.raw"}}"#, "all"),
    (
      #"{"weight_map":{"all":"one.raw","all":"one.raw"}}"#,
      "model.raw.index.json: invalid JSON at byte 31: the key 'all' is given twice."
    ),
    // An index may not be its own shard: opening it would never end.
    (
      #"{"weight_map":{"all":"model.raw.index.json"}}"#,
      "model.raw.index.json: a JSON text, not weights. "
        + "Name the weight file, or a shard index called '*.index.json'."
    ),
  ])
  func reads(_ index: String, _ message: String) throws {
    #expect(try self.message(index) == message)
  }

  @Test("what the shards hold counts, as in transformers; what the index says otherwise is noted")
  func disagreement() throws {
    try withTemporaryDirectory { directory in
      func open(
        _ map: String, _ shards: KeyValuePairs<String, [String]> = ["one": ["a", "b"], "folder/two": ["c"]]
      ) throws -> Weights {
        let url = directory.appendingPathComponent("index.json")
        try FileWriter.write(url, text: "{\"weight_map\":{" + map + "}}")
        let folder = directory.appending(path: "folder")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, _) in shards { try FileWriter.write(directory.appending(path: name), text: "") }
        return try ShardIndex(url).open(in: directory) { shard in
          var weights = Weights()
          let names = shards.first { shard.path.hasSuffix("/" + $0.key) }?.value ?? []
          for name in names { weights[name] = LazyTensor([1] as [Float], shape: []) }
          return weights
        }
      }
      let whole = try open(#""c":"folder/two","b":"one","a":"./one""#)
      #expect(whole.tensors.keys.elements == ["c", "b", "a"] && whole.notes.isEmpty)
      let other = try open(#""c":"one","lost":"one","gone":"one","b":"folder//./two""#)
      #expect(other.tensors.keys.elements == ["c", "b", "a"])
      #expect(
        other.notes == [
          "the index of the shards lists what no shard has: 'lost' and 1 more",
          "the index of the shards does not list 'a'",
          "the index of the shards has another shard for 'c' and 1 more",
        ])
      let error = #expect(throws: GraftError.self) {
        try open(#""a":"one","c":"folder/two""#, ["one": ["a"], "folder/two": ["a"]])
      }
      #expect(
        error?.description
          == "\(directory.path)/folder/two: tensor 'a': two shards have this tensor; found also in one.")
      for path in ["folder/../../x", "/one", "folder/..", "."] {
        #expect(throws: GraftError.self) { try open("\"a\":\"\(path)\"") }
      }
    }
  }

  /// A format that writes each tensor's name, a line each.
  struct NamesFormat: WeightFormat {
    static let name = "names"
    func open(_ file: RandomAccessFile) throws -> Weights? { nil }
    func write(_ weights: Weights, to url: URL) throws {
      try FileWriter.write(url, text: weights.tensors.keys.joined(separator: "\n"))
    }
  }

  @Test func splitsAtTheLimit() throws {
    var weights = Weights()
    for (name, count) in [("a", 4), ("b", 6), ("c", 100), ("d", 0), ("e", 10), ("f", 1)] {
      weights[name] = LazyTensor(TensorSpec(.uint8, [count]), bytes: [UInt8](repeating: 0, count: count))
    }
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.names")
      try ShardIndex.write(weights, to: url, limit: 10, format: NamesFormat())
      let files = (1...4).map { "model-0000\($0)-of-00004.names" }
      #expect(try contents(directory) == files + ["model.names.index.json"])
      let texts = try files.map {
        try String(contentsOf: directory.appendingPathComponent($0), encoding: .utf8)
      }
      #expect(texts == ["a\nb", "c", "d\ne", "f"])
      let index = try ShardIndex(directory.appendingPathComponent("model.names.index.json"))
      #expect(
        index.files == [
          "a": files[0], "b": files[0], "c": files[1], "d": files[2], "e": files[2], "f": files[3],
        ])
      #expect(index.metadata == ["total_parameters": 121, "total_size": 121])
    }
  }

  @Test func oneFileNeedsNoIndex() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.names")
      try ShardIndex.write(Weights(), to: url, limit: 1, format: NamesFormat())
      #expect(try contents(directory) == ["model.names"])
    }
  }
}
