import CCurl
import Foundation
import GraftCore

/// A request: always for whole bytes, without compression.
struct HTTPRequest {
  enum Method { case get, head }

  var method = Method.get
  var url: URL
  /// The bytes that are wanted; `nil` for all.
  var range: Range<Int>?
  /// Who asks; only for the host that the token is for.
  var token: String?
}

/// The head of an answer.
package struct HTTPResponse {
  package private(set) var status = 0
  /// By lower-case name; of several lines of one name the last.
  package private(set) var headers: [String: String] = [:]

  package init() {}

  /// The number of bytes in the body.
  package var length: Int? { headers["content-length"].flatMap { Int($0) } }

  /// Where the body belongs in the whole, and how long that is: `bytes 0-99/1234`.
  package var contentRange: (start: Int, total: Int?)? {
    guard let value = headers["content-range"], value.lowercased().hasPrefix("bytes ") else { return nil }
    let parts = value.dropFirst(6).split(separator: "/")
    guard parts.count == 2, let start = parts[0].split(separator: "-").first.flatMap({ Int($0) }) else {
      return nil
    }
    return (start, Int(parts[1]))
  }

  package var isRedirect: Bool { [301, 302, 303, 307, 308].contains(status) && headers["location"] != nil }
}

/// Why no answer came, or only part of one.
struct HTTPFailure: Error {
  enum Kind {
    /// No server was reached: no network, no such host, or a refused connection.
    case unreachable
    /// The other side is not who it should be, or trust is not set up.
    case untrusted
    /// The connection ended too early.
    case dropped
    /// Too few bytes came for a while, or none.
    case slow
    case other
  }

  let kind: Kind
  /// libcurl's sentence, without what stands before the '@' of an address in it.
  let message: String

  init(kind: Kind, message: String) {
    self.kind = kind
    self.message = message.split(separator: "@", omittingEmptySubsequences: false).enumerated()
      .map { place, part in
        let isLast = place == message.count { $0 == "@" }
        guard !isLast else { return part }
        let secret = part.reversed().prefix { !$0.isWhitespace && !"'\"/".contains($0) }
        return part.dropLast(secret.count)
      }.joined()
  }
}

/// One request after another over connections that are kept open; proxies and certificates are libcurl's
/// business. For use by one thread at a time.
final class HTTPConnection {
  /// Is given pieces of the body as they arrive.
  typealias Receiver = (_ response: HTTPResponse, _ bytes: UnsafeRawBufferPointer) throws -> Void

  /// What the callbacks of one exchange work on.
  private final class Exchange {
    var response = HTTPResponse()
    var error: (any Error)?
    let receive: Receiver
    private var headBytes = 0
    private static let mostHeadBytes = 1 << 20

    /// Takes a line of the head; `false` when there are too many.
    func addHead(_ line: UnsafeRawBufferPointer) -> Bool {
      headBytes += line.count
      guard headBytes <= Self.mostHeadBytes else {
        error = HTTPFailure(kind: .other, message: "its answer begins with more than a megabyte of headers")
        return false
      }
      response.add(String(decoding: line, as: UTF8.self))
      return true
    }

    init(_ receive: @escaping Receiver) { self.receive = receive }
  }

  /// Receiving ends with this and is no error.
  struct Enough: Error {}

  private let curl: Result<CurlHandle, any Error> = Result { try CurlHandle() }
  private let settings: HubSettings

  init(_ settings: HubSettings) { self.settings = settings }

  /// Sends a request and waits for the end of the answer; redirects are answers like others.
  ///
  /// - Throws: ``HTTPFailure``, or what `receive` throws; the rest of the body is not waited for then.
  func send(_ request: HTTPRequest, receive: @escaping Receiver = { _, _ in }) throws -> HTTPResponse {
    let curl = try curl.get()
    let exchange = Exchange(receive)
    curl.reset()
    configure(curl)
    curl.set(CURLOPT_URL, request.url.absoluteString)
    curl.set(CURLOPT_NOBODY, request.method == .head ? 1 : 0)
    if let range = request.range { curl.set(CURLOPT_RANGE, "\(range.lowerBound)-\(range.upperBound - 1)") }
    let context = Unmanaged.passUnretained(exchange).toOpaque()
    curl.set(CURLOPT_HEADERDATA, context)
    curl.set(CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      guard let bytes, let context else { return 0 }
      let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
      return exchange.addHead(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
    }
    curl.set(CURLOPT_WRITEDATA, context)
    curl.set(CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      guard let bytes, let context else { return 0 }
      let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
      do {
        try exchange.receive(exchange.response, UnsafeRawBufferPointer(start: bytes, count: size * count))
        return size * count
      } catch {
        exchange.error = error
        return 0
      }
    }
    var headers = ["Accept-Encoding: identity"]
    if let token = request.token { headers.append("Authorization: Bearer \(token)") }
    let (code, message) = withExtendedLifetime(exchange) { curl.perform(headers: headers) }
    switch exchange.error {
    case is Enough: return exchange.response
    case let error?: throw error
    case nil: break
    }
    guard code == CURLE_OK else { throw HTTPFailure(kind: .init(code), message: message) }
    return exchange.response
  }

  private func configure(_ curl: CurlHandle) {
    curl.set(CURLOPT_NOSIGNAL, 1)
    curl.restrictProtocols()
    curl.set(CURLOPT_USERAGENT, "graft")
    curl.set(CURLOPT_CONNECTTIMEOUT, 20)
    curl.set(CURLOPT_LOW_SPEED_LIMIT, settings.lowestRate)
    curl.set(CURLOPT_LOW_SPEED_TIME, settings.patience)
    curl.set(CURLOPT_BUFFERSIZE, 256 << 10)
    curl.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    if let file = settings.certificateFile { curl.set(CURLOPT_CAINFO, file) }
    if let directory = settings.certificateDirectory { curl.set(CURLOPT_CAPATH, directory) }
  }
}

extension HTTPResponse {
  /// Takes a line of the head; a status line begins another answer, as after `100 Continue`.
  package mutating func add(_ line: String) {
    if line.hasPrefix("HTTP/") {
      let parts = line.split(whereSeparator: \.isWhitespace)
      (status, headers) = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0, [:])
    } else if let colon = line.firstIndex(of: ":") {
      let name = line[..<colon].lowercased()
      headers[name] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }
}

extension HTTPFailure.Kind {
  fileprivate init(_ code: CURLcode) {
    self =
      switch code {
      case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT: .unreachable
      case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE,
        CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR:
        .untrusted
      case CURLE_OPERATION_TIMEDOUT: .slow
      case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR,
        CURLE_SEND_ERROR,
        CURLE_HTTP2, CURLE_HTTP2_STREAM:
        .dropped
      default: .other
      }
  }
}
