import Foundation
import GraftTensors
import HubServer
import Testing

@testable import GraftHub

/// What is fetched, where it is put, and what is asked for.
@Suite struct FetchTests {
  @Test func onlyWhatIsNeeded() throws {
    try Bench.with { bench in
      let model = try bench.fetch()
      let commit = model.commit
      let place = "/api/resolve-cache/models/\(Bench.id)/\(commit)"
      let hash = "model.safetensors"
      let blob = try #require(bench.cached().first { $0.contains("/blobs/") && $0.count > 90 })
      let large = "/\(Bench.id)/\(blob.split(separator: "/").last ?? "")"
      #expect(
        bench.requests() == [
          "hub GET /api/models/\(Bench.id)/revision/main",
          "hub HEAD /\(Bench.id)/resolve/\(commit)/config.json", "hub HEAD \(place)/config.json",
          "hub HEAD /\(Bench.id)/resolve/\(commit)/vocab.txt", "hub HEAD \(place)/vocab.txt",
          "hub HEAD /\(Bench.id)/resolve/\(commit)/\(hash)",
          "hub GET \(place)/config.json", "hub GET \(place)/vocab.txt", "files GET \(large)",
        ])
      let wanted = ["config.json", "vocab.txt", "model.safetensors"]
      #expect(try bench.contents(model) == Bench.files.filter { wanted.contains($0.key) })
      #expect(model.fetched == wanted.reduce(0) { $0 + (Bench.files[$1]?.count ?? 0) })
    }
  }

  /// The layout that the Python library reads and writes.
  @Test func layout() throws {
    try Bench.with(["config.json": Array("{}".utf8), "model.safetensors": Array("weights".utf8)]) { bench in
      let model = try bench.fetch()
      // git hash-object, sha256sum
      let (small, large) = (
        "9e26dfeeb6e641a33dae4961196235bdb965b21b",
        "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"
      )
      let folder = "models--acme--tiny-bert"
      let found = bench.cached()
      #expect(found.contains("\(folder)/blobs/\(small)"))
      #expect(found.contains("\(folder)/blobs/\(large)"))
      #expect(found.count == 8, "\(found)")
      let locks = found.filter { $0.hasPrefix(".locks/\(folder)/") && $0.hasSuffix(".lock") }
      #expect(locks.count == 3 && locks.contains(".locks/\(folder)/graft.lock"))
      let link = model.directory.appending(path: "config.json").path
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "../../blobs/\(small)")
      let ref = bench.settings.cache.appending(path: "\(folder)/refs/main")
      #expect(try String(contentsOf: ref, encoding: .utf8) == model.commit)
    }
  }

  /// What had no name yet, a link or a text, is where the next process makes its own.
  @Test("what a killed process was about to name does not stay") func killed() throws {
    try Bench.with { bench in
      let folder = bench.settings.cache.appending(path: "models--acme--tiny-bert")
      let model = try bench.fetch()
      let whole = bench.cached()
      for lost in ["snapshots/\(model.commit)/config.json", "refs/main"] {
        let temporary = folder.appending(path: ".graft")
        try FileManager.default.moveItem(at: folder.appending(path: lost), to: temporary)
        try FileWriter.write(folder.appending(path: "..graft.partial-1"), text: "half")
        // The last thing that is named is the commit.
        if lost != "refs/main" {
          try FileManager.default.removeItem(at: folder.appending(path: "refs/main"))
        }
        _ = try bench.fetch()
        #expect(bench.cached() == whole)
        #expect(!FileManager.default.fileExists(atPath: temporary.path))
      }
      #expect(try bench.wrongBlobs() == [])
    }
  }

  @Test func onceOnly() throws {
    try Bench.with { bench in
      let first = try bench.fetch()
      _ = bench.requests()
      #expect(try bench.fetch().fetched == 0)
      #expect(bench.requests() == ["hub GET /api/models/\(Bench.id)/revision/main"])
      // A commit cannot move.
      #expect(try bench.fetch("\(Bench.id)@\(first.commit)").directory == first.directory)
      #expect(bench.requests() == [])
    }
  }

  @Test func movedBranch() throws {
    try Bench.with { bench in
      let first = try bench.fetch()
      let model = bench.directory.appending(path: "model")
      try Data(Bench.bytes(100_000, seed: 9)).write(to: model.appending(path: "model.safetensors"))
      bench.server.setRepositories([try Repository(Bench.id, model)])
      _ = bench.requests()
      let second = try bench.fetch()
      #expect(second.commit != first.commit)
      #expect(second.fetched == 100_000)
      #expect(bench.requests().filter { $0.contains("GET") }.count == 2)
      #expect(try bench.contents(first)["model.safetensors"] == Bench.files["model.safetensors"])
    }
  }

  @Test func legacyName() throws {
    try Bench.with(formerly: "tiny-bert") { bench in
      let model = try bench.fetch("tiny-bert")
      #expect(model.directory.path.contains("/models--tiny-bert/snapshots/"))
      #expect(try bench.contents(model).count == 3)
      // Its present name takes the same bytes, without a second download.
      _ = bench.requests()
      let present = try bench.fetch(Bench.id)
      #expect(try bench.contents(present) == bench.contents(model))
    }
  }

  @Test func presentNameFirst() throws {
    try Bench.with(formerly: "tiny-bert") { bench in
      _ = try bench.fetch(Bench.id)
      _ = bench.requests()
      let model = try bench.fetch("tiny-bert")
      #expect(try bench.contents(model).count == 3)
      #expect(bench.requests().filter { $0.hasPrefix("files") } == [])
    }
  }

  /// Offline the Hub cannot say that two names are one model's.
  @Test(arguments: [("tiny-bert", Bench.id), (Bench.id, "tiny-bert")])
  func eitherNameOffline(fetched: String, asked: String) throws {
    try Bench.with(formerly: "tiny-bert") { bench in
      let model = try bench.fetch(fetched)
      var settings = bench.settings
      settings.isOffline = true
      let name = try #require(ModelName(asked))
      #expect(try bench.hub(settings).cached(name) == nil)
      let hub = Hub(
        settings, weightNames: Bench.weightNames, configurationNames: ["config.json"],
        tokenizerNames: Bench.tokenizerNames,
        synonyms: [["tiny-bert", Bench.id]])
      #expect(try hub.model(name).directory == model.directory)
      let commit = try #require(ModelName("\(asked)@\(model.commit)"))
      #expect(try hub.model(commit).directory == model.directory)
    }
  }

  @Test func damagedFiles() throws {
    try Bench.with { bench in
      let model = try bench.fetch()
      let blob = model.directory.appending(path: "model.safetensors").resolvingSymlinksInPath()
      let whole = try #require(Bench.files["model.safetensors"])
      // Too short.
      try Data(whole.prefix(10)).write(to: blob)
      #expect(try bench.fetch().fetched == 0)
      #expect(try bench.hub.model(model.name, checking: .sizes).fetched == whole.count)
      #expect(try bench.contents(model)["model.safetensors"] == whole)
      // Other bytes.
      try Data(whole.reversed()).write(to: blob)
      #expect(try bench.hub.model(model.name, checking: .sizes).fetched == 0)
      #expect(try bench.hub.model(model.name, checking: .contents).fetched == whole.count)
      #expect(try bench.contents(model)["model.safetensors"] == whole)
      #expect(try bench.hub.model(model.name, checking: .contents).fetched == 0)
      #expect(try bench.wrongBlobs() == [])

      var settings = bench.settings
      settings.isOffline = true
      #expect {
        try bench.hub(settings).model(model.name, checking: .contents)
      } throws: {
        "\($0)".hasPrefix("acme/tiny-bert: files cannot be fetched again offline.")
      }
    }
  }

  @Test func shards() throws {
    let index = """
      {"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
      """
    let files = [
      "config.json": Array("{}".utf8), "model.safetensors.index.json": Array(index.utf8),
      "model-00001-of-00002.safetensors": Bench.bytes(1000, seed: 4),
      "model-00002-of-00002.safetensors": Bench.bytes(2000, seed: 5), "pytorch_model.bin": [1],
    ]
    try Bench.with(files) { bench in
      let model = try bench.fetch()
      #expect(try bench.contents(model) == files.filter { $0.key != "pytorch_model.bin" })
      var offline = bench.settings
      offline.isOffline = true
      #expect(try bench.hub(offline).cached(model.name) != nil)
      try FileManager.default.removeItem(
        at: model.directory.appending(path: "model-00002-of-00002.safetensors"))
      #expect(try bench.hub(offline).cached(model.name) == nil)
    }
  }

  /// Weights that another tool fetched serve, although the Hub has better ones.
  @Test func otherWeightsInTheCache() throws {
    try Bench.with { bench in
      let model = try bench.hub(bench.settings).model(try #require(ModelName(Bench.id)))
      let file = model.directory.appending(path: "model.safetensors")
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: file.path)
      try FileManager.default.moveItem(at: file, to: model.directory.appending(path: "pytorch_model.bin"))
      _ = bench.requests()
      #expect(try bench.fetch().fetched == 0, "\(target)")
    }
  }

  @Test func offline() throws {
    try Bench.with { bench in
      var offline = bench
      offline.settings.isOffline = true
      #expect(
        offline.failure()
          == "acme/tiny-bert: no model of that name in the cache. "
          + "Fetch it with 'Hub.model(\"acme/tiny-bert\")', without 'offline' and HF_HUB_OFFLINE.")
      let model = try bench.fetch()
      _ = bench.requests()
      #expect(try offline.fetch().directory == model.directory)
      #expect(try offline.fetch("\(Bench.id)@\(model.commit)").directory == model.directory)
      #expect(offline.failure("\(Bench.id)@v1").contains("not whole in the cache"))
      #expect(bench.requests() == [])
    }
  }

  /// Above 32 MB in pieces over several connections, in memory that does not grow with the file.
  @Test func parallelRanges() throws {
    var files = Bench.files
    files["model.safetensors"] = Bench.bytes(40_000_001, seed: 6)
    try Bench.with(files) { bench in
      var last = (received: 0, total: 0)
      let model = try bench.fetch {
        if case .progress(let received, let total) = $0 { last = (received, total) }
      }
      #expect(try bench.contents(model)["model.safetensors"] == files["model.safetensors"])
      #expect(last.received == last.total && last.total == model.fetched)
      let ranges = bench.requests().filter { $0.contains("bytes=") }
      #expect(ranges.count == 10)
      #expect(ranges.contains { $0.hasSuffix(" bytes=37748736-40000000") })
    }
  }

  @Test func tokenStaysAtTheHub() throws {
    try Bench.with(change: { $0.token = "hf_secret" }) { bench in
      var private_ = bench
      #expect(
        private_.failure() == "acme/tiny-bert: no model of that name at \(bench.server.endpoint). "
          + "Check the spelling. For a private model set HF_TOKEN.")
      private_.settings.token = "hf_secret"
      bench.server.clearLog()
      _ = try private_.fetch()
      let log = bench.server.log
      #expect(log.filter(\.isHub).allSatisfy { $0.authorization == "Bearer hf_secret" })
      #expect(log.contains { !$0.isHub })
      #expect(log.filter { !$0.isHub }.allSatisfy { $0.authorization == nil })
    }
  }

  @Test func refusals() throws {
    try Bench.with(change: { $0.isGated = true }) { bench in
      #expect(
        bench.failure()
          == "acme/tiny-bert: file 'config.json': the model is only given to those who accept its terms. "
          + "Accept them at \(bench.server.endpoint)/acme/tiny-bert, then set HF_TOKEN to a token of that account."
      )
      #expect(bench.failure("\(Bench.id)@v9") == "acme/tiny-bert@v9: the model has no revision 'v9'.")
      #expect(bench.failure("acme/other").hasPrefix("acme/other: no model of that name at http://127.0.0.1"))
      #expect(bench.cached() == [])
    }
    try Bench.with(["config.json": [], "weights.txt": []]) { bench in
      #expect(
        bench.failure() == "acme/tiny-bert: the model has no weights that can be read; expected one of "
          + "model.safetensors, pytorch_model.bin, tf_model.h5, found config.json, weights.txt.")
    }
  }
}
