import GraftCore
import GraftTensors

/// A row as rank 0 sends it to another.
struct SharedRow: Codable {
  private let text: String
  private let isTextNamed: Bool
  private let pair: String?
  private let label: WrittenLabel?
  /// Names and values; values as JSON spells them.
  private let fields: [[String]]
  private let file: String
  private let row: Int
  private let index: Int
  private let kind: TextRow.Place.Kind

  init(_ row: TextRow) {
    (text, isTextNamed, pair, label) = (row.text, row.isTextNamed, row.pair, row.label)
    fields = row.fields.map { [$0.key, $0.value.text()] }
    (file, self.row, index, kind) = (row.place.file, row.place.row, row.place.index, row.place.kind)
  }

  func textRow() throws -> TextRow {
    var made = TextRow(
      text, pair: pair, label: label,
      place: TextRow.Place(file: file, row: row, index: index, kind: kind))
    made.isTextNamed = isTextNamed
    for field in fields { made.fields[field[0]] = try JSON(parsing: Array(field[1].utf8)) }
    return made
  }
}

extension [TextRow] {
  /// The places of the rows that each of some ranks gets: about as much text for each. One row alone is rank 0's.
  func dealt(among size: Int) -> [[Int]] {
    guard size > 1 else { return [Array<Int>(indices)] }
    var places = [[Int]](repeating: [], count: size)
    for (turn, place) in placesByLength(\.memory).enumerated() {
      // Back and forth, so that none has the longer one each time.
      let rank = turn % size
      places[turn / size % 2 == 0 ? rank : size - 1 - rank].append(place)
    }
    return places.map { $0.sorted() }
  }

  /// The answers that each rank has made, in the order of the rows.
  func inOrder<Answer>(_ answers: [[Answer]], _ places: [[Int]]) -> [Answer] {
    var found = [Answer?](repeating: nil, count: count)
    for (answers, places) in zip(answers, places) {
      for (answer, place) in zip(answers, places) { found[place] = answer }
    }
    let all = found.compactMap(\.self)
    precondition(all.count == count, "\(all.count) answers to \(count) rows")
    return all
  }
}

extension ProcessGroup {
  /// This rank's rows; none on rank 0, which has its own.
  ///
  /// - Parameters:
  ///   - parts: On rank 0, those of each other rank.
  ///   - counts: How many bytes each rank is sent.
  func sharedRows(_ parts: [[UInt8]], _ counts: [Int]) throws -> [TextRow] {
    let ranges = counts.ranges
    let sent = parts.flatMap(\.self)
    var received = [UInt8](repeating: 0, count: leads ? 0 : counts[rank])
    try sent.withUnsafeBytes { sent in
      try received.withUnsafeMutableBytes { received in
        try exchange(
          sent: { leads ? .init(rebasing: sent[ranges[$0]]) : .init(start: nil, count: 0) },
          received: { $0 == 0 ? received : .init(start: nil, count: 0) })
      }
    }
    guard !leads else { return [] }
    let rows: [SharedRow] = try Shared.value(received)
    return try rows.map { try $0.textRow() }
  }

  /// The bytes of each rank, on rank 0; its own are left out.
  ///
  /// - Parameter counts: How many each rank has.
  func collected(_ own: [UInt8], _ counts: [Int]) throws -> [[UInt8]] {
    let ranges = counts.ranges
    var received = [UInt8](repeating: 0, count: leads ? counts.reduce(0, +) : 0)
    try own.withUnsafeBytes { own in
      try received.withUnsafeMutableBytes { received in
        try exchange(
          sent: { $0 == 0 ? own : .init(start: nil, count: 0) },
          received: { leads ? .init(rebasing: received[ranges[$0]]) : .init(start: nil, count: 0) })
      }
    }
    return leads ? ranges.map { Array(received[$0]) } : counts.map { _ in [] }
  }
}

extension [Int] {
  /// Where parts of these lengths stand one after another.
  fileprivate var ranges: [Range<Int>] {
    var end = 0
    return map { count in
      end += count
      return end - count..<end
    }
  }
}
