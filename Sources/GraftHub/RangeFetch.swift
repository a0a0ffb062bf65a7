import Foundation
import GraftTensors

/// Fetches ranges of one file over one connection, and goes on where a connection broke.
final class RangeFetch {
  /// The server sends the whole file, whatever range it is asked for.
  struct RangesIgnored: Error {}

  private let file: HubFile
  private let name: ModelName
  private let commit: String
  private let client: HubClient
  private let connection: HTTPConnection
  /// Signed addresses expire; the Hub gives new ones.
  private var url: URL

  init(
    _ file: HubFile, of name: ModelName, commit: String, _ settings: HubSettings, _ retryPolicy: RetryPolicy
  ) {
    self.file = file
    self.name = name
    self.commit = commit
    client = HubClient(settings, retryPolicy: retryPolicy)
    connection = HTTPConnection(settings)
    url = file.url
  }

  /// Gives the bytes of a range to `sink`, in their order and each once.
  ///
  /// - Parameter skipping: Whether the beginning of the file may be received again and thrown away, when the
  ///   server ignores ranges.
  /// - Throws: ``RangesIgnored``, what `sink` throws, or `GraftError` when the server has other bytes than it
  ///   said, or fails again and again.
  func fetch(_ range: Range<Int>, skipping: Bool, _ sink: @escaping (UnsafeRawBufferPointer) throws -> Void)
    throws
  {
    var attempts = Attempts(client.retryPolicy)
    let cursor = Cursor(range.lowerBound)
    while cursor.next < range.upperBound {
      let start = cursor.next
      var request = HTTPRequest(url: url)
      if start > 0 || range.upperBound < file.size { request.range = start..<range.upperBound }
      cursor.place = nil
      do {
        let (response, address) = try connection.follow(request, client.settings, leavingHost: true) {
          [self] response, bytes in
          let place = try cursor.place ?? begin(response, bytes, asked: start, skipping: skipping)
          cursor.place = place + bytes.count
          let (first, end) = (max(cursor.next, place), min(range.upperBound, place + bytes.count))
          // What is there already, when the server begins anew.
          guard first < end else { return }
          try sink(UnsafeRawBufferPointer(rebasing: bytes[first - place..<end - place]))
          cursor.next = end
          // More than was asked for would never end.
          if place + bytes.count > range.upperBound { throw HTTPConnection.Enough() }
        }
        if cursor.next > start { attempts.succeed() }
        if cursor.next == range.upperBound { return }
        let isExpired =
          [401, 403, 404, 410].contains(response.status)
          && !address.hasSameOrigin(as: client.settings.endpoint)
        let isSuccess = (200..<300).contains(response.status)
        guard isExpired || isSuccess || response.isTemporaryFailure, attempts.wait(response) else {
          throw isSuccess ? truncated(cursor.next) : refusal(response, address)
        }
        if isExpired { url = try client.file(file.path, of: name, commit: commit).url }
      } catch let failure as HTTPFailure {
        // A server that sends a byte now and then would be waited for without end.
        let least = failure.kind == .slow ? client.settings.lowestRate * client.settings.patience : 0
        if cursor.next - start > least { attempts.succeed() }
        guard [.dropped, .slow, .unreachable].contains(failure.kind), attempts.wait() else {
          throw failure.error(url, name.description)
        }
      }
    }
  }

  /// Where the next byte goes, and where the next byte of the body belongs.
  private final class Cursor {
    var next: Int
    var place: Int?

    init(_ start: Int) { next = start }
  }

  /// Where in the file a body begins.
  private func begin(
    _ response: HTTPResponse, _ bytes: UnsafeRawBufferPointer, asked: Int, skipping: Bool
  ) throws -> Int {
    if response.status == 206, let range = response.contentRange {
      guard range.total ?? file.size == file.size else { throw changed("\(range.total ?? 0) bytes") }
      guard range.start == asked else { throw skipping ? otherPart(range.start, asked) : RangesIgnored() }
      return range.start
    }
    guard skipping else { throw RangesIgnored() }
    if let length = response.length, length != file.size {
      throw changed(FileKind(Array(bytes.prefix(512)))?.description ?? "\(length) bytes")
    }
    return 0
  }

  private func changed(_ found: String) -> GraftError {
    GraftError(
      .mismatch, "the server sends something else than it said", file: name.description,
      subject: "file '\(file.path)'",
      expected: "\(file.size) bytes", found: found,
      advice: "Log in where the network asks for it, or try again later.")
  }

  private func otherPart(_ start: Int, _ asked: Int) -> GraftError {
    GraftError(
      .mismatch, "the server sends another part of the file than it was asked for", file: name.description,
      subject: "file '\(file.path)'", expected: "what begins at byte \(asked)", found: "at byte \(start)",
      advice: "Try again later, or check the proxy.")
  }

  private func refusal(_ response: HTTPResponse, _ address: URL) -> GraftError {
    guard !address.hasSameOrigin(as: client.settings.endpoint) else {
      return response.error(name, file.path, client.settings)
    }
    return GraftError(
      .system, "\(address.host() ?? "") answers with HTTP \(response.status)", file: name.description,
      subject: "file '\(file.path)'", advice: "Try again in some minutes.")
  }

  private func truncated(_ count: Int) -> GraftError {
    GraftError(
      .system, "the server ends the file too early, again and again", file: name.description,
      subject: "file '\(file.path)'", expected: "\(file.size) bytes", found: "\(count)",
      advice: "Run the command again: it goes on where it stopped.")
  }
}
