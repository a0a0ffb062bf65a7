import Foundation
import Synchronization

/// A request as it came.
public struct Request: Sendable {
  public var method: String
  /// Path and query.
  public var target: String
  /// By lower-case name.
  public var headers: [String: String]

  /// The range that is asked for, in a body of a size.
  func range(in size: Int) -> Range<Int>? {
    guard let value = headers["range"], value.hasPrefix("bytes=") else { return nil }
    let parts = value.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let start = Int(parts[0]), start < size else { return nil }
    return start..<min(size, (Int(parts[1]) ?? size - 1) + 1)
  }
}

/// An answer, and how badly it is sent.
public struct Response: Sendable {
  public enum Body: Sendable {
    case bytes([UInt8])
    case file(String, Range<Int>)

    public var count: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .file(_, let range): range.count
      }
    }
  }

  public var status: Int
  public var headers: [(String, String)]
  public var body: Body
  /// Closes the connection after so many bytes of the body.
  public var breakAfter: Int?
  /// Sends so many bytes of the body and nothing more until the other side leaves.
  public var stallsAfter: Int?
  /// Sends no faster than this.
  public var bytesPerSecond: Int?
  /// Leaves the length out, so that the end of the connection is the end of the body.
  public var hidesLength = false

  public init(_ status: Int, _ headers: [(String, String)] = [], body: Body = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  public init(_ status: Int, text: String, type: String = "text/html") {
    self.init(status, [("Content-Type", type)], body: .bytes(Array(text.utf8)))
  }
}

/// A small HTTP/1.1 server on the loopback interface: a thread for each connection, kept alive.
public final class HTTPServer: Sendable {
  public let port: Int
  private let listener: Int32
  private let isStopped = Atomic(false)

  /// Starts to listen on a free port.
  public init(_ handler: @escaping @Sendable (Request) -> Response) throws {
    signal(SIGPIPE, SIG_IGN)
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { socketAddress in
        guard bind(listener, socketAddress, length) == 0, listen(listener, 64) == 0 else { return Int32(-1) }
        return getsockname(listener, socketAddress, &length)
      }
    }
    guard status == 0 else { throw POSIXError(POSIXError.Code(rawValue: errno) ?? .EIO) }
    self.listener = listener
    self.port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread {
      while case let connection = accept(listener, nil, nil), connection >= 0 {
        Thread.detachNewThread { Connection(connection).serve(handler) }
      }
    }
  }

  deinit { stop() }

  /// Closes the port; connections that are open end by themselves.
  public func stop() {
    guard !isStopped.exchange(true, ordering: .relaxed) else { return }
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }
}

/// One connection of a client.
private struct Connection {
  private let descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  func serve(_ handler: (Request) -> Response) {
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    var input: [UInt8] = []
    while let request = read(&input), send(handler(request), to: request) {}
    close(descriptor)
  }

  private func read(_ input: inout [UInt8]) -> Request? {
    let end = Array("\r\n\r\n".utf8)
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      if let range = input.firstRange(of: end) {
        let lines = String(decoding: input[..<range.lowerBound], as: UTF8.self).components(
          separatedBy: "\r\n")
        input.removeSubrange(..<range.upperBound)
        let words = lines[0].split(separator: " ")
        guard words.count == 3 else { return nil }
        let fields = lines.dropFirst().compactMap { line -> (String, String)? in
          guard let colon = line.firstIndex(of: ":") else { return nil }
          return (
            line[..<colon].lowercased(),
            line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
          )
        }
        return Request(
          method: String(words[0]), target: String(words[1]),
          headers: Dictionary(fields, uniquingKeysWith: { $1 }))
      }
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0, input.count < 1 << 16 else { return nil }
      input += chunk[..<count]
      // Other protocols, such as TLS, do not begin with a method: they are told so, as servers do.
      if let first = input.first, !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) {
        _ = write(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        return nil
      }
    }
  }

  /// - Returns: Whether the connection stays open.
  private func send(_ response: Response, to request: Request) -> Bool {
    var head = "HTTP/1.1 \(response.status) \(response.status < 400 ? "OK" : "Error")\r\n"
    for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
    let hasLength = response.headers.contains { $0.0.lowercased() == "content-length" }
    if !hasLength, !response.hidesLength { head += "Content-Length: \(response.body.count)\r\n" }
    if response.hidesLength { head += "Connection: close\r\n" }
    guard write(Array((head + "\r\n").utf8)) else { return false }
    guard request.method != "HEAD" else { return true }
    let count = min(response.body.count, response.breakAfter ?? .max, response.stallsAfter ?? .max)
    guard write(response.body, count, response.bytesPerSecond) else { return false }
    if count < response.body.count, response.stallsAfter != nil { waitForEnd() }
    return response.breakAfter == nil && response.stallsAfter == nil && !response.hidesLength
  }

  private func waitForEnd() {
    var byte: UInt8 = 0
    while recv(descriptor, &byte, 1, 0) > 0 {}
  }

  private func write(_ body: Response.Body, _ count: Int, _ speed: Int?) -> Bool {
    let piece = speed.map { max(1, $0 / 20) } ?? count
    var done = 0
    var file: Int32 = -1
    if case .file(let path, _) = body { file = open(path, O_RDONLY) }
    defer { if file >= 0 { close(file) } }
    while done < count {
      let next = min(piece, count - done)
      switch body {
      case .bytes(let bytes):
        guard write(Array(bytes[done..<done + next])) else { return false }
        done += next
      case .file(_, let range):
        var offset = off_t(range.lowerBound + done)
        let sent = sendfile(descriptor, file, &offset, next)
        guard sent > 0 else { return false }
        done += sent
      }
      if speed != nil { usleep(50_000) }
    }
    return true
  }

  private func write(_ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }
}
