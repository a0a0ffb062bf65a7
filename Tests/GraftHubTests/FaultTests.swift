import Foundation
import HubServer
import Testing

@testable import GraftHub

/// Networks, servers and disks that misbehave: the right bytes in the end, or one clear sentence and nothing
/// wrong in the cache.
@Suite struct FaultTests {
  /// What is spoilt so that fetching still ends well.
  struct Recovery: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let spoil: @Sendable (HubServer) -> Void

    init(_ name: String, _ spoil: @escaping @Sendable (HubServer) -> Void) {
      testDescription = name
      self.spoil = spoil
    }
  }

  static let recoveries: [Recovery] = [
    Recovery("the Hub is not well twice") { server in
      server.spoil("GET", "api/models", times: 2) { response, _ in response = Response(503, text: "busy") }
    },
    Recovery("too many requests, once") { server in
      server.spoil("HEAD", "vocab.txt", times: 1) { response, _ in
        response = Response(429, [("Retry-After", "0")])
      }
    },
    Recovery("the other host is not well") { server in
      server.spoil("GET", "signature", times: 3) { response, _ in response = Response(500, text: "oops") }
    },
    Recovery("the connection breaks early, ten times") { server in
      server.spoil("GET", "signature", times: 10) { response, _ in response.breakAfter = 5000 }
    },
    Recovery("the connection breaks before the first byte") { server in
      server.spoil("GET", "signature", times: 3) { response, _ in response.breakAfter = 0 }
    },
    Recovery("ranges are ignored after a break") { server in
      server.spoil("GET", "signature", times: 1) { response, _ in response.breakAfter = 50_000 }
      server.spoil("GET", "signature") { response, request in
        guard request.headers["range"] != nil, case .file(let path, _) = response.body else { return }
        response = Response(200, body: .file(path, 0..<100_000))
      }
    },
    Recovery("a truncated body without a length") { server in
      server.spoil("GET", "signature", times: 1) { response, _ in
        guard case .file(let path, _) = response.body else { return }
        response.body = .file(path, 0..<30_000)
        response.hidesLength = true
      }
    },
    Recovery("a corrupted body, once") { server in
      server.spoil("GET", "signature", times: 1) { response, _ in
        response.body = .bytes([UInt8](repeating: 0, count: 100_000))
      }
    },
    Recovery("a signed address that expires") { server in
      server.spoil("GET", "signature", times: 1) { response, _ in response.breakAfter = 10_000 }
      server.spoil("GET", "signature", times: 1) { response, request in
        if request.headers["range"] != nil { response = Response(403, text: "Request has expired") }
      }
      server.spoil("GET", "signature", times: 2) { response, request in
        if request.headers["range"] != nil { response = Response(403, text: "Request has expired") }
      }
    },
    Recovery("more bytes than were asked for") { server in
      server.spoil("GET", "signature", times: 1) { response, _ in
        guard case .file(let path, _) = response.body else { return }
        response.body = .bytes((try? Array(Data(contentsOf: URL(filePath: path)))) ?? [] + [1, 2, 3])
        response.hidesLength = true
      }
    },
  ]

  @Test(arguments: recoveries)
  func recovers(_ recovery: Recovery) throws {
    try Bench.with { bench in
      recovery.spoil(bench.server)
      let model = try bench.fetch()
      #expect(try bench.contents(model)["model.safetensors"] == Bench.files["model.safetensors"])
      #expect(try bench.wrongBlobs() == [])
    }
  }

  /// Ranges that are ignored when a large file is fetched in pieces.
  @Test func ignoredRangesOfALargeFile() throws {
    let bytes = Bench.bytes(33 << 20, seed: 7)
    try Bench.with(["config.json": [], "model.safetensors": bytes]) { bench in
      bench.server.spoil("GET", "signature") { response, _ in
        guard case .file(let path, _) = response.body else { return }
        response = Response(200, body: .file(path, 0..<33 << 20))
      }
      let model = try bench.fetch()
      #expect(try bench.contents(model)["model.safetensors"] == bytes)
    }
  }

  /// The beginning comes again, in many pieces, and is passed over.
  @Test func ignoredRangesAfterABreak() throws {
    let bytes = Bench.bytes(5_000_000, seed: 10)
    try Bench.with(["config.json": [], "model.safetensors": bytes]) { bench in
      bench.server.spoil("GET", "signature", times: 1) { response, _ in response.breakAfter = 3_000_000 }
      bench.server.spoil("GET", "signature") { response, request in
        guard request.headers["range"] != nil, case .file(let path, _) = response.body else { return }
        response = Response(200, body: .file(path, 0..<5_000_000))
      }
      let model = try bench.fetch()
      #expect(try bench.contents(model)["model.safetensors"] == bytes)
    }
  }

  @Test func brokenPiecesOfALargeFile() throws {
    let bytes = Bench.bytes(33 << 20, seed: 8)
    try Bench.with(["config.json": [], "model.safetensors": bytes]) { bench in
      bench.server.spoil("GET", "signature", times: 12) { response, _ in response.breakAfter = 1_234_567 }
      let model = try bench.fetch()
      #expect(try bench.contents(model)["model.safetensors"] == bytes)
    }
  }

  /// What is spoilt so that fetching fails, and the sentence.
  struct Failure: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let method: String
    let part: String
    let sentence: String
    let change: @Sendable (inout Response, Request) -> Void

    init(
      _ method: String, _ part: String, _ sentence: String,
      _ change: @escaping @Sendable (inout Response, Request) -> Void
    ) {
      testDescription = sentence
      self.method = method
      self.part = part
      self.sentence = sentence
      self.change = change
    }
  }

  static let page = "<!DOCTYPE html><html><title>Log in</title></html>"

  static let failures: [Failure] = [
    Failure("GET", "api/models", "is not well (HTTP 503). Try again") { response, _ in
      response = Response(503, text: "busy")
    },
    Failure("GET", "api/models", "asks to wait: too many requests. Try again") { response, _ in
      response = Response(429, [("Retry-After", "86400")])
    },
    Failure("GET", "api/models", "did not answer as the Hub does; found an HTML page. Log in") {
      response, _ in
      response = Response(200, text: page)
    },
    Failure("HEAD", "config.json", "did not answer as the Hub does; found no X-Repo-Commit. Log in") {
      response, _ in
      response = Response(200, text: page)
    },
    Failure("HEAD", "config.json", "the file belongs to another revision than was asked for") { response, _ in
      response = Response(200, [("X-Repo-Commit", String(repeating: "0", count: 40))])
    },
    Failure("HEAD", "resolve/", "the server does not say what the file has to be") { response, _ in
      response.headers.removeAll { $0.0 == "X-Linked-Etag" }
    },
    Failure("HEAD", "resolve/", "the disk has too little room; expected 200000000000000 bytes") {
      response, _ in
      guard response.status == 302 else { return }
      response.headers.removeAll { $0.0 == "X-Linked-Size" }
      response.headers.append(("X-Linked-Size", "200000000000000"))
    },
    Failure("HEAD", "resolve/", "redirects to what is no safe address") { response, _ in
      response = Response(302, [("Location", "file:///etc/passwd")])
    },
    Failure("GET", "api/models", "redirects in circles") { response, request in
      response = Response(307, [("Location", request.target)])
    },
    Failure(
      "GET", "signature", "sends something else than it said; expected 100000 bytes, found an HTML page"
    ) {
      response, _ in response = Response(200, text: page)
    },
    Failure("GET", "signature", "received twice with wrong bytes; expected SHA-256") { response, _ in
      response.body = .bytes([UInt8](repeating: 0, count: 100_000))
    },
    Failure("GET", "signature", "redirects to what is no safe address; found 'ftp://elsewhere/x'") {
      response, _ in
      response = Response(302, [("Location", "ftp://elsewhere/x?secret")])
    },
    Failure("GET", "signature", "broke again and again") { response, _ in response.breakAfter = 0 },
    Failure("GET", "signature", "ends the file too early, again and again") { response, _ in
      response = Response(200)
      response.hidesLength = true
    },
    Failure("GET", "signature", "sends another part of the file than it was asked for") { response, request in
      response = Response(206, [("Content-Range", "bytes 7-99999/100000")], body: .bytes([1, 2, 3]))
    },
    Failure("GET", "signature", "localhost answers with HTTP 403") { response, _ in
      response = Response(403, text: "Denied")
    },
  ]

  @Test(arguments: failures)
  func fails(_ failure: Failure) throws {
    try Bench.with { bench in
      bench.server.spoil(failure.method, failure.part, failure.change)
      let message = bench.failure()
      #expect(message.contains(failure.sentence), "\(message)")
      #expect(!message.contains("secret"))
      #expect(try bench.wrongBlobs().filter { !$0.hasSuffix(".incomplete") } == [])
      // Nothing stands in the way of the next attempt.
      bench.server.spoilNothing()
      let model = try bench.fetch()
      #expect(try bench.contents(model)["model.safetensors"] == Bench.files["model.safetensors"])
      #expect(try bench.wrongBlobs() == [])
    }
  }

  /// A piece of another length than the file had.
  @Test func changedBetweenRequests() throws {
    try Bench.with { bench in
      bench.server.spoil("GET", "signature", times: 1) { response, _ in response.breakAfter = 1000 }
      bench.server.spoil("GET", "signature") { response, request in
        guard request.headers["range"] != nil else { return }
        response.headers = [("Content-Range", "bytes 1000-99998/99999")]
      }
      #expect(
        bench.failure().contains(
          "sends something else than it said; expected 100000 bytes, found 99999 bytes"))
    }
  }

  @Test(arguments: [
    ("http://127.0.0.1:9", "127.0.0.1 cannot be reached ("),
    ("http://no-such-host.invalid", "no-such-host.invalid cannot be reached ("),
    ("http://user:secret@127.0.0.1:9", "127.0.0.1 cannot be reached ("),
    ("user:secret@127.0.0.1", "HF_ENDPOINT: not an address; expected https://…, found '127.0.0.1'"),
    ("ftp://127.0.0.1", "HF_ENDPOINT: not an address; expected https://…, found 'ftp://127.0.0.1'"),
    ("huggingface.co", "HF_ENDPOINT: not an address"),
    ("host?token=secret", "HF_ENDPOINT: not an address; expected https://…, found 'host'"),
    ("host#secret", "HF_ENDPOINT: not an address; expected https://…, found 'host'"),
    ("host?token=se@secret", "HF_ENDPOINT: not an address; expected https://…, found ''"),
    ("user:se?secret@host", "HF_ENDPOINT: not an address; expected https://…, found ''"),
  ])
  func noHub(endpoint: String, sentence: String) throws {
    try Bench.with { bench in
      var bench = bench
      bench.settings.endpoint = try HubSettings(["HF_ENDPOINT": endpoint]).endpoint
      let message = bench.failure()
      #expect(message.contains(sentence), "\(message)")
      #expect(!message.contains("secret"))
    }
  }

  /// A terabyte beside an error or a redirect is not waited for.
  @Test(arguments: [(403, "does not allow it"), (307, "redirects in circles")])
  func endlessBodies(_ status: Int, _ sentence: String) throws {
    try Bench.with { bench in
      let file = bench.directory.appending(path: "endless").path
      try #require(
        FileManager.default.createFile(atPath: file, contents: nil) && truncate(file, 1 << 40) == 0)
      bench.server.spoil("GET", "api/models") { response, request in
        response = Response(status, [("Location", request.target)], body: .file(file, 0..<(1 << 40)))
        response.hidesLength = true
      }
      let message = bench.failure()
      #expect(message.contains(sentence), "\(message)")
    }
  }

  /// A byte now and then is no download.
  @Test func tooSlow() throws {
    try Bench.with { bench in
      var bench = bench
      (bench.settings.lowestRate, bench.settings.patience) = (1000, 1)
      bench.server.spoil("GET", "signature") { response, _ in response.bytesPerSecond = 20 }
      let message = bench.failure()
      #expect(message.contains("broke again and again (Operation too slow."), "\(message)")
    }
  }

  /// Each connection brings something and then stands still, which takes libcurl some seconds to find out. Two in a row
  /// would be too many, if nothing came between.
  @Test func stalls() throws {
    let bytes = Bench.bytes(1_200_000, seed: 11)
    try Bench.with(["config.json": [], "model.safetensors": bytes]) { bench in
      var bench = bench
      (bench.settings.lowestRate, bench.settings.patience) = (1000, 1)
      bench.retryPolicy.retries = 1
      bench.server.spoil("GET", "signature", times: 2) { response, _ in response.stallsAfter = 400_000 }
      let model = try bench.fetch()
      #expect(try bench.contents(model)["model.safetensors"] == bytes)
    }
  }

  @Test("passwords in libcurl's sentences are left out") func secretsInSentences() {
    let failure = HTTPFailure(kind: .other, message: "Unsupported proxy scheme for 'x://user:secret@host:1'")
    #expect(failure.message == "Unsupported proxy scheme for 'x://host:1'")
  }

  @Test func noTLS() throws {
    try Bench.with { bench in
      var bench = bench
      let address = bench.server.endpoint.replacingOccurrences(of: "http:", with: "https:")
      bench.settings.endpoint = try HubSettings(["HF_ENDPOINT": address]).endpoint
      let message = bench.failure()
      #expect(message.contains("127.0.0.1 cannot be trusted ("), "\(message)")
    }
  }

  @Test func unreachableButCached() throws {
    try Bench.with { bench in
      var bench = bench
      let model = try bench.fetch()
      bench.settings.endpoint = try HubSettings(["HF_ENDPOINT": "http://127.0.0.1:9"]).endpoint
      var notes: [String] = []
      let again = try bench.fetch { if case .unreachable(let error) = $0 { notes.append("\(error)") } }
      #expect(again.directory == model.directory)
      #expect(notes.count == 1 && notes[0].contains("cannot be reached"))
    }
  }

  /// Paths in the list of files that lead out of the model.
  @Test func pathsThatLeave() throws {
    try Bench.with { bench in
      bench.server.spoil("GET", "api/models") { response, _ in
        guard case .bytes(let bytes) = response.body else { return }
        let text = String(decoding: bytes, as: UTF8.self)
          .replacingOccurrences(of: "README.md", with: "../../../vocab.txt")
        response.body = .bytes(Array(text.utf8))
      }
      let fetched = try bench.fetch()
      #expect(try bench.contents(fetched).count == 3)
    }
  }

  // MARK: Disks

  @Test func cacheThatCannotBeWritten() throws {
    try Bench.with { bench in
      var bench = bench
      try Data().write(to: bench.directory.appending(path: "file"))
      bench.settings.cache = bench.directory.appending(path: "file/hub")
      let message = bench.failure()
      #expect(message.hasPrefix("\(bench.settings.cache.path): the cache cannot be written ("), "\(message)")
      #expect(message.hasSuffix("Make it yours, or name another one with HF_HOME."))
    }
  }

  /// What an interrupted download leaves: the right beginning, a wrong one, too much.
  @Test(arguments: [0, 1, 60_000, 99_999, 100_000, 100_001], [true, false])
  func incompleteBlobs(count: Int, right: Bool) throws {
    try Bench.with { bench in
      let model = try bench.fetch()
      let link = model.directory.appending(path: "model.safetensors")
      let blob = link.resolvingSymlinksInPath()
      let whole = Bench.files["model.safetensors"] ?? []
      let beginning = right ? Array((whole + [0]).prefix(count)) : [UInt8](repeating: 0, count: count)
      try FileManager.default.removeItem(at: blob)
      try Data(beginning).write(to: blob.appendingPathExtension("incomplete"))
      _ = bench.requests()
      let fetched = try bench.fetch()
      #expect(try bench.contents(fetched)["model.safetensors"] == whole)
      #expect(try bench.wrongBlobs() == [])
      #expect(fetched.resumed == (right && count <= 100_000 ? count : 0))
      #expect(fetched.fetched + fetched.resumed == 100_000)
      let ranges = bench.requests().filter { $0.hasPrefix("files") }.map { $0.split(separator: " ").last }
      if right, (1..<100_000).contains(count) { #expect(ranges == ["bytes=\(count)-99999"]) }
      if right, count == 100_000 { #expect(ranges == []) }
    }
  }

  @Test func locks() throws {
    try Bench.with { bench in
      let model = try bench.fetch()
      let blob = model.directory.appending(path: "model.safetensors").resolvingSymlinksInPath()
      // A file that a dead process left locks nothing.
      let lock = bench.settings.cache.appending(
        path: ".locks/models--acme--tiny-bert/\(blob.lastPathComponent).lock")
      #expect(FileManager.default.fileExists(atPath: lock.path))
      try FileManager.default.removeItem(at: blob)
      // One that is held is waited for, and what its holder fetched is used.
      let descriptor = open(lock.path, O_RDWR)
      #expect(flock(descriptor, LOCK_EX) == 0)
      _ = bench.requests()
      var waited: [String] = []
      let bytes = Bench.files["model.safetensors"] ?? []
      let again = try bench.fetch { event in
        guard case .waiting(let file) = event else { return }
        waited.append(file)
        // As the Python library does: the lock's file goes away with the lock.
        try? Data(bytes).write(to: blob)
        unlink(lock.path)
        close(descriptor)
      }
      #expect(waited == ["model.safetensors"])
      #expect(try bench.contents(again)["model.safetensors"] == bytes)
      #expect(bench.requests().filter { $0.hasPrefix("files") } == [])
    }
  }
}
