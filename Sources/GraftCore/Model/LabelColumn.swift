import GraftTensors

/// How the labels of a column say which of a head's labels is meant: by their names or by their numbers.
///
/// It is decided once for all values of a column. Names win where every value is one; else the values are numbers,
/// where every value can be and none is the name of another label. `1.0` is `1`, as tables have it that went through a
/// spreadsheet, and `true` and `false` are 1 and 0 for a head of two labels, unless they are names.
public struct LabelColumn: Sendable {
  /// The head's labels, in the order of its outputs.
  public let labels: [String]
  /// The number of the first label, when the data number theirs.
  public let base: Int?
  /// Whether the values are numbers of labels.
  public let readsNumbers: Bool
  /// The labels by their names.
  private let names: [String: Int]
  /// Names that several labels have.
  private let ambiguous: Set<String>
  /// The distinct values, in the order of the data.
  private let values: [String]
  /// What each value means, as it is written; `nil` for one that means nothing.
  private let meanings: [String: Int?]

  /// - Parameters:
  ///   - labels: The head's labels, in the order of its outputs.
  ///   - base: The number of the first label, when the data number theirs. `nil` means 0, and that a name that looks
  ///     like a number is a name.
  ///   - column: All values of the column, as they are written.
  public init(labels: [String], base: Int?, column: some Sequence<String>) {
    var names: [String: Int] = [:]
    var ambiguous: Set<String> = []
    for (index, label) in labels.enumerated() {
      let name = Self.canonical(label)
      if names[name] == nil { names[name] = index } else { ambiguous.insert(name) }
    }
    var (seen, values) = (Set<String>(), [String]())
    for value in column where seen.insert(value).inserted { values.append(value) }
    let written = values.map(Self.canonical)
    let numbers = written.map { Self.number($0, names) }
    let first = base ?? 0
    func isInRange(_ number: Int) -> Bool { labels.indices.contains { $0 &+ first == number } }
    let areNames = written.allSatisfy { Self.name($0, names) != nil }
    let areNumbers = !values.isEmpty && !numbers.contains(nil)
    // Numbers that are out of range are numbers, unless some of them are names. Of what may be either, such as 0, 1, 2
    // for the labels 1, 2, 3, nobody knows which it is: one stray value would move all others.
    let haveNames = written.contains { Self.name($0, names) != nil }
    let haveOthers = zip(written, numbers).contains { name, number in
      Self.name(name, names).map { $0 != number } ?? false
    }
    let areInRange = numbers.allSatisfy { $0.map(isInRange) == true }
    // Names such as 0, 1, 2, 4 are numbers of something else: one that is missing among them is no place in the list.
    let own = labels.compactMap { Int(Self.canonical($0)) }.sorted()
    let haveGaps =
      own.count == labels.count && zip(own, own.dropFirst()).contains { $0 < $1 && $0 + 1 < $1 }
    readsNumbers =
      areNumbers && (base != nil || !areNames && !haveOthers && (areInRange || !haveNames) && !haveGaps)
    var meanings: [String: Int?] = [:]
    for (value, (name, number)) in zip(values, zip(written, numbers)) {
      let index = readsNumbers ? number.flatMap { isInRange($0) ? $0 &- first : nil } : Self.name(name, names)
      meanings[value] = .some(ambiguous.contains(name) && !readsNumbers ? nil : index)
    }
    (self.labels, self.base, self.names, self.ambiguous, self.values, self.meanings) = (
      labels, base, names, ambiguous, values, meanings
    )
  }

  /// The label that a value means; `nil` when it means none.
  public subscript(value: String) -> Int? { meanings[value] ?? nil }

  /// The label that a value means.
  ///
  /// - Parameter value: One of the column's.
  /// - Throws: `GraftError`, without a place, when it means none.
  public func index(of value: String) throws -> Int {
    if let known = meanings[value], let index = known { return index }
    let found = "'\(Self.trimmed(value).prefix(60))'"
    guard !ambiguous.contains(Self.canonical(value)) else {
      throw GraftError(
        .mismatch, "several labels of the head have this name", expected: "labels of different names",
        found: found, advice: "Number the labels in the data, and set \(option: "label-base").")
    }
    if readsNumbers { throw outOfRange(value) }
    let areNumbers = values.allSatisfy { Self.number(Self.canonical($0), names) != nil }
    let haveNames = values.contains { (meanings[$0] ?? nil) != nil }
    guard !(areNumbers && haveNames) else {
      let how = firstNumber.map { "to \($0) when classes are counted from \($0)" }
      throw GraftError(
        .mismatch, "the labels are neither all names nor all numbers",
        expected: "names (\(list)), or \(range)",
        found: found,
        advice:
          "Set \(option: "label-base") \(how ?? "when they are numbers"); else give the head these labels too: \(action: swapForData)."
      )
    }
    if let delimiter = likelyDelimiter {
      throw GraftError(
        .mismatch, "unknown label", expected: "one of \(list)", found: found,
        advice: "Set \(option: "label-delimiter") to '\(delimiter)', which stands between labels of the head."
      )
    }
    guard labels == Configuration.numberedLabels(labels.count) else {
      throw GraftError(
        .mismatch, "unknown label", expected: "one of \(list)", found: found,
        advice: areNumbers
          ? "Set \(option: "label-base") when these are the numbers of labels; else give the head the labels of the data: \(action: swapForData)."
          : "Check \(option: "label-column"), or give the head the labels of the data: \(action: swapForData)."
      )
    }
    let isAsMany = Set(values.map(Self.canonical)).count == labels.count
    throw GraftError(
      .mismatch, "the head's labels have no names, and the data have some", expected: "one of \(list)",
      found: found,
      advice: isAsMany
        ? "The data have \(dataList). Name the outputs of a trained head in its own order, which its card may say: \(action: .nameLabels("A,B,C")). Or start a new one: \(action: swapForData)."
        : "Check \(option: "label-column"), or give the head the labels of the data: \(action: swapForData)."
    )
  }

  /// What stands between names of labels in all values that are none themselves.
  private var likelyDelimiter: String? {
    let unknown = values.filter { (meanings[$0] ?? nil) == nil }
    guard !unknown.isEmpty else { return nil }
    return ["|", ";", ","].first { delimiter in
      unknown.allSatisfy { value in
        let parts = value.split(separator: delimiter)
        return parts.count > 1 && parts.allSatisfy { Self.name(Self.canonical(String($0)), names) != nil }
      }
    }
  }

  /// Where the values seem to be counted from: 1 when they reach from there to the number of labels, 0 when they begin
  /// there and stay below it.
  private var firstNumber: Int? {
    let numbers = values.compactMap { Int(Self.canonical($0)) }
    guard base == nil, numbers.count == values.count, let least = numbers.min(), let most = numbers.max()
    else { return nil }
    if least == 0, most < labels.count { return 0 }
    return least == 1 && most == labels.count ? 1 : nil
  }

  private func outOfRange(_ value: String) -> GraftError {
    let text = Self.trimmed(value)
    let isOneMore = base == nil && Int(Self.canonical(value)) == labels.count
    return GraftError(
      .mismatch, "the label number is out of range", expected: "\(range) for the labels \(list)", found: text,
      advice: isOneMore
        ? "Set \(option: "label-base") to 1 when classes are counted from 1."
        : "Choose a head with more labels, or check \(option: "label-column") and \(option: "label-base").")
  }

  /// A value of a column of which all are names, or none is a number, so that no base counts them; `nil` where they may be
  /// numbers.
  public var uncountedValue: String? {
    guard !readsNumbers,
      values.allSatisfy({ self[$0] != nil })
        || values.allSatisfy({ Self.number(Self.canonical($0), names) == nil })
    else { return nil }
    return values.first
  }

  /// How the column is read, where that is not plain: as numbers, or as names that could be numbers.
  public var note: Advice? {
    if readsNumbers { return "labels read as numbers from \(range)" }
    let numbers = values.map { Self.number(Self.canonical($0), names) }
    guard base == nil, !values.isEmpty, !numbers.contains(nil),
      zip(values, numbers).contains(where: { meanings[$0] != .some($1) })
    else { return nil }
    return "labels read as the names \(list), and not as numbers: for those set \(option: "label-base")"
  }

  private var range: String {
    let first = base ?? 0
    return "\(first) to \(first &+ labels.count &- 1)"
  }

  /// The names of the labels, cut where there are many.
  public var list: String {
    let shown = labels.prefix(20).joined(separator: ", ")
    return labels.count > 20 ? "\(shown), … (\(labels.count) labels)" : shown
  }

  /// Gives a head the labels of the data, sorted, with the head's own where the data have some of these.
  private var swapForData: Advice.Action {
    let areOthers = values.allSatisfy { (meanings[$0] ?? nil) == nil }
    return Self.swap(
      to: "NAME", labels: Self.sorted(Set((areOthers ? values : values + labels).map(Self.canonical))))
  }

  /// Gives a head labels of data: by their names, unless they are many or cannot be written in a list between commas.
  public static func swap(to head: String, labels: [String]) -> Advice.Action {
    let isList = labels.allSatisfy { name in !name.contains { $0 == "," || $0 == "'" || $0.isNewline } }
    return labels.count > 100 || !isList
      ? .swapHeadForData(to: head) : .swapHead(to: head, labels: labels.joined(separator: ","))
  }

  /// The labels of the data for a reader.
  private var dataList: String {
    let all = Self.sorted(Set(values.map(Self.canonical))).map { "'\($0.prefix(60))'" }
    return all.prefix(20).joined(separator: ", ") + (all.count > 20 ? ", … (\(all.count) labels)" : "")
  }

  // MARK: Spelling

  /// Without white space around it, and `3.0` as `3`.
  public static func canonical(_ text: String) -> String {
    let text = trimmed(text)
    guard text.contains("."), let number = Double(decimal: text).flatMap(Int.init(exactly:)) else {
      return text
    }
    return String(number)
  }

  /// Labels by their names; by their numbers where all of them are.
  public static func sorted(_ labels: Set<String>) -> [String] {
    let numbers = labels.compactMap { text in Double(decimal: text).map { (number: $0, text: text) } }
    guard numbers.count == labels.count else { return labels.sorted() }
    return numbers.sorted { ($0.number, $0.text) < ($1.number, $1.text) }.map(\.text)
  }

  /// What two labels are both called, after ``canonical(_:)``; `nil` where all names differ.
  public static func repeatedName(_ labels: [String]) -> String? {
    var seen: Set<String> = []
    return labels.map(canonical).first { !seen.insert($0).inserted }
  }

  /// - Throws: `GraftError` when two labels have the same name.
  package static func requireDifferentNames(_ labels: [String]) throws {
    guard let name = repeatedName(labels) else { return }
    throw GraftError(
      .mismatch, "two labels have the same name", expected: "labels of different names",
      found: "'\(name)' twice")
  }

  /// The label of a name. Truth values are names in any case of letters.
  private static func name(_ text: String, _ names: [String: Int]) -> Int? {
    if let index = names[text] { return index }
    guard truth(text) != nil else { return nil }
    return names.filter { $0.key.lowercased() == text.lowercased() }.values.min()
  }

  /// The number that a value may be. A truth value tells two labels apart, not more.
  private static func number(_ text: String, _ names: [String: Int]) -> Int? {
    if let number = Int(text) { return number }
    return names.count <= 2 && name(text, names) == nil ? truth(text).map { $0 ? 1 : 0 } : nil
  }

  /// The truth value that JSON or Python spells so.
  public static func truth(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "true": true
    case "false": false
    default: nil
    }
  }

  /// Without white space around it.
  public static func trimmed(_ text: String) -> String {
    guard text.first?.isWhitespace == true || text.last?.isWhitespace == true else { return text }
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
  }
}
