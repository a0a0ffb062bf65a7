/// Finds what a misspelt name was meant to be.
package enum NearestName {
  /// The known name that is the fewest changes of a character away, if these are at most a third of the name's.
  package static func find(_ name: String, among known: [String]) -> String? {
    let limit = max(1, name.count / 3)
    return known.map { ($0, distance(name, $0)) }.filter { $0.1 <= limit }.min { $0.1 < $1.1 }?.0
  }

  /// How many characters have to be inserted, removed or replaced: Levenshtein's distance.
  static func distance(_ first: String, _ second: String) -> Int {
    let (first, second) = (Array(first), Array(second))
    var row = Array(0...second.count)
    for (index, character) in first.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for (place, other) in second.enumerated() {
        let substituted = diagonal + (character == other ? 0 : 1)
        diagonal = row[place + 1]
        row[place + 1] = min(substituted, row[place] + 1, diagonal + 1)
      }
    }
    return row[second.count]
  }
}
