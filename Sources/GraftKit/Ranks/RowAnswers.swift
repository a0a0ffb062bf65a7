import GraftCore
import GraftTensors

/// What is made of a row. Ranks send it to rank 0.
public protocol RowAnswer {
  /// The bytes of some answers, of which ``answers(of:)`` makes them again on rank 0.
  static func bytes(of answers: [Self]) throws -> [UInt8]
  static func answers(of bytes: [UInt8]) throws -> [Self]
}

extension RowAnswer where Self: Codable {
  public static func bytes(of answers: [Self]) throws -> [UInt8] { try Shared.bytes(answers) }
  public static func answers(of bytes: [UInt8]) throws -> [Self] { try Shared.value(bytes) }
}

extension ProcessGroup {
  /// Answers rows, window after window. Rank 0 has the rows; each rank answers some of a window's, and rank 0 gets all
  /// answers in the order of the rows.
  ///
  /// Where a window fails, the rows before the one that it fails on are answered all the same. A row alone is rank 0's, so
  /// that its error is the one of a single process. Where rank 0 can answer what fails on another rank, that one ends all
  /// with its error, behind the answers to the window. However long a rank works, or rank 0 waits for rows or shows
  /// answers, the others wait for it.
  ///
  /// - Parameters:
  ///   - next: Called on rank 0: the next rows; `nil` after the last.
  ///   - prepare: Called on rank 0 with the rows of a window, before any of them is answered; may change them.
  ///   - work: Answers some rows, on each rank. What is made of a row must not depend on those beside it.
  ///   - show: Called on rank 0 with rows and their answers; returns whether more are wanted.
  /// - Throws: what these throw, and `GraftError` naming a rank that does not answer. Where a rank throws, the others do.
  public func answer<Answer: RowAnswer>(
    _ next: () throws -> [TextRow]?, preparing prepare: (inout [TextRow]) throws -> Void = { _ in },
    by work: ([TextRow]) throws -> [Answer], showing show: ([TextRow], [Answer]) throws -> Bool
  ) throws {
    var windows = Windows()
    // The last rows, on rank 0.
    var dealt: DealtRows<Answer>?
    // This rank's, on its part of them.
    var failure: GraftError?
    while true {
      var parts: [[UInt8]] = []
      let deal = try valueFromLeader { () -> Deal in
        if let last = dealt {
          dealt = nil
          let answers = Result {
            if let failure { throw failure }
            return try last.all(by: work)
          }
          switch answers {
          case .success(let answers):
            guard try show(last.rows, answers) else { return .end }
            if let rank = last.failedRank { return .failed(rank) }
          case .failure(let error):
            guard error is GraftError, !windows.isAtRow else { throw error }
            windows.halve()
          }
        }
        guard let rows = try windows.advance(next, prepare) else { return .end }
        let new = DealtRows<Answer>(rows, among: size)
        dealt = new
        parts = try (0..<size).map { $0 == 0 ? [] : try Shared.bytes(new.rows(of: $0).map(SharedRow.init)) }
        return .rows(byteCounts: parts.map(\.count))
      }
      switch deal {
      case .end: return
      case .failed(let rank):
        if let failure { throw failure }
        // It says why, and ends all.
        _ = try gather([])
        throw GraftError.endedElsewhere(name(ofRank: rank))
      case .rows(let counts):
        let shared = size == 1 ? [] : try sharedRows(parts, counts)
        let found = try answers(to: dealt?.rows(of: 0) ?? shared, work)
        dealt?.answers = found.all
        failure = found.error
      }
    }
  }

  /// The answers of each rank, on rank 0; `nil` of one that has failed. The error is this one's.
  private func answers<Answer: RowAnswer>(
    to rows: [TextRow], _ work: ([TextRow]) throws -> [Answer]
  ) throws -> (all: [[Answer]?], error: GraftError?) {
    let signs = size > 1 ? SignsOfLife(self, for: .work) : nil
    let result = Result { rows.isEmpty ? [] : try work(rows) }
    try signs?.end()
    var (own, failure): ([Answer]?, GraftError?) = (nil, nil)
    do { own = try result.get() } catch let error as GraftError { failure = error }
    guard size > 1 else { return ([own], failure) }
    let bytes = leads ? [] : try own.map { try Answer.bytes(of: $0) } ?? []
    var message = [(own == nil ? WorkMessage.failed : .found).rawValue]
    message.append(word: UInt64(bytes.count))
    let messages = try ended(message)
    let all = try collected(bytes, messages.map { Int($0.word(at: 1)) })
    guard leads else { return ([], failure) }
    let theirs: [[Answer]?] = try zip(messages, all).dropFirst().map { message, bytes in
      message[0] == WorkMessage.failed.rawValue ? nil : try Answer.answers(of: bytes)
    }
    return ([own] + theirs, failure)
  }

  /// What each rank says at the end of its work. Those that are at it still say so, again and again.
  private func ended(_ message: [UInt8]) throws -> [[UInt8]] {
    while true {
      let all = try gather(message, for: .work)
      if !all.contains([WorkMessage.working.rawValue]) { return all }
    }
  }
}

/// What rank 0 says to all.
private enum Deal: Codable {
  /// The lengths of what each rank is sent of the next rows.
  case rows(byteCounts: [Int])
  /// Rank 0 has answered the rows that a rank failed on, whose number this is.
  case failed(Int)
  /// There are no more rows, or none are wanted.
  case end
}

/// Rows that ranks answer together, as rank 0 has them.
private struct DealtRows<Answer> {
  let rows: [TextRow]
  /// Where each rank's rows are among them.
  private let places: [[Int]]
  /// The answers of each rank; `nil` of one that has failed.
  var answers: [[Answer]?] = []

  init(_ rows: [TextRow], among size: Int) {
    (self.rows, places) = (rows, rows.dealt(among: size))
  }

  var failedRank: Int? { answers.firstIndex { $0 == nil } }

  func rows(of rank: Int) -> [TextRow] { places[rank].map { rows[$0] } }

  /// All answers in the order of the rows. Those that other ranks failed on are made here.
  func all(by work: ([TextRow]) throws -> [Answer]) throws -> [Answer] {
    try rows.inOrder(answers.indices.map { try answers[$0] ?? work(rows(of: $0)) }, places)
  }
}

/// The rows of a window that are still to be answered.
private struct Windows {
  /// Parts of the window, the last one first.
  private var waiting: [ArraySlice<TextRow>] = []
  private var current: ArraySlice<TextRow> = []

  /// Whether a row is answered alone.
  var isAtRow: Bool { current.count == 1 }

  /// The next rows; `nil` after the last.
  mutating func advance(
    _ next: () throws -> [TextRow]?, _ prepare: (inout [TextRow]) throws -> Void
  ) throws -> [TextRow]? {
    // What is not needed any more takes no memory beside the next rows.
    current = []
    if waiting.isEmpty {
      guard let rows = try next() else { return nil }
      waiting = [rows[...]]
    }
    while true {
      current = waiting.removeLast()
      var prepared = Array(current)
      do {
        try prepare(&prepared)
        return prepared
      } catch is GraftError where current.count > 1 { halve() }
    }
  }

  /// Has the rows come again, in halves. The error of one row says the same whatever stands beside it.
  mutating func halve() {
    let middle = current.startIndex + current.count / 2
    waiting += [current[middle...], current[..<middle]]
  }
}
