/// Names that were perhaps meant.
enum NearestName {
  /// "; the nearest is 'epochs'" when a known name is near, else "; known: …".
  static func suggestion(for name: String, among known: some Collection<String>) -> String {
    if let nearest = nearest(to: name, among: known) { return "; the nearest is '\(nearest)'" }
    return known.isEmpty ? "" : "; known: \(known.joined(separator: ", "))"
  }

  /// The name that was perhaps meant.
  static func nearest(to name: String, among known: some Collection<String>) -> String? {
    let nearest = known.map { ($0, distance(name, $0)) }.min { $0.1 < $1.1 }
    guard let (candidate, distance) = nearest else { return nil }
    return distance <= max(1, min(name.count, candidate.count) / 2) ? candidate : nil
  }

  /// How many letters have to be put in, taken out, changed or exchanged with their neighbour to make one text
  /// of another; no more than 64 letters of each are looked at.
  static func distance(_ first: String, _ second: String) -> Int {
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
