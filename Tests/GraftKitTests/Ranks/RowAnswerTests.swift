import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import Synchronization
import TestSupport
import Testing

@testable import GraftKit

/// Rows that ranks answer together, against one process.
@Suite struct RowAnswerTests {
  /// All that a row has, and who answered it.
  private struct Echo: Codable, RowAnswer, Sendable {
    var text: String
    var rank: Int
  }

  /// What rank 0 is shown of a run, and who answered what.
  private struct Shown: Sendable, Equatable {
    var rows: [TextRow] = []
    var answers: [String] = []
    var ranks: [[Int]] = []
    var windows: [Int] { ranks.map(\.count) }
  }

  private final class Screen: Sendable {
    private let shown = Mutex(Shown())
    func add(_ rows: [TextRow], _ answers: [Echo]) {
      shown.withLock {
        $0.rows += rows
        $0.answers += answers.map(\.text)
        $0.ranks.append(answers.map(\.rank))
      }
    }
    var value: Shown { shown.withLock { $0 } }
  }

  private static func rows(_ count: Int) -> [TextRow] {
    (0..<count).map { number in
      let words = ["a\u{0}b", "\u{FEFF}é e\u{301}", "\u{2028}\u{2029}\"\\/", "🇩🇪 \u{FFFF}", ""]
      var row = TextRow(
        String(repeating: words[number % 5] + " ", count: number * 7 % 11) + "\(number)",
        pair: number % 3 == 0 ? words[(number + 1) % 5] : nil,
        label: [nil, .text("x"), .list(["1", "é"]), .columns([.init(name: "a", text: "0")])][number % 4],
        place: .init(file: "f.csv", row: number + 2, index: number))
      if number % 2 == 0 {
        row.fields["choices"] = .array([.string(words[number % 5]), .number("1e-7"), .null])
        row.fields["é"] = .object(["b": .bool(true), "a": .number("-0.0")])
      }
      return row
    }
  }

  /// Answers windows of some sizes.
  private static func run(
    _ group: any ProcessGroup, _ sizes: [Int], limit: Int = .max, bad: Int? = nil,
    into screen: Screen,
    work: @Sendable (Int, [TextRow]) throws -> Void = { _, _ in }
  ) throws {
    var rest = sizes[...]
    var all = rows(sizes.reduce(0, +))[...]
    try group.answer {
      #expect(group.leads)
      guard let size = rest.popFirst() else { return nil }
      defer { all = all.dropFirst(size) }
      return Array(all.prefix(size))
    } preparing: { rows in
      #expect(group.leads)
      for index in rows.indices { rows[index].fields["prepared"] = .bool(true) }
    } by: { rows -> [Echo] in
      try work(group.rank, rows)
      return try rows.map { row in
        if row.place.index == bad { throw GraftError(.mismatch, "a bad row").inRow(row) }
        return Echo(text: "\(row)", rank: group.rank)
      }
    } showing: { rows, answers in
      #expect(group.leads)
      screen.add(rows, answers)
      return screen.value.rows.count < limit
    }
  }

  @Test func answersAreInTheOrderOfTheRowsWhoeverMakesThem() throws {
    let sizes = [1, 2, 40, 3, 7]
    let alone = Screen()
    try Self.run(SingleProcess(), sizes, into: alone)
    let expected = alone.value
    #expect(expected.answers.count == 53 && expected.answers == expected.rows.map { "\($0)" })
    #expect(expected.rows.map(\.place.index) == Array(0..<53))
    for ranks in 1...5 {
      let shared = Screen()
      for result in Meeting(ranks).run({ try Self.run($0, sizes, into: shared) }) { try result.get() }
      let found = shared.value
      #expect(found.rows == expected.rows && found.answers == expected.answers && found.windows == sizes)
      #expect(found.ranks[0] == [0])
      #expect(Set(found.ranks[2]).count == ranks)
    }
  }

  @Test("another rank is sent all that a row is") func rowsAreSentWhole() throws {
    var row = TextRow(
      "a", pair: "b", label: .list(["c"]), place: .init(file: "d", row: 2, index: 1, kind: .question))
    (row.isTextNamed, row.fields["e"]) = (false, [1, .null])
    let sent = try JSONEncoder().encode(SharedRow(row))
    #expect(try JSONDecoder().decode(SharedRow.self, from: sent).textRow() == row)
  }

  /// Ranks get about as much text each.
  @Test func rowsAreDealtOutByLength() {
    let rows = (0..<100).map { TextRow(String(repeating: "x", count: ($0 * 37 % 100) * 20)) }
    let dealt = rows.dealt(among: 3)
    #expect(Set(dealt.flatMap(\.self)) == Set(0..<100) && dealt.map(\.count) == [33, 33, 34])
    #expect(dealt.allSatisfy { $0 == $0.sorted() })
    let lengths = dealt.map { $0.reduce(0) { $0 + rows[$1].text.utf8.count } }
    #expect(lengths.allSatisfy { abs($0 - 33000) < 1000 }, "\(lengths)")
    #expect([TextRow("a")].dealt(among: 3) == [[0], [], []])
  }

  /// What one process shows before the error, and its error; the other ranks end too.
  @Test func aRowThatCannotBeAnsweredEndsAllBehindThoseBeforeIt() throws {
    for bad in [0, 1, 12, 52] {
      let alone = Screen()
      let expected = #expect(throws: GraftError.self) {
        try Self.run(SingleProcess(), [1, 40, 12], bad: bad, into: alone)
      }
      #expect(alone.value.rows.count == bad)
      for ranks in [2, 3] {
        let shared = Screen()
        let results = Meeting(ranks).run { try Self.run($0, [1, 40, 12], bad: bad, into: shared) }
        let errors = results.map { $0.failure as? GraftError }
        #expect(errors[0] == expected && errors[0]?.subject == "row \(bad + 2)")
        for error in errors.dropFirst() { #expect(error?.subject?.hasPrefix("rank 0") == true) }
        #expect(shared.value.answers == alone.value.answers)
      }
    }
  }

  /// Rank 0 answers its rows, once; then it says what it had.
  @Test func aRankOnWhichAllRowsFailIsFoundOut() {
    let (shared, calls) = (Screen(), Counter())
    let results = Meeting(3, patience: 30).run { group in
      try Self.run(group, [80, 8], into: shared) { rank, _ in
        if rank == 0 { calls.add(1) }
        if rank == 2 { throw GraftError(.notFinite, "broken memory") }
      }
    }
    let errors = results.map { $0.failure as? GraftError }
    #expect(errors[2]?.problem == "broken memory" && errors[0] != nil && errors[1] != nil)
    #expect(shared.value.rows.map(\.place.index) == Array(0..<80) && shared.value.windows == [80])
    #expect(calls.value == 2)
  }

  @Test func aBrokenRankIsNoErrorWhenNoMoreIsWanted() throws {
    let shared = Screen()
    let results = Meeting(3).run { group in
      try Self.run(group, [6, 6], limit: 6, into: shared) { rank, _ in
        if rank == 2 { throw GraftError(.notFinite, "broken memory") }
      }
    }
    for result in results { try result.get() }
    #expect(shared.value.windows == [6])
  }

  private final class Counter: Sendable {
    private let count = Mutex(0)
    func add(_ number: Int) { count.withLock { $0 += number } }
    var value: Int { count.withLock { $0 } }
  }

  /// Tells how many there are, and how often some were sent.
  private final class Counted: RowAnswer {
    static let (alive, sent) = (Counter(), Counter())
    init() { Self.alive.add(1) }
    deinit { Self.alive.add(-1) }

    static func bytes(of answers: [Counted]) -> [UInt8] {
      sent.add(1)
      return answers.map { _ in 1 }
    }
    static func answers(of bytes: [UInt8]) -> [Counted] { bytes.map { _ in Counted() } }
  }

  @Test func answersAreSentTogetherAndAreGoneBeforeTheNextRowsAreRead() throws {
    @Sendable func run(_ group: any ProcessGroup) throws {
      var reads = 0
      try group.answer {
        if group.size == 1 { #expect(Counted.alive.value == 0) }
        reads += 1
        return reads > 3 ? nil : Self.rows(20)
      } by: { rows in
        rows.map { _ in Counted() }
      } showing: { rows, answers in
        #expect(rows.count == 20 && answers.count == 20)
        return true
      }
    }
    try run(SingleProcess())
    #expect(Counted.sent.value == 0)
    for result in Meeting(3).run(run) { try result.get() }
    #expect(Counted.sent.value == 6)
  }

  @Test func allEndWhenNoMoreIsWanted() throws {
    let shared = Screen()
    for result in Meeting(3).run({ try Self.run($0, [4, 4, 4], limit: 5, into: shared) }) { try result.get() }
    #expect(shared.value.windows == [4, 4])
  }

  @Test func noRowsAreNoWork() throws {
    let shared = Screen()
    for result in Meeting(2).run({ try Self.run($0, [], into: shared) }) { try result.get() }
    #expect(shared.value == Shown())
  }

  @Test func whatCannotBeReadEndsAll() {
    let results = Meeting(2).run { group in
      try group.answer {
        throw GraftError(.missing, "no file")
      } by: { rows in
        rows.map { Echo(text: $0.text, rank: 0) }
      } showing: { _, _ in
        true
      }
    }
    let errors = results.map { $0.failure as? GraftError }
    #expect(errors[0]?.problem == "no file" && errors[1]?.subject?.hasPrefix("rank 0") == true)
  }

  /// A row that cannot be prepared is not answered, those before it are.
  @Test func rowsAreCheckedBeforeTheyAreDealtOut() {
    for ranks in [1, 2] {
      let shown = Mutex<[String]>([])
      let results = Meeting(ranks).run { group in
        var isRead = false
        try group.answer {
          defer { isRead = true }
          return isRead ? nil : (0..<7).map { TextRow("\($0)") }
        } preparing: { rows in
          if rows.contains(where: { $0.text == "3" }) { throw GraftError(.refused, "not this one") }
        } by: { rows in
          rows.map { Echo(text: $0.text, rank: 0) }
        } showing: { _, answers in
          shown.withLock { $0 += answers.map(\.text) }
          return true
        }
      }
      #expect((results[0].failure as? GraftError)?.problem == "not this one")
      #expect(shown.withLock { $0 } == ["0", "1", "2"])
    }
  }

  /// Longer than others wait for a rank that says nothing.
  @Test func workMayTakeLong() throws {
    let shared = Screen()
    let results = Meeting(3, patience: 1).run { group in
      try Self.run(group, [5], into: shared) { rank, _ in
        if rank == 1 { Thread.sleep(forTimeInterval: 2.5) }
      }
    }
    for result in results { try result.get() }
    #expect(shared.value.windows == [5])
  }

  @Test func predictionsHaveTheBitsOfOneProcess() throws {
    let texts = (0..<40).map { String(repeating: "he can do it ", count: $0 * 5 % 13 + 1) }
    @Sendable func run(_ group: any ProcessGroup) throws -> [[Float]] {
      let model = try Support.registry().open(Support.fixture("sequence-classification")).checkpoint
        .makeModel()
      let session = InferenceSession(model, backend: try ReferenceBackend(threads: 1))
      var (isRead, found) = (false, [[Float]]())
      try group.answer {
        defer { isRead = true }
        return isRead ? nil : texts.map { TextRow($0) }
      } by: { rows in
        try predict(session, on: Dataset(rows, for: model, requiringLabels: false)).map {
          Scores(numbers: $0.scores)
        }
      } showing: { _, answers in
        found += answers.map(\.numbers)
        return true
      }
      return found
    }
    let alone = try run(SingleProcess())
    #expect(alone.count == 40 && Set(alone).count > 5)
    let results = try Meeting(3).run(run).map { try $0.get() }
    #expect(results == [alone, [], []])
  }

  private struct Scores: Codable, RowAnswer { let numbers: [Float] }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}
