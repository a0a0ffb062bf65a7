import Foundation
import GraftTensors
import HubServer
import Testing

/// Models by name, from a Hub on the loopback interface.
@Suite struct HubTests {
  /// A Hub that has the tiny checkpoint as `acme/tiny-bert`, which was `tiny-bert` before.
  private func withHub(
    fixture: String = "base",
    _ body: (_ sandbox: Sandbox, _ server: HubServer, _ environment: [String: String]) throws -> Void
  ) throws {
    try Sandbox.with { sandbox in
      var repository = try Repository("acme/tiny-bert", URL(filePath: sandbox.resolve("{\(fixture)}")))
      repository.formerly = "tiny-bert"
      let server = try HubServer([repository])
      let environment = [
        "HF_ENDPOINT": server.endpoint, "HF_HOME": sandbox.url("hf").path, "HF_HUB_OFFLINE": "0",
        "HF_TOKEN": "hf_secret",
      ]
      try body(sandbox, server, environment)
    }
  }

  /// The README's first command asks for this, and needs nothing else.
  @Test func importByName() throws {
    try withHub(fixture: "masked-lm") { sandbox, server, environment in
      let outcome = try sandbox.graft(
        ["import", "tiny-bert", "--output", "models/bert"], environment: environment)
      #expect(outcome.code == 0, "\(outcome.stderr)")
      #expect(outcome.stdout.hasPrefix("wrote models/bert ("))
      #expect(outcome.stderr.hasPrefix("tiny-bert: main is "))
      let asked = server.log.map {
        "\($0.isHub ? "hub" : "files") \($0.method) \($0.target.split(separator: "?")[0])"
      }
      .filter { !$0.contains("resolve-cache") && !$0.contains("hub HEAD /tiny-bert/") }
      let hub = asked.filter { $0.hasPrefix("hub") }
      #expect(
        hub.prefix(2) == [
          "hub GET /api/models/tiny-bert/revision/main", "hub GET /api/models/acme/tiny-bert/revision/main",
        ])
      #expect(hub.dropFirst(2).allSatisfy { $0.hasPrefix("hub HEAD /acme/tiny-bert/resolve/") })
      #expect(asked.filter { $0.hasPrefix("files") }.count == 1)

      // It remembers where it came from.
      let heads = try sandbox.graft(["head", "list", "models/bert"]).stdout
      #expect(heads.contains("imported from tiny-bert/model.safetensors"))
      let lineage = try sandbox.graft(["inspect", "models/bert", "--lineage"]).stdout
      #expect(lineage.contains("  import  source tiny-bert, graft "))
      #expect(lineage.contains(", repository tiny-bert, commit \(server.commit)\n"))
      let repository = try Repository("acme/tiny-bert", URL(filePath: sandbox.resolve("{masked-lm}")))
      let hash = try #require(repository.files["model.safetensors"]).hash
      #expect(lineage.contains("\n          \(hash.prefix(12))  model.safetensors\n"))

      // The same model, as if it had been imported from the directory.
      let direct = try sandbox.graft(["import", "{masked-lm}", "--output", "direct"])
      #expect(direct.code == 0)
      let difference = try sandbox.graft(["diff", "models/bert", "direct"])
      #expect(difference.code == 0, "\(difference.stdout)")
    }
  }

  /// Whatever opens a model by its name keeps where it came from.
  @Test func lineageOfNames() throws {
    try withHub(fixture: "masked-lm") { sandbox, server, environment in
      let swap = ["head", "swap", "acme/tiny-bert", "--to", "sequence-classification", "--labels", "a,b"]
      let outcome = try sandbox.graft(swap + ["--output", "swapped"], environment: environment)
      #expect(outcome.code == 0, "\(outcome.stderr)")
      let inspection = try sandbox.graft(["inspect", "swapped", "--lineage", "--json"]).stdout
      let steps = try #require(try JSON(parsing: Array(inspection.utf8))["lineage"]?.array)
      #expect(steps.map { $0["action"]?.string } == ["import", "swap"])
      #expect(steps.first?["repository"]?.string == "acme/tiny-bert")
      #expect(steps.first?["commit"]?.string == server.commit)
      #expect(steps.first?["files"]?["model.safetensors"]?.string?.count == 64)

      let named = try sandbox.graft(["inspect", "acme/tiny-bert", "--lineage"], environment: environment)
      #expect(named.stdout.contains("  import  repository acme/tiny-bert, commit \(server.commit)\n"))
      let export = ["export", "acme/tiny-bert", "--format", "safetensors", "--output", "exported"]
      #expect(try sandbox.graft(export, environment: environment).code == 0)
      let card = try String(contentsOf: sandbox.url("exported/README.md"), encoding: .utf8)
      #expect(card.contains("base_model: acme/tiny-bert\n"))
    }
  }

  @Test func pullForces() throws {
    try withHub { sandbox, server, environment in
      let pull = ["pull", "acme/tiny-bert"]
      let directory = try sandbox.graft(pull, environment: environment).stdout.split(separator: "\n")[0]
      let file = URL(filePath: "\(directory)/model.safetensors")
      let whole = try Data(contentsOf: file)
      // Beyond its header the file has other bytes.
      let damaged = whole.prefix(whole.count - 100) + Data(repeating: 7, count: 100)
      try damaged.write(to: file.resolvingSymlinksInPath())
      #expect(try sandbox.graft(pull, environment: environment).stderr.hasSuffix(", from the cache\n"))
      let forced = try sandbox.graft(pull + ["--force"], environment: environment)
      #expect(forced.stderr.contains(", fetched "), "\(forced.stderr)")
      #expect(try Data(contentsOf: file) == whole)
      let both = try sandbox.graft(pull + ["--force", "--offline"], environment: environment)
      #expect(both.code == 64 && both.stderr.contains("Give --force or --offline, not both."))
    }
  }

  @Test func offlineAsksNobody() throws {
    try withHub { sandbox, server, environment in
      let first = try sandbox.graft(["pull", "tiny-bert"], environment: environment)
      #expect(first.code == 0, "\(first.stderr)")
      #expect(first.stdout.hasPrefix(sandbox.url("hf/hub/models--tiny-bert/snapshots/").path))
      let count = server.log.count
      for command in [["pull", "tiny-bert", "--offline"], ["inspect", "tiny-bert", "--offline"]] {
        let outcome = try sandbox.graft(command, environment: environment)
        #expect(outcome.code == 0, "\(outcome.stderr)")
        #expect(outcome.stderr.contains("from the cache") || outcome.stdout.contains("BertModel"))
      }
      let byVariable = environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
      #expect(try sandbox.graft(["tokenize", "tiny-bert", "he"], environment: byVariable).code == 0)
      #expect(server.log.count == count)
      // Without a network, what is there serves.
      server.stop()
      let outcome = try sandbox.graft(["pull", "tiny-bert"], environment: environment)
      #expect(outcome.code == 0)
      #expect(outcome.stderr.contains("127.0.0.1 cannot be reached ("))
      #expect(outcome.stderr.contains("; what is in the cache is used\n"))
      #expect(!outcome.stderr.contains("hf_secret"))
    }
  }

  @Test func zoo() throws {
    try withHub(fixture: "masked-lm") { sandbox, server, environment in
      let environment = environment.merging(["GRAFT_ZOO": sandbox.url("zoo.json").path]) { $1 }
      let fixture = sandbox.resolve("{masked-lm}")
      #expect(
        try sandbox.graft(["zoo", "add", "mine", fixture, "--about", "tiny"], environment: environment).code
          == 0)
      #expect(try sandbox.graft(["fill-mask", "mine", "he [MASK]"], environment: environment).code == 0)
      let list = try sandbox.graft(["zoo", "list"], environment: environment).stdout
      #expect(list.contains("mine") && list.contains("google/bert_uncased_L-12_H-768_A-12"))
      #expect(list.contains("109,482,240"))
      let ofFamily = try sandbox.graft(["zoo", "list", "--family", "roberta"], environment: environment)
      let families = ofFamily.stdout.split(separator: "\n").dropFirst().map {
        String($0.split(separator: " ")[1])
      }
      #expect(!families.isEmpty && families.allSatisfy { $0 == "roberta" }, "\(ofFamily.stdout)")
      let noFamily = try sandbox.graft(["zoo", "list", "--family", "robreta"], environment: environment)
      #expect(
        noFamily.code == 64 && noFamily.stderr.contains("Did you mean 'roberta'?"), "\(noFamily.stderr)")
      let show = try sandbox.graft(["zoo", "show", "bert-base-uncased"], environment: environment).stdout
      #expect(show.contains("68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3"))
      let verified = try sandbox.graft(["zoo", "verify", "mine"], environment: environment)
      #expect(verified.code == 0 && verified.stdout.hasPrefix("mine can be loaded, with "))
      #expect(verified.stdout.hasSuffix(" parameters; there is nothing to compare it with\n"))
      let pulled = try sandbox.graft(["pull", "mine"], environment: environment)
      #expect(pulled.code == 0 && pulled.stdout == "\(fixture)\n")
      #expect(pulled.stderr.hasPrefix("mine: a local checkpoint, registered as "))
      let shadow = ["zoo", "add", "bert-base-cased", fixture]
      #expect(
        try sandbox.graft(shadow, environment: environment).stderr
          .hasPrefix("warning: bert-base-cased stands for "))
      #expect(try sandbox.graft(shadow, environment: environment).stderr == "")
      let remove = ["zoo", "remove", "mine"]
      #expect(try sandbox.graft(remove, environment: environment).stdout.hasPrefix("removed mine from "))
      #expect(
        try sandbox.graft(remove, environment: environment).stderr
          == "graft: error: mine: no checkpoint was added under that name. "
          + "'graft zoo list' shows the checkpoints that were added.\n")
      let unknown = try sandbox.graft(["zoo", "show", "nothing"], environment: environment)
      #expect(unknown.stderr.hasPrefix("graft: error: nothing: no model of that name in the catalogue."))

      let misspelt = try sandbox.graft(["zoo", "show", "RoBERTa-bas"], environment: environment)
      #expect(misspelt.stderr.contains("Did you mean 'roberta-base'?"), "\(misspelt.stderr)")

      // A published model, its files and values checked; then with a wrong hash and a wrong value.
      let repository = try Repository("acme/tiny-bert", URL(filePath: fixture))
      let file = try #require(repository.files["model.safetensors"])
      func catalogue(_ hash: String, _ value: String, encodings: String = "[]") throws {
        let golden =
          #"{"ids": [2, 3], "output": "last_hidden_state", "first": [0, 0], "values": [[\#(value)]]}"#
        try sandbox.write(
          "zoo.json",
          """
          {"models": [{"names": ["acme/tiny-bert"], "files": {"model.safetensors": {"bytes": \(file.size), \
          "sha256": "\(hash)"}}, "golden": [\(golden)], "encodings": \(encodings)}]}
          """)
      }
      try catalogue(file.hash, "1000")
      let wrongValue = try sandbox.graft(["zoo", "verify", "acme/tiny-bert"], environment: environment)
      #expect(wrongValue.code == 1)
      #expect(wrongValue.stdout.contains("ok      model.safetensors"))
      #expect(wrongValue.stdout.contains("FAILED  last_hidden_state"))
      #expect(wrongValue.stderr.hasSuffix("the catalogue has no published tokens to compare with\n"))
      try catalogue(String(repeating: "0", count: 64), "1000")
      let wrongHash = try sandbox.graft(["zoo", "verify", "acme/tiny-bert"], environment: environment)
      #expect(wrongHash.stdout.contains("FAILED  model.safetensors"))
      try catalogue(
        file.hash, "1000", encodings: #"[{"text": "he", "ids": [2, 149, 3]}, {"text": "he", "ids": [2, 3]}]"#)
      let tokens = try sandbox.graft(["zoo", "verify", "acme/tiny-bert"], environment: environment)
      #expect(tokens.stdout.contains("ok      tokens"))
      #expect(tokens.stdout.contains("FAILED  tokens"))
      #expect(!tokens.stderr.contains("tokens to compare"))
    }
  }

  @Test func pathsWin() throws {
    try withHub { sandbox, server, environment in
      try sandbox.copy("base", to: "tiny-bert")
      let outcome = try sandbox.graft(["inspect", "tiny-bert"], environment: environment)
      #expect(outcome.code == 0)
      #expect(outcome.stdout.contains("checkpoint    tiny-bert\n"))
      #expect(server.log.isEmpty)
      let mistyped = try sandbox.graft(["inspect", "tiny-bort"], environment: environment)
      #expect(
        mistyped.stderr
          == "graft: error: tiny-bort: no such file or directory, and no model of that name was found. Did you mean "
          + "'tiny-bert'? The Hub: no model of that name at \(server.endpoint). Check the spelling. HF_TOKEN is set: its account may not see the model.\n"
      )
    }
  }

  /// One of them fetches; the others wait for it.
  @Test func eightAtOnce() throws {
    try withHub { sandbox, server, environment in
      server.spoil("GET", "signature") { response, _ in response.bytesPerSecond = 200_000 }
      let script = """
        for n in 1 2 3 4 5 6 7 8; do $GRAFT pull acme/tiny-bert > out-$n 2> err-$n & processes="$processes $!"; done
        for process in $processes; do wait $process || exit 1; done
        """
      let outcome = try sandbox.shell(script, environment: environment)
      #expect(outcome.code == 0)
      let outputs = Set(try (1...8).map { try String(contentsOf: sandbox.url("out-\($0)"), encoding: .utf8) })
      #expect(outputs.count == 1, "\(outputs)")
      #expect(server.log.filter { !$0.isHub }.count == 1)
      #expect(
        server.log.filter { $0.isHub && $0.method == "GET" && $0.target.contains("vocab.txt") }.count == 1)
      #expect(
        try sandbox.graft(["import", "acme/tiny-bert", "--output", "out"], environment: environment).code == 0
      )
    }
  }

  /// Killed at any moment, the cache has no wrong file, and the next fetch goes on.
  @Test func killedFiftyTimes() throws {
    try withHub { sandbox, server, environment in
      let repository = try Repository("acme/tiny-bert", URL(filePath: sandbox.resolve("{base}")))
      let size = repository.files["model.safetensors"]?.size ?? 0
      // So slow that fifty kills do not see the end of it.
      server.spoil("GET", "signature") { response, _ in response.bytesPerSecond = size / 32 }
      var kept = 0
      for round in 0..<50 {
        let script =
          "$GRAFT pull acme/tiny-bert & sleep 0.$((RANDOM % 3))$((RANDOM % 10)); kill -KILL $!; wait $! || true"
        _ = try sandbox.shell(script, environment: environment)
        let blobs = sandbox.url("hf/hub/models--acme--tiny-bert/blobs")
        for name in (try? FileManager.default.contentsOfDirectory(atPath: blobs.path)) ?? [] {
          let bytes = try Data(contentsOf: blobs.appending(path: name))
          if name.hasSuffix(".incomplete") {
            let file = repository.files.values.first { $0.hash == name.dropLast(".incomplete".count) }
            let whole = try #require(file).contents
            #expect(whole.starts(with: bytes), "round \(round): \(name)")
            kept = max(kept, bytes.count)
          } else {
            #expect(repository.files.values.contains { $0.hash == name && $0.contents == bytes })
          }
        }
      }
      server.spoilNothing()
      server.clearLog()
      let outcome = try sandbox.graft(["pull", "acme/tiny-bert"], environment: environment)
      #expect(outcome.code == 0, "\(outcome.stderr)")
      if kept > 0, kept < size {
        #expect(server.log.contains { !$0.isHub && $0.range?.hasPrefix("bytes=") == true })
      }
      #expect(
        try sandbox.graft(["import", "acme/tiny-bert", "--output", "out"], environment: environment).code == 0
      )
    }
  }
}
