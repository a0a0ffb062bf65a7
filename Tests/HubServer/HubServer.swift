import Crypto
import Foundation
import Synchronization

/// A model that the server has.
public struct Repository: Sendable {
  /// `organisation/name`.
  public let id: String
  /// What it was called before, without an organisation.
  public var formerly: String?
  public var commit: String
  /// Only for those with this token.
  public var token: String?
  /// Only for those who accepted its terms, which here is nobody.
  public var isGated = false
  public var files: [String: File]

  /// One file. Large ones are kept by another host, as Git LFS does.
  public struct File: Sendable {
    let path: String
    public let size: Int
    let isLarge: Bool
    /// SHA-256 of a large file, Git's object id of a small one.
    public let hash: String

    public var contents: Data { (try? Data(contentsOf: URL(filePath: path))) ?? Data() }
  }

  /// The files of a directory.
  ///
  /// - Parameter commit: 40 hexadecimal digits; by default they follow from the files.
  public init(_ id: String, _ directory: URL, commit: String? = nil) throws {
    self.id = id
    let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    files = [:]
    var tree = Insecure.SHA1()
    for name in names.sorted() {
      let url = directory.appending(path: name).resolvingSymlinksInPath()
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory),
        !isDirectory.boolValue
      else { continue }
      let handle = try FileHandle(forReadingFrom: url)
      let size = try handle.seekToEnd()
      try handle.seek(toOffset: 0)
      let isLarge = ["safetensors", "bin", "h5", "ckpt"].contains(url.pathExtension)
      var (large, small) = (SHA256(), Insecure.SHA1())
      small.update(data: Data("blob \(size)\0".utf8))
      while let data = try handle.read(upToCount: 1 << 22), !data.isEmpty {
        if isLarge { large.update(data: data) } else { small.update(data: data) }
      }
      let hash = isLarge ? large.finalize().hex : small.finalize().hex
      files[name] = File(path: url.path, size: Int(size), isLarge: isLarge, hash: hash)
      tree.update(data: Data("\(name) \(hash)\n".utf8))
    }
    self.commit = commit ?? tree.finalize().hex
  }
}

/// Speaks the interface of the Hub on one port, and that of the host that it redirects large files to on
/// another: enough of both for the official Python client.
///
/// Reference: https://huggingface.co/docs/hub/api, and what `huggingface_hub` 2.4 asks for.
public final class HubServer: Sendable {
  /// What came in, and from which of the two hosts it was wanted.
  public struct Entry: Sendable, Equatable, CustomStringConvertible {
    public let isHub: Bool
    public let method: String
    public let target: String
    public let range: String?
    public let authorization: String?

    public var description: String {
      "\(isHub ? "hub" : "files") \(method) \(target)\(range.map { " " + $0 } ?? "")"
    }
  }

  /// Spoils some answers.
  private struct Fault: Sendable {
    let method: String
    let part: String
    var times: Int
    let change: @Sendable (inout Response, Request) -> Void
  }

  private struct State {
    var repositories: [Repository] = []
    var observe: @Sendable (Entry) -> Void = { _ in }
    var log: [Entry] = []
    var faults: [Fault] = []
  }

  private let shared: Shared
  private let servers: [HTTPServer]

  private final class Shared: Sendable {
    let state = Mutex(State())
    let filesPort = Mutex(0)
  }

  /// - Parameters:
  ///   - repositories: What it has.
  ///   - observe: Is told of every request before it is answered.
  public init(_ repositories: [Repository], observe: @escaping @Sendable (Entry) -> Void = { _ in }) throws {
    let shared = Shared()
    shared.state.withLock {
      $0.repositories = repositories
      $0.observe = observe
    }
    let files = try HTTPServer { Self.answer($0, shared, isHub: false) }
    shared.filesPort.withLock { $0 = files.port }
    let hub = try HTTPServer { Self.answer($0, shared, isHub: true) }
    self.shared = shared
    servers = [hub, files]
  }

  public func stop() { for server in servers { server.stop() } }

  /// What `HF_ENDPOINT` has to be.
  public var endpoint: String { "http://127.0.0.1:\(servers[0].port)" }

  /// Everything that was asked so far.
  public var log: [Entry] { shared.state.withLock { $0.log } }

  /// The commit of the first model.
  public var commit: String { shared.state.withLock { $0.repositories.first?.commit ?? "" } }

  public func clearLog() { shared.state.withLock { $0.log = [] } }

  public func setRepositories(_ repositories: [Repository]) {
    shared.state.withLock { $0.repositories = repositories }
  }

  /// Spoils the next answers to requests of a method whose address has a text in it.
  public func spoil(
    _ method: String = "GET", _ part: String, times: Int = .max,
    _ change: @escaping @Sendable (inout Response, Request) -> Void
  ) {
    shared.state.withLock {
      $0.faults.append(Fault(method: method, part: part, times: times, change: change))
    }
  }

  public func spoilNothing() { shared.state.withLock { $0.faults = [] } }

  private static func answer(_ request: Request, _ shared: Shared, isHub: Bool) -> Response {
    let entry = Entry(
      isHub: isHub, method: request.method, target: request.target, range: request.headers["range"],
      authorization: request.headers["authorization"])
    let filesPort = shared.filesPort.withLock { $0 }
    return shared.state.withLock { state in
      state.log.append(entry)
      state.observe(entry)
      var response =
        isHub
        ? HubAnswer(state.repositories, filesPort: filesPort).answer(request)
        : FilesAnswer(state.repositories).answer(request)
      for index in state.faults.indices
      where state.faults[index].times > 0 && request.method == state.faults[index].method
        && request.target.contains(state.faults[index].part)
      {
        state.faults[index].times -= 1
        state.faults[index].change(&response, request)
      }
      return response
    }
  }
}

extension Digest {
  var hex: String { map { String(format: "%02x", $0) }.joined() }
}
