import Foundation
import GraftTensors

/// Brings one file into the cache, from where an earlier attempt stopped.
struct Download {
  let file: HubFile
  let name: ModelName
  let commit: String
  let settings: HubSettings
  let retryPolicy: RetryPolicy
  /// Is told how many bytes are there.
  let progress: (Int) -> Void

  /// What is fetched over several connections at once, and in which pieces.
  private static let parallelSize = 32 << 20
  private static let segmentSize = 4 << 20
  private static let connections = 4

  /// Fetches the blob and checks it; once more from its beginning when the bytes are wrong.
  ///
  /// - Returns: How many bytes an interrupted fetch had left; the others were received.
  /// - Throws: `GraftError` when that does not help, the server fails or the disk is full. What was received
  ///   stays for the next attempt.
  func run(into blob: URL) throws -> Int {
    let writer = try BlobWriter(blob, file.content, size: file.size)
    for attempt in 1...2 {
      let left = writer.count
      progress(left)
      if file.size - writer.count >= Self.parallelSize {
        try receiveInParallel(writer)
      } else {
        try receive(writer)
      }
      guard let found = try writer.finish() else { return left }
      guard attempt == 2 else { continue }
      let expected =
        switch file.content {
        case .sha256(let hash): "SHA-256 \(hash)"
        case .gitBlob(let id): "Git object \(id)"
        }
      throw GraftError(
        .malformed, "the file was received twice with wrong bytes", file: name.description,
        subject: "file '\(file.path)'", expected: expected, found: found,
        advice: "Something between here and the Hub changes it: check the proxy and HF_ENDPOINT.")
    }
    return 0
  }

  private var fetch: RangeFetch { RangeFetch(file, of: name, commit: commit, settings, retryPolicy) }

  private func receive(_ writer: BlobWriter) throws {
    try fetch.fetch(writer.count..<file.size, skipping: true) { bytes in
      try writer.append(bytes)
      progress(writer.count)
    }
  }

  private func receiveInParallel(_ writer: BlobWriter) throws {
    let queue = SegmentQueue(
      writer.count..<file.size, segmentSize: Self.segmentSize, window: Self.connections + 1)
    defer { queue.stop() }
    for _ in 0..<Self.connections {
      nonisolated(unsafe) let fetch = fetch
      Thread.detachNewThread {
        do {
          while let segment = queue.claim() {
            try fetch.fetch(segment.range, skipping: false) { try queue.add($0, to: segment) }
          }
        } catch {
          queue.fail(error)
        }
      }
    }
    do {
      while writer.count < file.size {
        try queue.take(waiting: progress) { try writer.append($0) }
        progress(queue.receivedCount)
      }
    } catch is RangeFetch.RangesIgnored {
      try receive(writer)
    }
  }
}
