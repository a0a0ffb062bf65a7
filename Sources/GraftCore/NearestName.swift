/// Finds what a misspelt name was meant to be.
package enum NearestName {
  /// The known name that a misspelt one was meant to be: the one that is the fewest changes away, if these are few for its
  /// length; one that has all the words of the other, as `lr-scheduler` of `lr-scheduler-type`; or the one that a shorter
  /// name stands for. Letters may be large or small.
  package static func find(_ name: String, among known: some Collection<String>) -> String? {
    let near = known.map { ($0, distance(name.lowercased(), $0.lowercased())) }.filter {
      $0.1 <= mostChanges(to: min(name.count, $0.0.count))
    }
    .min { $0.1 < $1.1 }
    if let near, near.1 <= 2 { return near.0 }
    return related(name, among: known) ?? near?.0 ?? abbreviated(name, among: known)
  }

  /// How many changes a misspelt name may have: half of its characters where it is long, else a third, so that `head` is no
  /// misspelt `seed`, and none of a single one.
  private static func mostChanges(to length: Int) -> Int {
    length < 2 ? 0 : max(1, length / (length < 8 ? 3 : 2))
  }

  /// The shortest known name that begins with another, which is a quarter of it or more, as `output` does with `out`; or
  /// whose words have its letters for their first ones, as `learning-rate` has of `lr`.
  private static func abbreviated(_ name: String, among known: some Collection<String>) -> String? {
    let name = name.lowercased()
    return known.filter { candidate in
      let initials = candidate.split(separator: "-").compactMap { $0.lowercased().first }
      return initials.count > 1 && String(initials) == name
        || name.count > 2 && 4 * name.count >= candidate.count && candidate.lowercased().hasPrefix(name)
    }
    .min { $0.count < $1.count }
  }

  /// "; the nearest is 'epochs'" when a known name is near, else "; known: …".
  package static func suggestion(for name: String, among known: some Collection<String>) -> String {
    if let nearest = find(name, among: known) { return "; the nearest is '\(nearest)'" }
    return known.isEmpty ? "" : "; known: \(known.joined(separator: ", "))"
  }

  /// The known name whose words are a run of the other's words, or the other way round, where they are half of them or
  /// more; the one with the most words.
  private static func related(_ name: String, among known: some Collection<String>) -> String? {
    let words = name.split(separator: "-")
    let found = known.map { (name: $0, words: $0.split(separator: "-")) }.filter { candidate in
      let (short, long) =
        candidate.words.count < words.count ? (candidate.words, words) : (words, candidate.words)
      guard !short.isEmpty, short.count < long.count, short.joined().count > 3,
        short == candidate.words || 2 * short.count >= long.count
      else { return false }
      return (0...(long.count - short.count)).contains { Array(long[$0..<$0 + short.count]) == short }
    }
    return found.min { first, second in
      (abs(first.words.count - words.count), first.name.count)
        < (abs(second.words.count - words.count), second.name.count)
    }?.name
  }

  /// How many characters have to be put in, taken out, changed or exchanged with their neighbour to make one text of
  /// another; no more than 64 of each are looked at. Damerau and Levenshtein's distance, in its restricted form.
  package static func distance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first.prefix(64)), Array(second.prefix(64)))
    var rows = [Array(0...b.count)]
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var best = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
