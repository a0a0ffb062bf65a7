import GraftCore

/// Rows in two parts, of which the held-out one has as many as are wanted.
///
/// Each class gives its share: the whole part of it, and the largest rests one more. Of several classes each keeps a row
/// in the other part. Which rows of a class are taken follows from the seed and their number alone.
package struct StratifiedSplit: Equatable {
  /// In the data's order.
  package let heldOut: [Int]
  package let others: [Int]
  /// The classes that have rows, but none that is held out.
  let missing: [Int]

  /// - Parameters:
  ///   - classes: The class of each row; the same for all spreads nothing.
  ///   - wanted: How many rows are held out, fewer than there are.
  package init(_ classes: [Int], heldOut wanted: Int, seed: UInt64) {
    let count = classes.count
    let rows = Dictionary(grouping: 0..<count) { classes[$0] }.sorted { $0.key < $1.key }
    var quotas = rows.map { $0.value.count * wanted / count }
    let rests = rows.indices.sorted { first, second in
      let (a, b) = (rows[first].value.count * wanted % count, rows[second].value.count * wanted % count)
      return a == b ? first < second : a > b
    }
    // Rests first; then, when classes of one row give nothing, whoever has rows left.
    var lacking = wanted - quotas.reduce(0, +)
    for index in rests + rests where quotas[index] < rows[index].value.count - 1 {
      guard lacking > 0 else { break }
      quotas[index] += 1
      lacking -= 1
    }
    let randomness = Randomness(seed)
    var taken: Set<Int> = []
    for (index, own) in rows.enumerated() {
      let order = randomness.split(class: own.key, count: own.value.count)
      let most = rows.count > 1 ? own.value.count - 1 : own.value.count
      taken.formUnion(order.prefix(min(quotas[index], most)).map { own.value[$0] })
    }
    heldOut = taken.sorted()
    others = (0..<count).filter { !taken.contains($0) }
    missing = rows.filter { taken.isDisjoint(with: $0.value) }.map(\.key)
  }

  /// A class for each row by its label as it is written, numbered in the order in which they come; the same for all where
  /// a row has none, or labels have fewer than two rows on average, as values have.
  package static func classes(of rows: [TextRow]) -> [Int] {
    var numbers: [WrittenLabel: Int] = [:]
    let classes = rows.map { row -> Int? in
      guard let label = row.label else { return nil }
      if numbers[label] == nil { numbers[label] = numbers.count }
      return numbers[label]
    }
    let found = classes.compactMap(\.self)
    let isSpread = found.count == rows.count && numbers.count * 2 <= rows.count
    return isSpread ? found : rows.map { _ in 0 }
  }
}
