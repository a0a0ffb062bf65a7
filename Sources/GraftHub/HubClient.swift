import Foundation
import GraftTensors

/// What the Hub says of a model at a revision.
struct ModelInfo {
  /// The name it goes by today; the oldest models were moved to organisations.
  let id: String
  /// What the revision is now, 40 hexadecimal digits.
  let commit: String
  /// Paths of all files.
  let files: [String]
}

/// One file of a model: where its bytes are, and how to tell that they are right.
struct HubFile {
  let path: String
  let url: URL
  let size: Int
  let content: ContentID
}

/// Asks the Hub about models and their files.
///
/// Reference: https://huggingface.co/docs/hub/api, and the headers of
/// https://huggingface.co/docs/huggingface_hub/package_reference/file_download
final class HubClient {
  let settings: HubSettings
  let retryPolicy: RetryPolicy
  /// No file is as large.
  private static let largestSize = 1 << 48
  private let connection: HTTPConnection

  init(_ settings: HubSettings, retryPolicy: RetryPolicy) {
    self.settings = settings
    self.retryPolicy = retryPolicy
    connection = HTTPConnection(settings)
  }

  /// What a model has at a revision.
  ///
  /// - Throws: `GraftError` of kind `missing` when there is no such model or revision, `refused` when this
  ///   user may not have it, `system` when the Hub did not answer as it should.
  func info(_ name: ModelName) throws -> ModelInfo {
    let url = try address("/api/models/\(name.id)/revision/\(Self.quoted(name.revision, keeping: ""))", name)
    var body: [UInt8] = []
    let (response, _) = try answer(HTTPRequest(url: url), name) {
      body = []
    } receive: { _, bytes in
      guard body.count + bytes.count <= 64 << 20 else { throw HTTPConnection.Enough() }
      body += bytes
    }
    try check(response, name)
    guard let json = try? JSON(parsing: body), let commit = json["sha"]?.string, ModelName.isCommit(commit),
      let siblings = json["siblings"]?.array
    else {
      throw notTheHub(name, found: FileKind(Array(body.prefix(512)))?.description ?? "something else")
    }
    let files = siblings.compactMap { $0["rfilename"]?.string }.filter(ModelName.isSafePath)
    let id = json["id"]?.string.flatMap { ModelName($0) }?.id
    return ModelInfo(id: id ?? name.id, commit: commit, files: files)
  }

  /// Where a file's bytes are, how many, and their hash.
  ///
  /// - Throws: as ``info(_:)``.
  func file(_ path: String, of name: ModelName, commit: String) throws -> HubFile {
    let url = try address("/\(name.id)/resolve/\(commit)/\(Self.quoted(path, keeping: "/"))", name)
    let (response, location) = try answer(HTTPRequest(method: .head, url: url), name)
    if !response.isRedirect { try check(response, name, path) }
    guard let found = response.headers["x-repo-commit"] else {
      throw notTheHub(name, found: "no X-Repo-Commit")
    }
    guard found == commit else {
      throw GraftError(
        .mismatch, "the file belongs to another revision than was asked for", file: name.description,
        subject: "file '\(path)'", expected: commit, found: found, advice: "Run the command again.")
    }
    let tag = response.headers["x-linked-etag"] ?? response.headers["etag"] ?? ""
    let size =
      response.headers["x-linked-size"].flatMap { Int($0) } ?? (response.isRedirect ? nil : response.length)
    guard let content = ContentID(etag: tag), let size, (0..<Self.largestSize).contains(size) else {
      throw GraftError(
        .unsupported, "the server does not say what the file has to be", file: name.description,
        subject: "file '\(path)'", expected: "its size, and an ETag that is a SHA-256 or a Git object id",
        found: tag.isEmpty ? "no ETag" : "ETag \(tag)")
    }
    return HubFile(path: path, url: location, size: size, content: content)
  }

  private func address(_ path: String, _ name: ModelName) throws -> URL {
    guard ["http", "https"].contains(settings.endpoint.scheme), settings.endpoint.host() != nil,
      let url = URL(string: settings.endpoint.absoluteString + path)
    else {
      throw GraftError(
        .malformed, "not an address", subject: "HF_ENDPOINT", expected: "https://…",
        found: "'\(settings.endpoint.withoutQuery)'")
    }
    return url
  }

  private static func quoted(_ text: String, keeping: String) -> String {
    let kept = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + keeping)
    return text.addingPercentEncoding(withAllowedCharacters: kept) ?? text
  }

  /// An answer that is neither an error of the server nor a refusal for now, which it waits for.
  ///
  /// - Parameters:
  ///   - begin: Is called before each attempt.
  ///   - receive: Is given the body of a successful answer.
  /// - Returns: The answer, and its address or, for a redirect to another host, the target.
  private func answer(
    _ request: HTTPRequest, _ name: ModelName, begin: () -> Void = {},
    receive: @escaping HTTPConnection.Receiver = { _, _ in }
  ) throws -> (HTTPResponse, URL) {
    var attempts = Attempts(retryPolicy)
    while true {
      begin()
      do {
        let answer = try connection.follow(request, settings, leavingHost: request.method == .get, receive)
        guard answer.0.isTemporaryFailure, attempts.wait(answer.0) else { return answer }
      } catch let failure as HTTPFailure {
        guard [.dropped, .slow].contains(failure.kind), attempts.wait() else {
          throw failure.error(request.url, name.description)
        }
      }
    }
  }

  private func check(_ response: HTTPResponse, _ name: ModelName, _ path: String? = nil) throws {
    guard !(200..<300).contains(response.status) else { return }
    throw response.error(name, path, settings)
  }

  private func notTheHub(_ name: ModelName, found: String) -> GraftError {
    GraftError(
      .system, "\(settings.endpoint.withoutQuery) did not answer as the Hub does", file: name.description,
      found: found, advice: "Log in where the network asks for it, or check HF_ENDPOINT and the proxy.")
  }
}

extension HTTPConnection {
  private static var mostUnread: Int { 1 << 20 }

  /// Sends a request and follows redirects, the token only to the endpoint itself.
  ///
  /// - Parameters:
  ///   - leavingHost: Whether redirects to other hosts are followed, or returned with their target.
  ///   - receive: Is given the body when the answer is a success.
  func follow(
    _ request: HTTPRequest, _ settings: HubSettings, leavingHost: Bool, _ receive: @escaping Receiver
  ) throws -> (HTTPResponse, URL) {
    var request = request
    for _ in 0..<10 {
      request.token = request.url.hasSameOrigin(as: settings.endpoint) ? settings.token : nil
      // What stands beside an error or a redirect is not read; the connection is kept where it ends soon.
      var unread = 0
      let response = try send(request) { response, bytes in
        if (200..<300).contains(response.status) { return try receive(response, bytes) }
        unread += bytes.count
        if unread > Self.mostUnread { throw Enough() }
      }
      guard response.isRedirect, let location = response.headers["location"] else {
        return (response, request.url)
      }
      guard let target = URL(string: location, relativeTo: request.url)?.absoluteURL,
        let scheme = target.scheme, scheme == "https" || scheme == "http" && request.url.scheme == "http"
      else {
        throw GraftError(
          .refused, "the server redirects to what is no safe address", file: request.url.withoutQuery,
          found: "'\(URL(string: location)?.withoutQuery ?? "")'")
      }
      if !leavingHost, !target.hasSameOrigin(as: request.url) { return (response, target) }
      request.url = target
    }
    throw GraftError(.system, "the server redirects in circles", file: request.url.withoutQuery)
  }
}

extension URL {
  /// Whether scheme, host and port are the same.
  func hasSameOrigin(as other: URL) -> Bool {
    func port(_ url: URL) -> Int { url.port ?? (url.scheme == "https" ? 443 : 80) }
    return scheme?.lowercased() == other.scheme?.lowercased()
      && host()?.lowercased() == other.host()?.lowercased()
      && port(self) == port(other)
  }

  /// The address without what may be secret in it: a signature, a password.
  var withoutQuery: String {
    guard host() != nil else {
      // No address; what is secret in one stands before an '@' or behind a '?'. Between both, nobody knows which it is.
      let parts = absoluteString.split(separator: "@", omittingEmptySubsequences: false)
      guard !parts.dropLast().contains(where: { $0.contains(where: "?#".contains) }) else { return "" }
      return parts.last.map { String($0.prefix { !"?#".contains($0) }) } ?? ""
    }
    return "\(scheme ?? "")://\(host() ?? "")\(port.map { ":\($0)" } ?? "")\(path)"
  }
}
