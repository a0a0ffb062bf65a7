import GraftCore
import GraftTensors

/// What is made of a row. Ranks send it to rank 0.
public protocol RowAnswer {
  /// Its bytes, of which ``init(bytes:)`` makes it again on rank 0.
  func bytes() throws -> [UInt8]
  init(bytes: [UInt8]) throws
}

extension RowAnswer where Self: Codable {
  public func bytes() throws -> [UInt8] { try Shared.bytes(self) }
  public init(bytes: [UInt8]) throws { self = try Shared.value(bytes) }
}

extension ProcessGroup {
  /// Answers rows, window after window. Rank 0 has the rows; each rank answers some of a window's, and rank 0 gets all
  /// answers in the order of the rows.
  ///
  /// Where a window fails, the rows before the one that it fails on are answered all the same. A row alone is rank 0's, so
  /// that its error is the one of a single process. A rank on which rows fail that do not elsewhere ends with its error.
  /// However long a rank works, or rank 0 waits for rows or shows answers, the others wait for it.
  ///
  /// - Parameters:
  ///   - next: Called on rank 0: the next rows; `nil` after the last.
  ///   - prepare: Called on rank 0 with the rows of a window, before any of them is answered; may change them.
  ///   - work: Answers some rows, on each rank. What is made of a row must not depend on those beside it.
  ///   - show: Called on rank 0 with rows and their answers; returns whether more are wanted.
  /// - Throws: what these throw, and `GraftError` naming a rank that does not answer. Where rank 0 throws, the others do.
  public func answer<Answer: RowAnswer>(
    _ next: () throws -> [TextRow]?, preparing prepare: (inout [TextRow]) throws -> Void = { _ in },
    by work: ([TextRow]) throws -> [Answer], showing show: ([TextRow], [Answer]) throws -> Bool
  ) throws {
    var windows = Windows()
    var answered: (rows: [TextRow], answers: [Answer])?
    // Of a row alone, on rank 0; of rows that come again, on others.
    var failure: GraftError?
    while true {
      var (rows, places, parts) = ([TextRow](), [[Int]](), [[UInt8]]())
      let deal: Deal? = try valueFromLeader {
        if let failure { throw failure }
        if let (rows, answers) = answered, try !show(rows, answers) { return nil }
        guard let isNew = try windows.advance(next, prepare) else { return nil }
        rows = windows.prepared
        places = rows.dealt(among: size)
        parts = size == 1 ? [] : try places.map { try Shared.bytes($0.map { SharedRow(rows[$0]) }) }
        return Deal(byteCounts: parts.map(\.count), isNew: isNew)
      }
      if let failure, deal?.isNew != false {
        // The rows were answered elsewhere.
        throw failure
      }
      guard let deal else { return }
      let found = try answers(to: size == 1 ? rows : sharedRows(parts, deal.byteCounts), work)
      if leads {
        answered = nil
        if let all = found.all {
          answered = (rows, rows.inOrder(all, places))
        } else if windows.isAtRow {
          failure = found.error
        } else {
          windows.halve()
        }
      } else {
        failure = failure ?? found.error
      }
    }
  }

  /// The answers of each rank, on rank 0; `nil` when any has failed. The error is this one's.
  private func answers<Answer: RowAnswer>(
    to rows: [TextRow], _ work: ([TextRow]) throws -> [Answer]
  ) throws -> (all: [[Answer]]?, error: GraftError?) {
    let signs = size > 1 ? SignsOfLife(self) : nil
    let result = Result { rows.isEmpty ? [] : try work(rows) }
    try signs?.end()
    let own: [Answer]
    do { own = try result.get() } catch let error as GraftError {
      if size > 1 { _ = try ended([LeaderMessage.failed.rawValue]) }
      return (nil, error)
    }
    guard size > 1 else { return ([own], nil) }
    let bytes = leads ? [] : try own.packed()
    var message = [LeaderMessage.found.rawValue]
    message.append(word: UInt64(bytes.count))
    let messages = try ended(message)
    guard !messages.contains([LeaderMessage.failed.rawValue]) else { return (nil, nil) }
    let theirs = try collected(bytes, messages.map { Int($0.word(at: 1)) })
    return (leads ? try [own] + theirs.dropFirst().map { try [Answer](packed: $0) } : nil, nil)
  }

  /// What each rank says at the end of its work. Those that are at it still say so, again and again.
  private func ended(_ message: [UInt8]) throws -> [[UInt8]] {
    while true {
      let all = try gather(message, for: .leader)
      if !all.contains([LeaderMessage.working.rawValue]) { return all }
    }
  }
}

/// What rank 0 says of a window.
private struct Deal: Codable {
  /// The lengths of what each rank is sent.
  let byteCounts: [Int]
  /// Whether all rows before were answered.
  let isNew: Bool
}

/// The rows of a window that are still to be answered.
private struct Windows {
  /// Parts of the window, the last one first.
  private var waiting: [ArraySlice<TextRow>] = []
  private var current: ArraySlice<TextRow> = []
  /// The rows that are answered now.
  private(set) var prepared: [TextRow] = []

  /// Whether a row is answered alone.
  var isAtRow: Bool { current.count == 1 }

  /// Goes on to the next rows.
  ///
  /// - Returns: Whether they begin a window; `nil` after the last rows.
  mutating func advance(
    _ next: () throws -> [TextRow]?, _ prepare: (inout [TextRow]) throws -> Void
  ) throws -> Bool? {
    var isNew = false
    if waiting.isEmpty {
      guard let rows = try next() else { return nil }
      (waiting, isNew) = ([rows[...]], true)
    }
    while true {
      current = waiting.removeLast()
      prepared = Array(current)
      do {
        try prepare(&prepared)
        return isNew
      } catch is GraftError where current.count > 1 { halve() }
    }
  }

  /// Has the rows come again, in halves. The error of one row says the same whatever stands beside it.
  mutating func halve() {
    let middle = current.startIndex + current.count / 2
    waiting += [current[middle...], current[..<middle]]
  }
}
